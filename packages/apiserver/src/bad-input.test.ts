import { encodeProtobuf, type JsonObject } from '@coxswain/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { adminToken } from './testing/parts-config.ts';
import { startTestServer, type TestRequest, type TestServer } from './testing/test-server.ts';

/** Requests that Kubernetes refuses, with the code, reason and words of its refusal (kube-apiserver 1.32); none may leave a trace. */
interface Refusal {
  readonly request: TestRequest;
  readonly code: number;
  readonly reason: string;
  readonly says: string | RegExp;
  /** Field of a cause that must be there. */
  readonly cause?: string;
}

const configmaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const services = '/api/v1/namespaces/default/services';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const strict = '?fieldValidation=Strict';

const post = (target: string, body: unknown, headers?: Record<string, string>): TestRequest => ({ method: 'POST', target, body, ...(headers === undefined ? {} : { headers }) });
const raw = (target: string, text: string, headers?: Record<string, string>): TestRequest => ({ method: 'POST', target, raw: text, ...(headers === undefined ? {} : { headers }) });
const get = (target: string, headers?: Record<string, string>): TestRequest => ({ method: 'GET', target, ...(headers === undefined ? {} : { headers }) });
const patch = (target: string, type: string, body: unknown): TestRequest => ({ method: 'PATCH', target, body, headers: { 'content-type': type } });

const meta = (name: string, more: object = {}): object => ({ name, ...more });
const configMap = (name: string, more: object = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: meta(name), ...more });
const container = { name: 'c', image: 'example.com/app:1' };
const pod = (spec: object, metadata: object = meta('p')): object => ({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container], ...spec } });
const service = (spec: object): object => ({ apiVersion: 'v1', kind: 'Service', metadata: meta('s'), spec: { ports: [{ port: 80 }], ...spec } });
const deployment = (spec: object): object => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('d'),
  spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } }, ...spec },
});

const long = (length: number): string => 'a'.repeat(length);

const refusals: Readonly<Record<string, Refusal>> = {
  'unknown field, strict': { request: post(`${configmaps}${strict}`, configMap('a', { foo: 1 })), code: 400, reason: 'BadRequest', says: 'strict decoding error: unknown field "foo"' },
  'unknown nested field, strict': { request: post(`${deployments}${strict}`, deployment({ replica: 3 })), code: 400, reason: 'BadRequest', says: 'strict decoding error: unknown field "spec.replica"' },
  'duplicate field, strict': { request: raw(`${configmaps}${strict}`, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1","x":"2"}}'), code: 400, reason: 'BadRequest', says: 'strict decoding error: duplicate field "data.x"' },
  'string for a number': { request: post(deployments, deployment({ replicas: 'three' })), code: 400, reason: 'BadRequest', says: /cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32/ },
  'number for a string': { request: post(configmaps, configMap('a', { data: { x: 1 } })), code: 400, reason: 'BadRequest', says: /cannot unmarshal number into Go struct field ConfigMap\.data of type string/ },
  'list for an object': { request: post(configmaps, configMap('a', { data: [] })), code: 400, reason: 'BadRequest', says: /cannot unmarshal array into Go struct field ConfigMap\.data of type map\[string\]string/ },
  'truncated JSON': { request: raw(configmaps, '{"apiVersion":"v1","kind":"ConfigMap"'), code: 400, reason: 'BadRequest', says: 'json parse error: unexpected end of JSON input' },
  'no JSON at all': { request: raw(configmaps, 'hello'), code: 400, reason: 'BadRequest', says: 'invalid character' },
  'empty body': { request: raw(configmaps, '', { 'content-type': 'application/json' }), code: 400, reason: 'BadRequest', says: 'json parse error: unexpected end of JSON input' },
  'kind of another resource': { request: post(configmaps, pod({})), code: 400, reason: 'BadRequest', says: 'cannot be handled as a ConfigMap' },
  'unknown kind': { request: post(configmaps, { apiVersion: 'v1', kind: 'Nonsense', metadata: meta('a') }), code: 400, reason: 'BadRequest', says: 'no kind "Nonsense" is registered for version "v1"' },
  'namespace does not match': { request: post(configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('a', { namespace: 'other' }) }), code: 400, reason: 'BadRequest', says: 'the namespace of the provided object does not match the namespace sent on the request' },
  'name does not match': { request: { method: 'PUT', target: `${configmaps}/kept`, body: configMap('other') }, code: 400, reason: 'BadRequest', says: 'the name of the object (other) does not match the name on the URL (kept)' },
  'no name': { request: post(configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} }), code: 422, reason: 'Invalid', says: 'name or generateName is required', cause: 'metadata.name' },
  'name too long': { request: post(configmaps, configMap(long(254))), code: 422, reason: 'Invalid', says: 'must be no more than 253 characters', cause: 'metadata.name' },
  'name with capitals': { request: post(configmaps, configMap('Upper')), code: 422, reason: 'Invalid', says: 'a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters', cause: 'metadata.name' },
  'label value too long': { request: post(configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('a', { labels: { x: long(64) } }) }), code: 422, reason: 'Invalid', says: 'must be no more than 63 characters', cause: 'metadata.labels' },
  'label key malformed': { request: post(configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('a', { labels: { 'a b': 'x' } }) }), code: 422, reason: 'Invalid', says: 'name part must consist of alphanumeric characters', cause: 'metadata.labels' },
  'annotations over 256 KiB': { request: post(configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('a', { annotations: { x: long(262_145) } }) }), code: 422, reason: 'Invalid', says: 'Too long: may not be more than 262144 bytes', cause: 'metadata.annotations' },
  'ConfigMap over 1 MiB': { request: post(configmaps, configMap('a', { data: { x: long(1_048_577) } })), code: 422, reason: 'Invalid', says: 'Too long: may not be more than 1048576 bytes' },
  'ConfigMap key malformed': { request: post(configmaps, configMap('a', { data: { 'a/b': 'x' } })), code: 422, reason: 'Invalid', says: 'a valid config key must consist of alphanumeric characters', cause: 'data[a/b]' },
  'body over 3 MiB': { request: post(configmaps, configMap('a', { data: { x: long(3_200_000) } })), code: 413, reason: 'RequestEntityTooLarge', says: 'limit is 3145728' },
  'label selector malformed': { request: get(`${pods}?labelSelector=a%3D%3D%3Db`), code: 400, reason: 'BadRequest', says: 'unable to parse requirement' },
  'field selector of no field': { request: get(`${pods}?fieldSelector=spec.nothing%3Dx`), code: 400, reason: 'BadRequest', says: 'field label not supported: spec.nothing' },
  'limit no number': { request: get(`${pods}?limit=many`), code: 400, reason: 'BadRequest', says: 'invalid syntax' },
  'continue token malformed': { request: get(`${pods}?limit=1&continue=x`), code: 400, reason: 'BadRequest', says: 'continue key is not valid' },
  'resourceVersion malformed': { request: get(`${pods}?resourceVersion=abc`), code: 400, reason: 'BadRequest', says: 'strconv.ParseUint: parsing "abc": invalid syntax' },
  'missing namespace': { request: post('/api/v1/namespaces/nowhere/configmaps', configMap('a')), code: 404, reason: 'NotFound', says: 'namespaces "nowhere" not found' },
  'missing object': { request: get(`${pods}/nothing`), code: 404, reason: 'NotFound', says: 'pods "nothing" not found' },
  'missing resource': { request: get('/api/v1/namespaces/default/gadgets'), code: 404, reason: 'NotFound', says: 'the server could not find the requested resource' },
  'verb that is not there': { request: { method: 'DELETE', target: '/api/v1/componentstatuses/x' }, code: 405, reason: 'MethodNotAllowed', says: 'the server does not allow this method on the requested resource' },
  'media type that is not there': { request: get(`${pods}`, { accept: 'image/png' }), code: 406, reason: 'NotAcceptable', says: '406: Not Acceptable' },
  'content type that is not there': { request: raw(configmaps, 'x', { 'content-type': 'text/csv' }), code: 415, reason: 'UnsupportedMediaType', says: 'the body of the request was in an unknown format' },
  'patch type that is not there': { request: patch(`${configmaps}/kept`, 'text/plain', {}), code: 415, reason: 'UnsupportedMediaType', says: 'Unsupported Media Type' },
  'already there': { request: post(configmaps, configMap('kept')), code: 409, reason: 'AlreadyExists', says: 'configmaps "kept" already exists' },
  'stale update': { request: { method: 'PUT', target: `${configmaps}/kept`, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('kept', { resourceVersion: '1' }) } }, code: 409, reason: 'Conflict', says: 'the object has been modified; please apply your changes to the latest version and try again' },
  'wrong uid on delete': { request: { method: 'DELETE', target: `${configmaps}/kept`, body: { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } } }, code: 409, reason: 'Conflict', says: 'the UID in the precondition' },
  'JSON patch of a missing path': { request: patch(`${configmaps}/kept`, 'application/json-patch+json', [{ op: 'remove', path: '/data/nothing' }]), code: 422, reason: 'Invalid', says: 'the server rejected our request due to an error in our request' },
  'JSON patch malformed': { request: patch(`${configmaps}/kept`, 'application/json-patch+json', { op: 'remove' }), code: 400, reason: 'BadRequest', says: 'cannot unmarshal object' },
  'patch of a scale that is no JSON (fuzz seed 3, request 7247)': { request: { method: 'PATCH', target: `${deployments}/kept/scale`, raw: '{"spec":{x', headers: { 'content-type': 'application/merge-patch+json' } }, code: 400, reason: 'BadRequest', says: 'invalid character' },
  'apply without a manager': { request: patch(`${configmaps}/applied`, 'application/apply-patch+yaml', configMap('applied')), code: 422, reason: 'Invalid', says: 'fieldManager: Required value: is required for apply patch' },
  'pod without containers': { request: post(pods, pod({ containers: [] })), code: 422, reason: 'Invalid', says: 'spec.containers: Required value', cause: 'spec.containers' },
  'container without an image': { request: post(pods, pod({ containers: [{ name: 'c' }] })), code: 422, reason: 'Invalid', says: 'spec.containers[0].image: Required value', cause: 'spec.containers[0].image' },
  'two containers of one name': { request: post(pods, pod({ containers: [container, container] })), code: 422, reason: 'Invalid', says: 'spec.containers[1].name: Duplicate value: "c"', cause: 'spec.containers[1].name' },
  'port out of range': { request: post(pods, pod({ containers: [{ ...container, ports: [{ containerPort: 70_000 }] }] })), code: 422, reason: 'Invalid', says: 'must be between 1 and 65535, inclusive', cause: 'spec.containers[0].ports[0].containerPort' },
  'restart policy unknown': { request: post(pods, pod({ restartPolicy: 'Sometimes' })), code: 422, reason: 'Invalid', says: 'Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"', cause: 'spec.restartPolicy' },
  'limit below request': { request: post(pods, pod({ containers: [{ ...container, resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }] })), code: 422, reason: 'Invalid', says: 'must be less than or equal to cpu limit of 1' },
  'mount of no volume': { request: post(pods, pod({ containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] })), code: 422, reason: 'Invalid', says: 'spec.containers[0].volumeMounts[0].name: Not found: "v"' },
  'service port out of range': { request: post(services, service({ ports: [{ port: 0 }] })), code: 422, reason: 'Invalid', says: 'must be between 1 and 65535, inclusive', cause: 'spec.ports[0].port' },
  'service type unknown': { request: post(services, service({ type: 'Magic' })), code: 422, reason: 'Invalid', says: 'Unsupported value: "Magic"', cause: 'spec.type' },
  'cluster address outside the range': { request: post(services, service({ clusterIP: '192.168.7.7' })), code: 422, reason: 'Invalid', says: 'the provided IP (192.168.7.7) is not in the valid range', cause: 'spec.clusterIPs' },
  'selector does not match the template': { request: post(deployments, deployment({ selector: { matchLabels: { a: 'other' } } })), code: 422, reason: 'Invalid', says: '`selector` does not match template `labels`', cause: 'spec.template.metadata.labels' },
  'immutable selector': { request: patch(`${deployments}/kept`, 'application/merge-patch+json', { spec: { selector: { matchLabels: { c: 'd' } }, template: { metadata: { labels: { c: 'd' } } } } }), code: 422, reason: 'Invalid', says: 'field is immutable', cause: 'spec.selector' },
  'negative replicas': { request: post(deployments, deployment({ replicas: -1 })), code: 422, reason: 'Invalid', says: 'must be greater than or equal to 0', cause: 'spec.replicas' },
  'wrong token': { request: get(pods, { authorization: 'Bearer nonsense' }), code: 401, reason: 'Unauthorized', says: 'Unauthorized' },
  'no credentials': { request: get(pods, { authorization: '' }), code: 401, reason: 'Unauthorized', says: 'Unauthorized' },
  'user without rights': { request: post(configmaps, configMap('a'), { authorization: 'Bearer nobody-token' }), code: 403, reason: 'Forbidden', says: 'configmaps is forbidden: User "nobody" cannot create resource "configmaps" in API group "" in the namespace "default"' },
  'node that reads what is not its own': { request: get('/api/v1/namespaces/default/secrets/x', { authorization: 'Bearer kubelet-token' }), code: 403, reason: 'Forbidden', says: 'User "system:node:n1" cannot get resource "secrets" in API group "" in the namespace "default"' },
};

let server: TestServer;
const admin = { authorization: `Bearer ${adminToken}` };
const call = (request: TestRequest) => server.call({ ...request, headers: { ...admin, ...request.headers } });

async function stored(): Promise<unknown> {
  const lists = await Promise.all([configmaps, pods, services, deployments].map((target) => call(get(target))));
  return lists.map((list) => (list.json['items'] as { metadata: { name: string; resourceVersion: string } }[]).map((item) => `${item.metadata.name}@${item.metadata.resourceVersion}`));
}

let before: unknown;
beforeAll(async () => {
  server = await startTestServer({});
  expect((await call(post('/api/v1/namespaces/default/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta('default') }))).status).toBe(201);
  expect((await call(post(configmaps, configMap('kept', { data: { a: 'b' } })))).status).toBe(201);
  const made = await call(post(deployments, { ...(deployment({}) as object), metadata: meta('kept') }));
  expect(made.status, made.text).toBe(201);
  before = await stored();
});
afterAll(() => server.stop());

test('there are at least fifty', () => {
  expect(Object.keys(refusals).length).toBeGreaterThanOrEqual(50);
});

test.each(Object.entries(refusals))('%s', async (_name, refusal) => {
  const answer = await call(refusal.request);
  expect(answer.json, answer.text.slice(0, 300)).toMatchObject({ kind: 'Status', status: 'Failure', reason: refusal.reason, code: refusal.code });
  expect(answer.status).toBe(refusal.code);
  expect(answer.json['message']).toMatch(refusal.says);
  if (refusal.cause !== undefined) {
    const details = answer.json['details'] as { causes?: { field?: string }[] };
    expect(details.causes?.map((cause) => cause.field)).toContain(refusal.cause);
  }
});

test('nothing was stored or changed', async () => {
  expect(await stored()).toEqual(before);
});

test('apply of what is no object', async () => {
  for (const raw of ['', '[1]', 'a: b c: d']) {
    const answer = await call({ method: 'PATCH', target: `${configmaps}/kept?fieldManager=a`, raw, headers: { 'content-type': 'application/apply-patch+yaml' } });
    expect([answer.status, answer.json['reason']], raw).toEqual([400, 'BadRequest']);
  }
});

test('a key without a value', async () => {
  const answer = await call(post('/api/v1/namespaces/default/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: meta('empty'), data: { a: null } }));
  expect(answer.status, answer.text).toBe(201);
});

// Found by fuzzed requests, seed 302, request 20040.
test('a protobuf body that does not say its kind is of the one that is expected', async () => {
  const protobuf = 'application/vnd.kubernetes.protobuf';
  const send = (target: string, typeName: string, body: object, accept: string) => call({ method: 'POST', target, raw: encodeProtobuf(typeName, body as JsonObject), headers: { 'content-type': protobuf, accept } });
  const made = await send(configmaps, 'io.k8s.api.core.v1.ConfigMap', { metadata: meta('unsaid') }, 'application/json');
  expect([made.status, made.json['kind'], made.json['apiVersion']], made.text).toEqual([201, 'ConfigMap', 'v1']);
  const review = await send('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', 'io.k8s.api.authorization.v1.SelfSubjectRulesReview', { spec: { namespace: 'default' } }, protobuf);
  expect([review.status, review.contentType]).toEqual([201, protobuf]);
});

// Found by fuzzed requests, seed 9200, request 1230.
test('a protobuf body with a quantity that is none is a bad request', async () => {
  const raw = encodeProtobuf('io.k8s.api.core.v1.LimitRange', { metadata: meta('odd') as JsonObject, spec: { limits: [{ type: 'Pod', max: { cpu: '1Gi' } }] } }).map((byte, at, all) => (byte === 0x47 && all[at + 1] === 0x69 ? 0x21 : byte));
  const answer = await call({ method: 'POST', target: '/api/v1/namespaces/default/limitranges', raw, headers: { 'content-type': 'application/vnd.kubernetes.protobuf' } });
  expect([answer.status, answer.json['message']]).toEqual([400, `LimitRange in version "v1" cannot be handled as a LimitRange: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`]);
});
