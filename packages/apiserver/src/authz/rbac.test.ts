import type { JsonObject } from '@coxswain/api';
import { expect, test } from 'vitest';
import { user } from '../authn/users.ts';
import type { AuthorizationAttributes, CacheReader } from '../types.ts';
import { rbacAuthorizer } from './rbac.ts';
import { RoleIndex } from './role-index.ts';

const stored: Readonly<Record<string, JsonObject>> = {
  clusterroles: { metadata: { name: 'reader' }, rules: [{ verbs: ['watch'], apiGroups: [''], resources: ['pods'] }] },
  clusterrolebindings: { metadata: { name: 'readers' }, subjects: [{ kind: 'User', name: 'anna' }], roleRef: { kind: 'ClusterRole', name: 'reader' } },
};

/** As the watch caches of a server that has just begun: empty until `fill`, and of what was asked for before that. */
function emptyCache(): { readonly cache: CacheReader; readonly fill: () => void } {
  const begun = new Set<string>();
  const filled = new Set<string>();
  const ready = Promise.withResolvers<void>();
  const list = (resource: string): readonly JsonObject[] => {
    begun.add(resource);
    const object = filled.has(resource) ? stored[resource] : undefined;
    return object === undefined ? [] : [object];
  };
  return {
    cache: {
      list: (_group, resource) => list(resource), get: (_group, resource) => list(resource)[0],
      onChange(_group, resource) { begun.add(resource); return () => undefined; },
      whenReady: () => ready.promise,
    },
    fill() {
      for (const resource of begun) filled.add(resource);
      ready.resolve();
    },
  };
}

function watchPods(name: string): AuthorizationAttributes {
  return { user: user(name, '', []), verb: 'watch', isResourceRequest: true, path: '', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: '', name: '' };
}

test('a request that comes before the roles are read waits for them', async () => {
  const { cache, fill } = emptyCache();
  const authorizer = rbacAuthorizer(new RoleIndex(cache));
  const asked = Promise.all([authorizer.authorize(watchPods('anna')), authorizer.authorize(watchPods('bert'))]);
  fill();
  expect((await asked).map(({ decision }) => decision)).toEqual(['allow', 'no-opinion']);
});
