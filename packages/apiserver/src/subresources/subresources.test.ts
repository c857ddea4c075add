import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;
const pods = '/api/v1/namespaces/default/pods';
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'default' } } });
});
afterAll(() => cluster.stop());

const merge = { 'content-type': 'application/merge-patch+json' };

async function pod(name: string, spec: Record<string, unknown> = {}): Promise<void> {
  const made = await cluster.call('POST', pods, { body: { metadata: { name, labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } } });
  expect(made.status, made.text).toBe(201);
}

async function running(name: string): Promise<void> {
  await pod(name, { nodeName: 'n', terminationGracePeriodSeconds: 0 });
  const status = await cluster.call('PATCH', `${pods}/${name}/status`, { body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }, headers: merge });
  expect(status.status, status.text).toBe(200);
}

const binding = (name: string, target: unknown, metadata: object = {}): ReturnType<TestCluster['call']> =>
  cluster.call('POST', `${pods}/${name}/binding`, { body: { apiVersion: 'v1', kind: 'Binding', metadata: { name, ...metadata }, target } });

test('a pod is bound once, by whoever comes first', async () => {
  await pod('p');
  const answers = await Promise.all(['n1', 'n2', 'n3'].map((node) => binding('p', { kind: 'Node', name: node })));
  expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  const bound = (await cluster.call('GET', `${pods}/p`)).object;
  const lost = answers.find((answer) => answer.status === 409);
  expect(lost?.json['message']).toBe(`Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "${String(bound.spec['nodeName'])}"`);
  expect(bound.status['conditions']).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
});

test('a binding is checked', async () => {
  await pod('q', { schedulingGates: [{ name: 'wait' }] });
  expect((await binding('q', { kind: 'Node', name: 'n' })).json['message']).toContain('pod q has non-empty .spec.schedulingGates');
  expect((await binding('q', { kind: 'Pod', name: '' })).json['message']).toBe('Binding "q" is invalid: [target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]');
  expect((await binding('none', { kind: 'Node', name: 'n' })).json['message']).toBe('pods "none" not found');
  await pod('r');
  expect((await binding('r', { kind: 'Node', name: 'n' }, { uid: 'other' })).json['message']).toContain('Precondition failed: UID in precondition: other');
});

async function budget(name: string, status: object): Promise<void> {
  const made = await cluster.call('POST', budgets, { body: { metadata: { name }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } } } });
  expect(made.status, made.text).toBe(201);
  const set = await cluster.call('PATCH', `${budgets}/${name}/status`, { body: { status: { observedGeneration: 1, expectedPods: 2, ...status } }, headers: merge });
  expect(set.status, set.text).toBe(200);
}

const evict = (name: string): ReturnType<TestCluster['call']> =>
  cluster.call('POST', `${pods}/${name}/eviction`, { body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } } });

test('an eviction takes from the disruption budget, and waits when there is nothing left', async () => {
  await running('e1');
  await running('e2');
  await budget('b', { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
  expect((await evict('e1')).json).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
  expect((await cluster.call('GET', `${pods}/e1`)).status).toBe(404);
  const after = (await cluster.call('GET', `${budgets}/b`)).object.status;
  expect(after['disruptionsAllowed']).toBe(0);
  expect(Object.keys(after['disruptedPods'] as object)).toEqual(['e1']);
  const refused = await evict('e2');
  expect(refused.json).toMatchObject({
    code: 429, reason: 'TooManyRequests', message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: { causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget b needs 1 healthy pods and has 2 currently' }] },
  });
  expect((await cluster.call('GET', `${pods}/e2`)).status).toBe(200);
});

test('a pod that is not running, or is not counted on, goes without asking', async () => {
  await pod('pending');
  expect((await evict('pending')).status).toBe(201);
  await running('unready');
  await cluster.call('PATCH', `${pods}/unready/status`, { body: { status: { conditions: [{ type: 'Ready', status: 'False' }] } }, headers: merge });
  expect((await evict('unready')).status).toBe(201);
  expect((await evict('gone')).status).toBe(404);
});

test('two budgets for one pod are an error', async () => {
  await budget('b2', { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
  expect((await evict('e2')).json).toMatchObject({ code: 500, message: 'Internal error occurred: This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.' });
});
