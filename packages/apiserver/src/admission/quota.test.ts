import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { defaultAdmissionFile } from './config.ts';

let cluster: TestCluster;
beforeAll(async () => {
  const admission = {
    ...defaultAdmissionFile,
    limitedResources: [{ group: '', resource: 'persistentvolumeclaims', matchContains: ['.storageclass.storage.k8s.io/requests.storage'], matchScopes: [] }, { group: '', resource: 'pods', matchContains: [], matchScopes: [{ scopeName: 'PriorityClass', operator: 'In', values: ['system-node-critical'] }] }],
  };
  // Two servers: they share only the store.
  const config = { disableAdmissionPlugins: ['ServiceAccount'], admission };
  cluster = await startTestCluster([config, config]);
});
afterAll(() => cluster.stop());

async function quota(namespace: string, name: string, hard: Record<string, string>, spec: object = {}): Promise<void> {
  await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
  const made = await cluster.call('POST', `/api/v1/namespaces/${namespace}/resourcequotas`, { body: { metadata: { name }, spec: { hard, ...spec } } });
  expect(made.status, made.text).toBe(201);
  const used = Object.fromEntries(Object.keys(hard).map((key) => [key, '0']));
  const said = await cluster.call('PUT', `/api/v1/namespaces/${namespace}/resourcequotas/${name}/status`, { body: { ...made.json, status: { hard, used } } });
  expect(said.status, said.text).toBe(200);
  for (const server of cluster.servers) {
    await new Promise<void>((resolve) => {
      const known = (): boolean => (server.cache.get('', 'resourcequotas', namespace, name)?.['status'] as { hard?: object } | undefined)?.hard !== undefined;
      const stop = server.cache.onChange('', 'resourcequotas', () => { if (known()) { stop(); resolve(); } });
      if (known()) { stop(); resolve(); }
    });
  }
}

async function usedOf(namespace: string, name: string): Promise<unknown> {
  return ((await cluster.call('GET', `/api/v1/namespaces/${namespace}/resourcequotas/${name}`)).json['status'] as { used: unknown }).used;
}

const configMap = (namespace: string, name: string, server = 0): ReturnType<TestCluster['call']> => cluster.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name } } }, server);

test('parallel creates at two servers never take more than there is, and take all of it', async () => {
  await quota('race', 'q', { 'count/configmaps': '17' });
  const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => configMap('race', `c${index}`, index % 2)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(17);
  const refused = answers.filter(({ status }) => status !== 201);
  for (const { status, json } of refused) {
    expect(status).toBe(403);
    expect(json['message']).toMatch(/^configmaps "c\d+" is forbidden: exceeded quota: q, requested: count\/configmaps=1, used: count\/configmaps=17, limited: count\/configmaps=17$/);
  }
  expect(await usedOf('race', 'q')).toEqual({ 'count/configmaps': '17' });
});

test('what one quota gave comes back when another refuses', async () => {
  await quota('two', 'a', { 'count/configmaps': '5' });
  await quota('two', 'b', { configmaps: '2' });
  const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => configMap('two', `c${index}`, index % 2)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
  expect(await usedOf('two', 'a')).toEqual({ 'count/configmaps': '2' });
});

test('a dry run takes nothing', async () => {
  await quota('dry', 'q', { 'count/configmaps': '1' });
  for (const name of ['a', 'b']) expect((await cluster.call('POST', '/api/v1/namespaces/dry/configmaps?dryRun=All', { body: { metadata: { name } } })).status).toBe(201);
  expect(await usedOf('dry', 'q')).toEqual({ 'count/configmaps': '0' });
});

test('scopes, and what goes without a quota that is required', async () => {
  await quota('scoped', 'far', { pods: '0' }, { scopes: ['CrossNamespacePodAffinity'] });
  const pod = (name: string, spec: object): ReturnType<TestCluster['call']> => cluster.call('POST', '/api/v1/namespaces/scoped/pods', { body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } } });
  const term = (more: object): object => ({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'k', labelSelector: {}, ...more }] } } });
  expect((await pod('near', term({}))).status).toBe(201);
  expect((await pod('far', term({ namespaces: ['x'] }))).json['message']).toBe('pods "far" is forbidden: exceeded quota: far, requested: pods=1, used: pods=0, limited: pods=0');
  const critical = await pod('critical', { priorityClassName: 'system-node-critical' });
  expect([critical.status, critical.json['message']]).toEqual([500, 'insufficient quota to match these scopes: [{PriorityClass In [system-node-critical]}]']);
  const claim = await cluster.call('POST', '/api/v1/namespaces/scoped/persistentvolumeclaims', { body: { metadata: { name: 'c' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'gold', resources: { requests: { storage: '1Gi' } } } } });
  expect(claim.json['message']).toBe('persistentvolumeclaims "c" is forbidden: insufficient quota to consume: gold.storageclass.storage.k8s.io/requests.storage');
});
