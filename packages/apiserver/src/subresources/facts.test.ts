import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminToken } from '../testing/parts-config.ts';
import { startTestServer, type TestAnswer, type TestServer } from '../testing/test-server.ts';

/** What kube-apiserver 1.32.2 answers of subresources, as it was asked by hand. */
interface Fact {
  readonly name: string;
  readonly ask: readonly [method: string, target: string, body?: unknown, type?: string, accept?: string];
  readonly status: number;
  readonly text: readonly string[];
}

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const scale = `${deployments}/d/scale`;
const tried = `${scale}?dryRun=All`;
const pods = '/api/v1/namespaces/default/pods';
const tokens = '/api/v1/namespaces/default/serviceaccounts/s/token';
const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const apply = 'application/apply-patch+yaml';
const partial = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const otherNamespace = '"the namespace of the provided object does not match the namespace sent on the request"';

const scaled = (metadata: object, spec: object = { replicas: 3 }): object => ({ kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name: 'd', ...metadata }, spec });
const bound = (metadata: object): object => ({ apiVersion: 'v1', kind: 'Binding', metadata, target: { kind: 'Node', name: 'n' } });
const evicted = (more: object, metadata: object = { name: 'p' }): object => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata, ...more });
const asked = (metadata: object, spec: object = { audiences: ['a'] }): object => ({ kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata, spec });

const facts: readonly Fact[] = [
  { name: 'a scale without a name', ask: ['PUT', tried, {}], status: 400, text: ['"the name of the object (d based on URL) was undeterminable: name must be provided"'] },
  { name: 'the name is looked at first', ask: ['PUT', `${deployments}/none/scale`, {}], status: 400, text: ['(none based on URL)'] },
  { name: 'a scale of nothing', ask: ['GET', `${deployments}/none/scale`], status: 404, text: ['"deployments/scale.apps \\"none\\" not found"', '"kind":"deployments/scale"'] },
  { name: 'a scale in another namespace', ask: ['PUT', tried, scaled({ namespace: 'other' })], status: 400, text: [otherNamespace] },
  { name: 'a scale of another uid', ask: ['PUT', tried, scaled({ uid: 'abc' })], status: 409, text: ['on deployments.apps \\"d\\": StorageError: invalid object, Code: 4, Key: /deployments/default/d, ResourceVersion: 0', 'UID in precondition: abc'] },
  { name: 'labels of a scale', ask: ['PUT', tried, scaled({ labels: { 'a b': 'c d' } })], status: 422, text: ['"Scale.autoscaling \\"d\\" is invalid: [metadata.labels: Invalid value: \\"a b\\": name part'] },
  { name: 'finalizers of a scale', ask: ['PUT', tried, scaled({ finalizers: ['x'] }, { replicas: -1 })], status: 422, text: ['metadata.finalizers[0]: Invalid value: \\"x\\"', 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'] },
  { name: 'managed fields of a scale', ask: ['PUT', tried, scaled({ managedFields: [{ manager: 'x' }] })], status: 200, text: ['"kind":"Scale"'] },
  { name: 'the metadata of a scale', ask: ['GET', scale, undefined, undefined, partial], status: 200, text: ['"kind":"PartialObjectMetadata"', '"name":"d"'] },
  { name: 'half a replica', ask: ['PATCH', tried, { spec: { replicas: 1.5 } }, merge], status: 422, text: ['" \\"\\" is invalid: patch: Invalid value: '] },
  { name: 'half a replica, strategically', ask: ['PATCH', tried, { spec: { replicas: 1.5 } }, strategic], status: 422, text: ['patch: Invalid value: \\"map[spec:map[replicas:1.5]]\\": cannot convert flo'] },
  { name: 'replicas as text', ask: ['PATCH', tried, { spec: { replicas: '3' } }, strategic], status: 422, text: ['\\"map[spec:map[replicas:3]]\\": unrecognized type: int32"'] },
  { name: 'fields that a scale has not', ask: ['PATCH', `${tried}&fieldValidation=Strict`, { foo: 1, spec: { foo: 2 } }, strategic], status: 422, text: ['strict decoding error: unknown field \\"foo\\", unknown field \\"spec.foo\\"'] },
  { name: 'a scale applied against its maker', ask: ['PATCH', `${tried}&fieldManager=me`, scaled({}), apply], status: 409, text: ['"Apply failed with 1 conflict: conflict with \\"before-first-apply\\" with subresource \\"scale\\" using autoscaling/v1: .spec.replicas"'] },
  { name: 'a scale applied by force', ask: ['PATCH', `${tried}&fieldManager=me&force=true`, scaled({}), apply], status: 200, text: ['"spec":{"replicas":3}'] },
  { name: 'a binding without a name', ask: ['POST', `${pods}/p/binding?dryRun=All`, bound({})], status: 400, text: ['"name in URL does not match name in Binding object"'] },
  { name: 'a binding in another namespace', ask: ['POST', `${pods}/p/binding?dryRun=All`, bound({ name: 'p', namespace: 'other' })], status: 400, text: [otherNamespace] },
  { name: 'a binding of another version', ask: ['POST', `${pods}/p/binding?dryRun=All`, bound({ name: 'p', resourceVersion: '1' })], status: 409, text: ['Operation cannot be fulfilled on pods \\"p\\": StorageError: invalid object, Code: 4, Key: /pods/default/p, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ResourceVersion in precondition: 1,'] },
  { name: 'a binding for nothing', ask: ['POST', '/api/v1/namespaces/default/bindings?dryRun=All', bound({})], status: 400, text: ['"Name parameter required."'] },
  { name: 'an eviction without a name', ask: ['POST', `${pods}/p/eviction`, {}], status: 400, text: ['"name in URL does not match name in Eviction object"'] },
  { name: 'an eviction in another namespace', ask: ['POST', `${pods}/p/eviction?dryRun=All`, evicted({}, { name: 'p', namespace: 'other' })], status: 400, text: [otherNamespace] },
  { name: 'an eviction that leaves what no pod has', ask: ['POST', `${pods}/p/eviction?dryRun=All`, evicted({ deleteOptions: { propagationPolicy: 'x' } })], status: 422, text: ['"DeleteOptions.meta.k8s.io \\"\\" is invalid: propagationPolicy: Unsupported value: \\"x\\"'] },
  { name: 'an eviction in its former version', ask: ['POST', `${pods}/p/eviction?dryRun=All`, evicted({ apiVersion: 'policy/v1beta1' })], status: 201, text: ['"status":"Success"'] },
  { name: 'an eviction in its former version, strictly', ask: ['POST', `${pods}/p/eviction?dryRun=All&fieldValidation=Strict`, evicted({ apiVersion: 'policy/v1beta1', foo: 1 })], status: 400, text: ['Eviction in version \\"v1beta1\\" cannot be handled as a Eviction: strict decoding error: unknown field \\"foo\\"'] },
  { name: 'an eviction in a version that never was', ask: ['POST', `${pods}/p/eviction?dryRun=All`, evicted({ apiVersion: 'policy/v2' })], status: 400, text: ['no kind \\"Eviction\\" is registered for version \\"policy/v2\\"'] },
  { name: 'an ephemeral container goes nowhere', ask: ['PATCH', `${pods}/q/ephemeralcontainers`, { spec: { ephemeralContainers: null } }, merge], status: 422, text: ['spec.ephemeralContainers: Forbidden: existing ephemeral containers \\"x\\" may not be removed\\n'] },
  { name: 'nor by a directive', ask: ['PATCH', `${pods}/q/ephemeralcontainers`, { spec: { ephemeralContainers: [{ $patch: 'delete', name: 'x' }] } }, strategic], status: 422, text: ['existing ephemeral containers \\"x\\" may not be removed\\n'] },
  { name: 'a resize policy of an ephemeral container is of a feature that is off', ask: ['PATCH', `${pods}/q/ephemeralcontainers?dryRun=All`, { spec: { ephemeralContainers: [{ name: 'y', image: 'i', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] }] } }, strategic], status: 200, text: ['"name":"y"'] },
  { name: 'a token in another namespace', ask: ['POST', tokens, asked({ namespace: 'other' })], status: 400, text: [otherNamespace] },
  { name: 'who asked for a token', ask: ['POST', tokens, asked({ uid: 'abc' }), undefined], status: 201, text: ['"managedFields":[{"manager":"tester","operation":"Update","apiVersion":"authentication.k8s.io/v1","time":', '"fieldsV1":{"f:spec":{"f:audiences":{},"f:expirationSeconds":{}}},"subresource":"token"}]', '"expirationSeconds":3600'] },
  { name: 'finalizers of a namespace have places', ask: ['PUT', '/api/v1/namespaces/default/finalize?dryRun=All', { metadata: { name: 'default' }, spec: { finalizers: ['x'] } }], status: 422, text: ['spec.finalizers[0]: Invalid value: \\"x\\": name is neither'] },
  { name: 'nothing is asked for by HEAD', ask: ['HEAD', pods], status: 405, text: [] },
  { name: 'nor of a subresource', ask: ['HEAD', scale], status: 405, text: [] },
];

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({});
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const made = [
    await ask(['POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } }]),
    await ask(['POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 's' } }]),
    await ask(['POST', pods, { metadata: { name: 'p' }, spec: template.spec }]),
    await ask(['POST', pods, { metadata: { name: 'q' }, spec: template.spec }]),
    await ask(['PATCH', `${pods}/q/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'x', image: 'i' }] } }, strategic]),
    await ask(['POST', deployments, { metadata: { name: 'd' }, spec: { replicas: 2, selector: { matchLabels: { a: 'b' } }, template } }]),
  ];
  for (const answer of made) expect([200, 201, 409], answer.text).toContain(answer.status);
});
afterAll(() => server.stop());

function ask([method, target, body, type = 'application/json', accept]: Fact['ask']): Promise<TestAnswer> {
  const headers = { authorization: `Bearer ${adminToken}`, 'user-agent': 'tester', ...(body === undefined ? {} : { 'content-type': type }), ...(accept === undefined ? {} : { accept }) };
  return server.call({ method, target, ...(body === undefined ? {} : { body }), headers });
}

describe('subresources as the original has them', () => {
  it.each(facts)('$name', async ({ ask: request, status, text }) => {
    const answer = await ask(request);
    expect(answer.status, answer.text).toBe(status);
    for (const part of text) expect(answer.text).toContain(part);
  });
});

it('who scales by applying is one of several who may', async () => {
  const applied = (manager: string, replicas: number, force = false): Promise<TestAnswer> => ask(['PATCH', `${scale}?fieldManager=${manager}&force=${force}`, scaled({}, { replicas }), apply]);
  expect((await applied('me', 4, true)).status).toBe(200);
  expect((await applied('you', 4)).status).toBe(200);
  expect((await applied('you', 5)).json['message']).toBe('Apply failed with 1 conflict: conflict with "me" with subresource "scale": .spec.replicas');
  expect((await ask(['PUT', scale, scaled({}, { replicas: 9 })])).status).toBe(200);
  expect((await applied('you', 8)).json['message']).toBe('Apply failed with 1 conflict: conflict with "tester" with subresource "scale" using autoscaling/v1: .spec.replicas');
});
