import { optionalResources } from '@coxswain/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/cluster.ts';
import facts from './mutating-facts.json' with { type: 'json' };

/** What a kube-apiserver 1.32.2 with the feature on answered to the same policies and objects; where its order of policies is any, by name. */

interface Fact {
  readonly name: string;
  readonly object: { readonly kind: string; readonly metadata: { readonly name: string } };
  readonly policies: readonly (Readonly<Record<string, unknown>> & { readonly matchConstraints?: object })[];
  readonly bindings?: readonly object[];
  readonly params?: readonly { readonly name: string; readonly labels?: object; readonly data: object }[];
  readonly update?: object;
  readonly status: number;
  readonly answer: Readonly<Record<string, unknown>>;
}

const all = facts as unknown as readonly Fact[];
const group = '/apis/admissionregistration.k8s.io/v1alpha1';
const everywhere = { resourceRules: [{ apiGroups: ['', 'apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps', 'deployments', 'pods'] }] };
const paths: Readonly<Record<string, (namespace: string) => string>> = {
  ConfigMap: (namespace) => `/api/v1/namespaces/${namespace}/configmaps`, Pod: (namespace) => `/api/v1/namespaces/${namespace}/pods`,
  Deployment: (namespace) => `/apis/apps/v1/namespaces/${namespace}/deployments`, HorizontalPodAutoscaler: (namespace) => `/apis/autoscaling/v1/namespaces/${namespace}/horizontalpodautoscalers`,
};
const pathOf = ({ object }: Fact, namespace: string): string => (paths[object.kind] as (namespace: string) => string)(namespace);

let cluster: TestCluster;

async function made(path: string, body: object): Promise<void> {
  const answer = await cluster.call('POST', path, { body });
  expect(answer.status, answer.text).toBe(201);
}

/** Each in a namespace of its own. */
async function prepare(fact: Fact, index: number): Promise<void> {
  const namespace = `case-${index}`;
  await made('/api/v1/namespaces', { metadata: { name: namespace, labels: { team: 'x' } } });
  for (const { name, labels, data } of fact.params ?? []) await made(`/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name, labels }, data });
  if (fact.update !== undefined) await made(pathOf(fact, namespace), fact.object);
  for (const [at, spec] of fact.policies.entries()) {
    const name = `${namespace}-${'abc'[at]}`;
    const matchConstraints = { ...(spec.matchConstraints ?? everywhere), namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
    await made(`${group}/mutatingadmissionpolicies`, { metadata: { name }, spec: { reinvocationPolicy: 'Never', ...spec, matchConstraints } });
    for (const [which, binding] of (fact.bindings ?? [{}]).entries()) await made(`${group}/mutatingadmissionpolicybindings`, { metadata: { name: `${name}-${which}` }, spec: { policyName: name, ...binding } });
  }
}

beforeAll(async () => {
  const isServed = (_group: string, version: string): boolean => /^v\d$/.test(version) || version === 'v1alpha1';
  cluster = await startTestCluster([{ disableAdmissionPlugins: ['ServiceAccount'], authorizationModes: ['RBAC'], mutatingAdmissionPolicy: true }], undefined, { isServed });
  for (const [index, fact] of all.entries()) await prepare(fact, index);
  await cluster.seen('admissionregistration.k8s.io', 'mutatingadmissionpolicies', '', `case-${all.length - 1}-a`);
  await cluster.seen('admissionregistration.k8s.io', 'mutatingadmissionpolicybindings', '', `case-${all.length - 1}-a-0`);
}, 60_000);
afterAll(() => cluster.stop());

test.each(all.map((fact, index) => [fact.name, fact, index] as const))('%s', async (_name, fact, index) => {
  const namespace = `case-${index}`;
  const path = pathOf(fact, namespace);
  const answer = fact.update === undefined
    ? await cluster.call('POST', `${path}?dryRun=All`, { body: fact.object })
    : await cluster.call('PUT', `${path}/${fact.object.metadata.name}?dryRun=All`, { body: { ...fact.object, ...fact.update } });
  const object = JSON.parse(answer.text.replaceAll(`${namespace}-`, 'CASE-').replaceAll(`"${namespace}"`, '"CASE"')) as Record<string, unknown>;
  if (object['kind'] === 'Status') {
    expect({ status: answer.status, answer: object }).toEqual({ status: fact.status, answer: fact.answer });
    return;
  }
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _time, managedFields: _managed, ...metadata } = object['metadata'] as Record<string, unknown>;
  const { data, spec } = object;
  expect({ status: answer.status, answer: { metadata, ...(data === undefined ? {} : { data }), ...(spec === undefined ? {} : { spec }) } }).toEqual({ status: fact.status, answer: fact.answer });
});

test('nothing of it is there unless it is asked for', async () => {
  const plain = await startTestCluster([{ disableAdmissionPlugins: ['ServiceAccount'] }], undefined, {});
  try {
    for (const { group: of, version, resource } of optionalResources) expect((await plain.call('GET', `/apis/${of}/${version}/${resource}`)).status).toBe(404);
    const openapi = await plain.call('GET', '/openapi/v3');
    expect(openapi.text).not.toMatch(/v1alpha1|v1beta1/);
  } finally {
    await plain.stop();
  }
});
