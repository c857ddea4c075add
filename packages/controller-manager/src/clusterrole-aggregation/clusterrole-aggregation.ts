import { done, resources, selectorMatches, splitKey } from '@coxswain/client';
import type { ClusterRole, PolicyRule } from 'kubernetes-types/rbac/v1';
import { canonicalJson, deepEqual, nameOf } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller } from '../types.ts';

const name = 'clusterrole-aggregation-controller';

/** Rules of every role that the selectors choose, by name, each once. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const seen = new Set<string>();
  const rules: PolicyRule[] = [];
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const chosen = all.filter((other) => nameOf(other) !== nameOf(role) && selectorMatches(selector, other.metadata?.labels)).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    for (const rule of chosen.flatMap((other) => other.rules ?? [])) {
      const text = canonicalJson(rule);
      if (!seen.has(text)) rules.push(rule);
      seen.add(text);
    }
  }
  return rules;
}

/** Keeps `admin`, `edit`, `view` and others with an aggregationRule the union of the roles that they select. */
export const clusterRoleAggregationController: Controller = {
  name, account: name,
  start: (context) => {
    const roles = context.informers.informer(resources.clusterroles);
    const loop = newLoop(context, name);
    const changed = (): void => { for (const role of roles.lister.list()) if (role.aggregationRule !== undefined) loop.enqueue(role); };
    roles.addHandler({ added: changed, updated: changed, deleted: changed });
    return runLoop(context, name, loop, async (key) => {
      const role = roles.lister.get(splitKey(key));
      if (role?.aggregationRule === undefined) return done;
      const rules = aggregatedRules(role, roles.lister.list());
      if (!deepEqual(rules, role.rules ?? [])) await context.client.update(resources.clusterroles, { ...role, rules });
      return done;
    });
  },
};
