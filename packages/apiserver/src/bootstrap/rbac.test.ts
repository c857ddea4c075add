import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type Loose, type TestCluster } from '../testing/cluster.ts';
import { reconcileRbac } from './rbac.ts';

let cluster: TestCluster;
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const merge = { 'content-type': 'application/merge-patch+json' };
beforeAll(async () => { cluster = await startTestCluster(); });
afterAll(() => cluster.stop());

const get = async (target: string): Promise<Loose> => (await cluster.call('GET', `${rbac}/${target}`)).object;
const patch = (target: string, body: object): ReturnType<TestCluster['call']> => cluster.call('PATCH', `${rbac}/${target}`, { headers: merge, body });
async function restart(): Promise<void> {
  const [server] = cluster.servers;
  if (server === undefined) throw new Error('no server');
  await reconcileRbac(server.loopbackClient);
}

test('what was taken from defaults comes back at the next start, what was added stays', async () => {
  const before = await get('clusterroles/system:node-proxier');
  const extra = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
  expect((await patch('clusterroles/system:node-proxier', { rules: [extra], metadata: { labels: { 'kubernetes.io/bootstrapping': 'changed' } } })).status).toBe(200);
  expect((await patch('clusterrolebindings/cluster-admin', { subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ann' }] })).status).toBe(200);
  await cluster.call('DELETE', `${rbac}/clusterroles/view`);
  await restart();
  const role = await get('clusterroles/system:node-proxier');
  expect(role['rules']).toEqual([extra, ...(before['rules'] as object[]).flatMap((rule) => singles(rule as Rule))]);
  expect(role.metadata['labels']).toEqual({ 'kubernetes.io/bootstrapping': 'changed' });
  expect((await get('clusterrolebindings/cluster-admin'))['subjects']).toEqual(['User:ann', 'Group:system:masters'].map((text) => ({ kind: text.split(':')[0], apiGroup: 'rbac.authorization.k8s.io', name: text.slice(text.indexOf(':') + 1) })));
  expect((await get('clusterroles/view')).metadata.name).toBe('view');
});

interface Rule { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] }

/** Missing rules are added one by one, as upstream adds them. */
function singles({ apiGroups, resources, verbs }: Rule): Rule[] {
  return verbs.flatMap((verb) => apiGroups.flatMap((group) => resources.map((resource) => ({ verbs: [verb], apiGroups: [group], resources: [resource] }))));
}

test('what says that it is not to be kept is left alone', async () => {
  await patch('clusterroles/edit', { metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } }, rules: [], aggregationRule: null });
  await patch('clusterrolebindings/system:basic-user', { metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } }, subjects: [] });
  await restart();
  expect((await get('clusterroles/edit'))['rules']).toBeNull();
  expect((await get('clusterrolebindings/system:basic-user'))['subjects']).toBeUndefined();
});

test('a binding to another role is made anew, since it cannot be changed', async () => {
  await cluster.call('DELETE', `${rbac}/clusterrolebindings/system:discovery`);
  const made = await cluster.call('POST', `${rbac}/clusterrolebindings`, { body: { metadata: { name: 'system:discovery' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [] } });
  expect(made.status, made.text).toBe(201);
  await restart();
  expect((await get('clusterrolebindings/system:discovery'))['roleRef']).toMatchObject({ name: 'system:discovery' });
});

test('a second start changes nothing', async () => {
  const before = await get('clusterroles');
  await restart();
  expect((await get('clusterroles'))['items']).toEqual(before['items']);
});
