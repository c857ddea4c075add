import { UsageError } from '@coxswain/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type Loose, type TestCluster } from '../testing/cluster.ts';
import { parseAdmissionFile } from './config-file.ts';

const file = (plugins: string): string => `apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n${plugins}`;
const events = '- name: EventRateLimit\n  configuration: {apiVersion: eventratelimit.admission.k8s.io/v1alpha1, kind: Configuration, limits: [{type: Namespace, qps: 1, burst: 2, cacheSize: 10}]}\n';
const selectors = '- name: PodNodeSelector\n  configuration: {podNodeSelectorPluginConfig: {clusterDefaultNodeSelector: "pool=any", fenced: "pool=small,zone=a"}}\n';
const tolerations = '- name: PodTolerationRestriction\n  path: tolerations.yaml\n';
const tolerationFile = 'apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1\nkind: Configuration\nwhitelist:\n- {key: allowed, operator: Exists}\n- {key: node.kubernetes.io/memory-pressure, operator: Exists}\n- {key: node.kubernetes.io/not-ready, operator: Exists}\n- {key: node.kubernetes.io/unreachable, operator: Exists}\n- {key: example.com/device, operator: Exists}\n';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster([{
    disableAdmissionPlugins: ['ServiceAccount'],
    enableAdmissionPlugins: ['AlwaysPullImages', 'DenyServiceExternalIPs', 'EventRateLimit', 'ExtendedResourceToleration', 'LimitPodHardAntiAffinityTopology', 'NamespaceAutoProvision', 'OwnerReferencesPermissionEnforcement', 'PodNodeSelector', 'PodTolerationRestriction'],
    admission: parseAdmissionFile('admission.yaml', file(events + selectors + tolerations), () => tolerationFile),
  }]);
});
afterAll(() => cluster.stop());

function pod(namespace: string, name: string, spec: object = {}): ReturnType<TestCluster['call']> {
  return cluster.call('POST', `/api/v1/namespaces/${namespace}/pods`, { body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i:1', imagePullPolicy: 'Never' }], ...spec } } });
}

test('images are always pulled, and a namespace comes with what is in it', async () => {
  const answer = await pod('sudden', 'a');
  expect(answer.status, answer.text).toBe(201);
  expect((answer.object.spec['containers'] as { imagePullPolicy: string }[])[0]?.imagePullPolicy).toBe('Always');
  expect((await cluster.call('GET', '/api/v1/namespaces/sudden')).status).toBe(200);
});

test('pods go where their namespace may', async () => {
  expect((await pod('default', 'p')).object.spec['nodeSelector']).toEqual({ pool: 'any' });
  expect((await pod('default', 'q', { nodeSelector: { pool: 'big' } })).json['message']).toBe('pods "q" is forbidden: pod node label selector conflicts with its namespace node label selector');
  await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'fenced', annotations: { 'scheduler.alpha.kubernetes.io/node-selector': 'zone=a' } } } });
  expect((await pod('fenced', 'r')).object.spec['nodeSelector']).toEqual({ zone: 'a' });
  expect((await pod('fenced', 's', { nodeSelector: { disk: 'ssd' } })).json['message']).toBe('pods "s" is forbidden: pod node label selector labels conflict with its namespace whitelist');
});

test('tolerations: those of devices and of memory pressure are added, others must be allowed', async () => {
  const device = [{ name: 'c', image: 'i', resources: { limits: { 'example.com/device': '1', memory: '1Mi' } } }];
  const { object } = await pod('default', 't', { containers: device });
  expect((object.spec['tolerations'] as Loose[]).map((one) => one['key'])).toEqual(expect.arrayContaining(['node.kubernetes.io/memory-pressure', 'example.com/device']));
  const answer = await pod('default', 'u', { tolerations: [{ key: 'other', operator: 'Exists' }] });
  expect([answer.status, answer.json['message']]).toEqual([500, 'pod tolerations (possibly merged with namespace default tolerations) conflict with its cluster whitelist']);
});

test('hard anti-affinity is between nodes only', async () => {
  const affinity = (topologyKey: string): object => ({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: {} }] } } });
  expect((await pod('default', 'v', affinity('kubernetes.io/hostname'))).status).toBe(201);
  expect((await pod('default', 'w', affinity('zone'))).json['message']).toBe('pods "w" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed');
});

test('nobody makes an owner wait whose finalizers they may not set', async () => {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await cluster.call('POST', `${rbac}/clusterroles`, { body: { metadata: { name: 'maker' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'update', 'get'] }] } });
  await cluster.call('POST', `${rbac}/clusterrolebindings`, { body: { metadata: { name: 'maker' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'maker' }, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'nobody' }] } });
  await cluster.seen('rbac.authorization.k8s.io', 'clusterrolebindings', '', 'maker');
  const owned = (name: string, owner: object, more: object = {}): ReturnType<TestCluster['call']> => cluster.call('POST', '/api/v1/namespaces/default/configmaps', {
    token: 'nobody-token', body: { metadata: { name, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', ...owner }], ...more } },
  });
  expect((await owned('a', {})).status).toBe(201);
  expect((await owned('b', { blockOwnerDeletion: true })).json['message']).toBe('configmaps "b" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can\'t set finalizers on: , <nil>');
  expect((await owned('c', { kind: 'Nothing', blockOwnerDeletion: true })).json['message']).toContain('cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion v1 Kind Nothing: no matches for kind "Nothing" in version "v1"');
  const removed = await cluster.call('PUT', '/api/v1/namespaces/default/configmaps/a', { token: 'nobody-token', body: { metadata: { name: 'a' } } });
  expect(removed.json['message']).toBe('configmaps "a" is forbidden: cannot set an ownerRef on a resource you can\'t delete: , <nil>');
});

test('the file is read as the original reads it', () => {
  const read = (text: string): unknown => parseAdmissionFile('f', text, () => tolerationFile);
  const security = (more: string): string => file(`- name: PodSecurity\n  configuration: {apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurityConfiguration, ${more}}\n`);
  expect(read(security('defaults: {enforce: baseline, enforce-version: v1.30}, exemptions: {namespaces: [kube-system]}'))).toMatchObject({ podSecurity: { defaults: { enforce: { level: 'baseline', minor: 30 }, warn: { level: 'privileged', minor: Infinity } }, exemptions: { namespaces: ['kube-system'] } } });
  const wrong: readonly (readonly [text: string, message: string])[] = [
    [security('defaults: {enforce: strict}'), 'f: plugins[0].configuration.defaults.enforce: must be one of privileged, baseline, restricted'],
    [security('defaults: {enforced: baseline}'), 'f: plugins[0].configuration.defaults.enforced: unknown field'],
    [security('exemptions: {namespaces: [a, a]}'), 'f: plugins[0].configuration.exemptions.namespaces[1]: Duplicate value: "a"'],
    [file(events.replace('burst: 2', 'burst: 0')), 'f: plugins[0].configuration.limits[0].burst: Invalid value: 0: must be positive'],
    [file('- name: Nothing\n'), 'f: plugins[0].name: Nothing takes no configuration that is built'],
    ['kind: Pod\napiVersion: v1\n', 'f: kind: must be AdmissionConfiguration'],
  ];
  for (const [text, message] of wrong) expect(() => read(text)).toThrow(new UsageError(message));
});
