import { invalid } from '@coxswain/api';
import type { Clock } from '@coxswain/host';
import type { Namespace, Pod } from 'kubernetes-types/core/v1';
import { readyList } from '../../ready-list.ts';
import { typed, typedOrNone } from '../../typed.ts';
import type { AdmissionAttributes, CacheReader } from '../../types.ts';
import type { PodSecurityConfig } from './config.ts';
import { reasonText, violations } from './evaluate.ts';
import { isFullyPrivileged, levelLabel, levelVersionText, modes, policyOf, samePolicy, stricter, versionLabel, type Labels, type LevelVersion, type Policy } from './levels.ts';

/** What a label's change may cost, however many pods there are. */
const maxPods = 3000;
const maxMs = 1000;

export interface NamespaceTools {
  readonly cache: CacheReader;
  readonly clock: Clock;
  readonly config: PodSecurityConfig;
}

function labelsOf(object: AdmissionAttributes['object']): Labels {
  return typedOrNone<Namespace>(object)?.metadata?.labels ?? {};
}

/** Labels must be right, unless they were wrong already; who enforces more is told which pods would not have been let in. */
export async function checkNamespace(tools: NamespaceTools, a: AdmissionAttributes): Promise<void> {
  const { defaults } = tools.config;
  const wanted = policyOf(labelsOf(a.object), defaults);
  const before = a.operation === 'UPDATE' ? policyOf(labelsOf(a.oldObject), defaults) : undefined;
  const stillWrong = before !== undefined && before.errors.length > 0 && JSON.stringify(before.errors) === JSON.stringify(wanted.errors);
  if (wanted.errors.length > 0 && !stillWrong) throw invalid({ group: '', kind: 'Namespace' }, a.name, wanted.errors);
  if (before !== undefined && !enforcesMore(before.policy.enforce, wanted.policy.enforce)) return;
  if (tools.config.exemptions.namespaces.includes(a.name)) {
    warnOfExemption(a, wanted.policy, defaults);
    return;
  }
  if (before === undefined) return;
  const pods = (await readyList(tools.cache, '', 'pods', a.name)).map((object) => typed<Pod>(object));
  for (const warning of podWarnings(tools, a.name, pods, wanted.policy.enforce)) a.notes.warn(warning);
}

function enforcesMore(before: LevelVersion, after: LevelVersion): boolean {
  if (after.level === 'privileged') return false;
  return before.minor !== after.minor || stricter(after.level, before.level);
}

function warnOfExemption(a: AdmissionAttributes, policy: Policy, defaults: Policy): void {
  if (isFullyPrivileged(policy) || modes.every((mode) => samePolicy(policy[mode], defaults[mode]))) return;
  const labels = labelsOf(a.object);
  const said = modes.filter((mode) => policy[mode].level !== 'privileged' && (labels[levelLabel(mode)] !== undefined || labels[versionLabel(mode)] !== undefined));
  const what = said.map((mode) => `${mode}=${levelVersionText(policy[mode])}`).join(', ');
  a.notes.warn(`namespace ${JSON.stringify(a.name)} is exempt from Pod Security, and the policy (${what}) will be ignored`);
}

/** One pod of each owner first: if not all can be looked at, those tell most. */
function byTelling(pods: readonly Pod[]): Pod[] {
  const seen = new Set<string>();
  const [first, repeats]: [Pod[], Pod[]] = [[], []];
  for (const pod of pods) {
    const owner = pod.metadata?.ownerReferences?.find((one) => one.controller === true)?.uid;
    (owner !== undefined && seen.has(owner) ? repeats : first).push(pod);
    if (owner !== undefined) seen.add(owner);
  }
  return [...first, ...repeats];
}

function podWarnings({ clock, config }: NamespaceTools, namespace: string, pods: readonly Pod[], enforce: LevelVersion): string[] {
  const all = byTelling(pods.filter((pod) => !config.exemptions.runtimeClasses.includes(pod.spec?.runtimeClassName ?? '')));
  const found = new Map<string, string[]>();
  const startedMs = clock.monotonicMs();
  let checked = 0;
  for (const pod of all) {
    if (checked === maxPods || clock.monotonicMs() - startedMs > maxMs) break;
    checked += 1;
    const reasons = pod.spec === undefined ? [] : violations(enforce, { metadata: pod.metadata ?? {}, spec: pod.spec });
    if (reasons.length === 0) continue;
    const text = reasonText(reasons);
    found.set(text, [...(found.get(text) ?? []), pod.metadata?.name ?? '']);
  }
  return [
    ...(checked < all.length ? [`new PodSecurity enforce level only checked against the first ${checked} of ${all.length} existing pods`] : []),
    ...(found.size === 0 ? [] : [`existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(levelVersionText(enforce))}`]),
    ...[...found].map(([reasons, names]) => `${firstOf(names)}: ${reasons}`).toSorted(),
  ];
}

function firstOf(names: readonly string[]): string {
  const [first = ''] = names.toSorted();
  const others = names.length - 1;
  return others === 0 ? first : `${first} (and ${others} other ${others === 1 ? 'pod' : 'pods'})`;
}
