import { decodeProtobuf, openProtobuf, typeOfKind } from '@coxswain/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { adminToken } from './testing/parts-config.ts';
import { startTestServer, type TestAnswer, type TestServer } from './testing/test-server.ts';

/** What kube-apiserver 1.32.2 answered, where no recorded answer tells; its 500 for what cannot be applied is 400 here. */
interface Fact {
  readonly name: string;
  /** Method, path, body, content type, accept. */
  readonly ask: readonly [method: string, target: string, body?: unknown, type?: string, accept?: string];
  readonly status: number;
  /** What the text of the answer has in it. */
  readonly text: readonly string[];
  readonly not?: string;
}

const apply = 'application/apply-patch+yaml';
const configMaps = '/api/v1/namespaces/default/configmaps';
const applied = (name: string): string => `${configMaps}/${name}?dryRun=All&fieldManager=f`;
const pod = '/api/v1/namespaces/default/pods/a?dryRun=All&fieldManager=f';
const owner = { apiVersion: 'v1', kind: 'Pod', uid: 'u', controller: true };
const table = 'application/json;as=Table;g=meta.k8s.io;v=v1';
const none = '?fieldSelector=metadata.name%3Dnope';

const facts: readonly Fact[] = [
  { name: 'an undeclared field cannot be applied', ask: ['PATCH', applied('a'), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, nope: 1 }, apply], status: 400, text: ['"failed to create typed patch object (/a; /v1, Kind=ConfigMap): .nope: field not declared in schema"'] },
  { name: 'nor a number for a map', ask: ['PATCH', applied('a'), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: 5 }, apply], status: 400, text: ['Kind=ConfigMap): .data: expected map, got \\u0026{5}"'] },
  { name: 'nor a number for a string', ask: ['PATCH', applied('a'), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { a: 5 } }, apply], status: 400, text: ['.data.a: expected string, got \\u0026value.valueUnstructured{Value:5}"'] },
  { name: 'nor one container twice', ask: ['PATCH', pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'a', image: 'b' }, { name: 'a', image: 'c' }] } }, apply], status: 400, text: ['(/a; /v1, Kind=Pod): .spec.containers: duplicate entries for key [name=\\"a\\"]"'] },
  { name: 'of several all are told', ask: ['PATCH', pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'a', foo: 'b' }], x: 1 } }, apply], status: 400, text: ['errors:\\n  .spec.containers[name=\\"a\\"].foo: field not declared in schema\\n  .spec.x: field not declared in schema"'] },
  { name: 'an applier names the object', ask: ['PATCH', applied('a'), { apiVersion: 'v1', kind: 'ConfigMap' }, apply], status: 400, text: ['"the name of the object (a based on URL) was undeterminable: name must be provided"'] },
  { name: 'two controllers', ask: ['POST', `${configMaps}?dryRun=All`, { metadata: { name: 'a', ownerReferences: [{ ...owner, name: 'a' }, { ...owner, name: 'b' }] } }], status: 422, text: ['references for Pod/a and Pod/b"'] },
  { name: 'a negative generation', ask: ['POST', '/api/v1/namespaces/default/services?dryRun=All', { metadata: { name: 'a', generation: -1 }, spec: { ports: [{ port: 80 }] } }], status: 422, text: ['metadata.generation: Invalid value: -1: must be greater than or equal to 0'] },
  { name: 'a given generation', ask: ['POST', '/api/v1/namespaces?dryRun=All', { metadata: { name: 'answers', generation: 5 } }], status: 201, text: ['"generation":5'] },
  { name: 'a definition without a name', ask: ['POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All', definition({})], status: 422, text: ['\\"\\" is invalid: metadata.name: Required value: name or generateName is required"'] },
  { name: 'a definition whose name is generated', ask: ['POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All', definition({ generateName: 'gen-' })], status: 422, text: ['is invalid: [metadata.generateName: Invalid value: \\"gen-\\": must be spec.names.plural+\\".\\"+spec.group, metadata.name: '] },
  { name: 'an APIService with another name', ask: ['POST', '/apis/apiregistration.k8s.io/v1/apiservices?dryRun=All', { metadata: { name: 'x', labels: { a: 'c d' } }, spec: { group: 'g', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, service: { namespace: 'n', name: 's' }, insecureSkipTLSVerify: true } }], status: 422, text: ['is invalid: [metadata.name: Invalid value: \\"x\\": must be `spec.version+\\".\\"+spec.group`: \\"v1.g\\", metadata.labels: Invalid value: \\"c d\\"'] },
  { name: 'a namespace that says it ends', ask: ['PATCH', '/api/v1/namespaces/default/status?dryRun=All', { status: { phase: 'Terminating' } }, 'application/merge-patch+json'], status: 422, text: ["status.Phase: Invalid value: \\\"Terminating\\\": may only be 'Active' if `deletionTimestamp` is empty"] },
  { name: 'a namespace in a namespace', ask: ['PATCH', '/api/v1/namespaces/default?dryRun=All', { metadata: { namespace: 'other' } }, 'application/merge-patch+json'], status: 200, text: ['"name":"default"'], not: '"namespace":"other"' },
  { name: 'a table of no roles', ask: ['GET', `/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles${none}`, undefined, undefined, table], status: 200, text: ['"rows":null'] },
  { name: 'a table of no pods', ask: ['GET', `/api/v1/namespaces/default/pods${none}`, undefined, undefined, table], status: 200, text: ['"rows":[]'] },
  { name: 'a token of nobody', ask: ['POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'x' } }], status: 201, text: ['"status":{"user":{},"error":"invalid bearer token"}'] },
  { name: 'own rules', ask: ['POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { metadata: { name: 'x', labels: { a: 'b' } }, spec: { namespace: 'default' } }], status: 201, text: ['"metadata":{"creationTimestamp":null},"spec":{},"status"'] },
  { name: 'the version, to be read', ask: ['GET', '/version'], status: 200, text: ['{\n  "major": "1",\n  "minor": "32",\n'] },
  { name: 'a path with nothing in it', ask: ['GET', '/api//v1'], status: 404, text: ['"the server could not find the requested resource"'] },
  { name: 'a version that is not served', ask: ['HEAD', '/api/v9'], status: 404, text: [] },
  { name: 'a group without a name', ask: ['GET', '/apis//apps'], status: 404, text: ['404 page not found'] },
  { name: 'a group with a path with nothing in it', ask: ['GET', '/apis/apps//v1'], status: 404, text: ['"the server could not find the requested resource"'] },
  { name: 'a group that is not there, by another method', ask: ['OPTIONS', '/apis/nope'], status: 404, text: ['404 page not found'] },
  { name: 'groups are told whatever the method', ask: ['OPTIONS', '/apis'], status: 200, text: ['"kind":"APIGroupList"'] },
  { name: 'a group is told whatever the method', ask: ['POST', '/apis/apps/', {}], status: 200, text: ['"kind":"APIGroup"', '"name":"apps"'] },
  { name: 'versions only by GET', ask: ['HEAD', '/api'], status: 405, text: [] },
  { name: 'resources only by GET', ask: ['OPTIONS', '/apis/apps/v1'], status: 405, text: ['"the server does not allow this method on the requested resource"'] },
  { name: 'the version only by GET', ask: ['HEAD', '/version'], status: 405, text: [] },
  { name: 'what tokens are signed with only by GET', ask: ['OPTIONS', '/openid/v1/jwks'], status: 405, text: [] },
  { name: 'logs only by GET', ask: ['OPTIONS', '/api/v1/namespaces/default/pods/x/log'], status: 405, text: [] },
  { name: 'the index by its other name', ask: ['GET', '/index.html'], status: 200, text: ['{\n  "paths": [\n    "/.well-known/openid-configuration",\n'] },
];

function definition(metadata: object): unknown {
  const schema = { openAPIV3Schema: { type: 'object' } };
  return { metadata, spec: { group: 'g.example.com', scope: 'Namespaced', names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' }, versions: [{ name: 'v1', served: true, storage: true, schema }] } };
}

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({});
});
afterAll(() => server.stop());

function ask([method, target, body, type = 'application/json', accept]: Fact['ask'], headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> {
  return server.call({ method, target, ...(body === undefined ? {} : { body }), headers: { authorization: `Bearer ${adminToken}`, ...(body === undefined ? {} : { 'content-type': type }), ...(accept === undefined ? {} : { accept }), ...headers } });
}

describe('answers of the original', () => {
  it.each(facts)('$name', async ({ ask: request, status, text, not }) => {
    const answer = await ask(request);
    expect(answer.status, answer.text).toBe(status);
    for (const part of text) expect(answer.text).toContain(part);
    if (not !== undefined) expect(answer.text).not.toContain(not);
  });

  it.each(['v2', 'v2beta1'])('aggregated discovery %s as protobuf', async (version) => {
    const form = `;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    const type = `application/vnd.kubernetes.protobuf${form}`;
    const { response, status } = await ask(['GET', '/apis', undefined, undefined, `${type},application/json`]);
    expect([status, response.headers['content-type']]).toEqual([200, type]);
    const { apiVersion, kind } = openProtobuf(response.body as Uint8Array);
    expect([apiVersion, kind]).toEqual([`apidiscovery.k8s.io/${version}`, 'APIGroupDiscoveryList']);
    const read = decodeProtobuf(response.body as Uint8Array, typeOfKind('apidiscovery.k8s.io', version, kind) ?? '');
    expect(read['items']).toEqual((await ask(['GET', '/apis', undefined, undefined, `application/json${form}`])).json['items']);
  });

  it.each(['v2', 'v2beta1'])('aggregated discovery %s as YAML, also before JSON', async (version) => {
    const form = `;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    const [yaml, json] = await Promise.all([ask(['GET', '/api', undefined, undefined, `application/yaml${form},application/json`]), ask(['GET', '/api', undefined, undefined, `application/json${form}`])]);
    expect([yaml.status, yaml.response.headers['content-type'], yaml.response.headers['etag']]).toEqual([200, `application/yaml${form}`, json.response.headers['etag']]);
    expect(yaml.text).toMatch(new RegExp(`^apiVersion: apidiscovery.k8s.io/${version}\nitems:\n- metadata:\n    creationTimestamp: null\n  versions:\n  - freshness: Current\n`));
    expect(parse(yaml.text)).toEqual(json.json);
  });

  it('a token after two spaces is told to be ignored', async () => {
    const { status, warning } = await ask(['GET', '/healthz'], { authorization: `Bearer  ${adminToken}` });
    expect([status, warning]).toEqual([401, '299 - "the provided Authorization header contains extra space before the bearer token, and is ignored"']);
  });

  it('aggregated discovery may be kept, and asked after by its ETag', async () => {
    const request: Fact['ask'] = ['GET', '/apis', undefined, undefined, 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'];
    const { headers } = (await ask(request)).response;
    expect(headers).toMatchObject({ 'cache-control': 'public', vary: 'Accept', etag: expect.stringMatching(/^"[0-9A-F]{128}"$/) as string });
    const again = await ask(request, { 'if-none-match': String(headers['etag'] as string) });
    expect([again.status, again.text]).toEqual([304, '']);
  });
});
