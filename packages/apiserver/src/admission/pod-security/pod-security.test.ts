import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/cluster.ts';
import { latest } from './levels.ts';

const open = { level: 'privileged', minor: latest } as const;
const label = (name: string): string => `pod-security.kubernetes.io/${name}`;
let cluster: TestCluster;

beforeAll(async () => {
  const podSecurity = { defaults: { enforce: open, audit: open, warn: open }, exemptions: { usernames: ['nobody'], namespaces: ['exempt'], runtimeClasses: ['trusted'] } };
  cluster = await startTestCluster([{
    disableAdmissionPlugins: ['ServiceAccount', 'RuntimeClass'], authorizationModes: ['AlwaysAllow'],
    admission: { podSecurity, eventLimits: undefined, podNodeSelectors: {}, podTolerations: { default: [], whitelist: [] }, limitedResources: [] },
  }]);
});
afterAll(() => cluster.stop());

async function namespace(name: string, labels: Record<string, string>): ReturnType<TestCluster['call']> {
  const answer = await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name, labels } } });
  if (answer.status === 201) await cluster.seen('', 'namespaces', '', name);
  return answer;
}

function pod(where: string, name: string, spec: object = {}, token?: string): ReturnType<TestCluster['call']> {
  return cluster.call('POST', `/api/v1/namespaces/${where}/pods`, { body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } }, ...(token === undefined ? {} : { token }) });
}

// As kube-apiserver 1.32.2 answered.
const missing = 'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';

test('pods are held to what is enforced, templates are warned of it', async () => {
  await namespace('strict', { [label('enforce')]: 'restricted' });
  expect((await pod('strict', 'x')).json['message']).toBe(`pods "x" is forbidden: violates PodSecurity "restricted:latest": ${missing}`);
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const made = await cluster.call('POST', '/apis/apps/v1/namespaces/strict/deployments', { body: { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template } } });
  expect(made.status).toBe(201);
  expect(made.warning).toBe(`299 - "would violate PodSecurity \\"restricted:latest\\": ${missing.replaceAll('"', '\\"')}"`);
});

test('what only warns lets in', async () => {
  await namespace('told', { [label('enforce')]: 'baseline', [label('warn')]: 'restricted', [label('warn-version')]: 'v1.20' });
  const answer = await pod('told', 'x');
  expect(answer.status).toBe(201);
  expect(answer.warning).toContain('would violate PodSecurity \\"restricted:v1.20\\": allowPrivilegeEscalation != false');
  expect((await pod('told', 'y', { hostPID: true })).json['message']).toBe('pods "y" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)');
});

test('exempt are users, namespaces and runtime classes', async () => {
  const answer = await namespace('exempt', { [label('enforce')]: 'restricted' });
  expect(answer.warning).toBe('299 - "namespace \\"exempt\\" is exempt from Pod Security, and the policy (enforce=restricted:latest) will be ignored"');
  expect((await pod('exempt', 'x')).status).toBe(201);
  expect((await pod('strict', 'user', {}, 'nobody-token')).status).toBe(201);
  expect((await pod('strict', 'runtime', { runtimeClassName: 'trusted' })).status).toBe(201);
});

test('labels must be right, and who enforces more is told what would not have been let in', async () => {
  expect((await namespace('wrong', { [label('enforce')]: 'strict', [label('warn-version')]: 'v2' })).json['message']).toBe(
    'Namespace "wrong" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "v2": must be "latest" or "v1.x"]');
  await namespace('later', {});
  for (const name of ['b', 'a']) await pod('later', name, { hostNetwork: true });
  await cluster.seen('', 'pods', 'later', 'a');
  const answer = await cluster.call('PATCH', '/api/v1/namespaces/later', { headers: { 'content-type': 'application/merge-patch+json' }, body: { metadata: { labels: { [label('enforce')]: 'baseline' } } } });
  expect(answer.status).toBe(200);
  expect(answer.response.headers['warning']).toEqual([
    '299 - "existing pods in namespace \\"later\\" violate the new PodSecurity enforce level \\"baseline:latest\\""',
    '299 - "a (and 1 other pod): host namespaces"',
  ]);
  const relabelled = await cluster.call('PATCH', '/api/v1/namespaces/later/pods/a', { headers: { 'content-type': 'application/merge-patch+json' }, body: { metadata: { labels: { x: 'y' } } } });
  expect(relabelled.status, relabelled.text).toBe(200);
});
