import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestAnswer, type TestServer } from '../testing/test-server.ts';

let server: TestServer;
const path = '/api/v1/namespaces/default/configmaps';
beforeAll(async () => {
  server = await startTestServer();
  await server.call({ method: 'POST', target: path, body: { metadata: { name: 'x' }, data: { a: '1' } } });
});
afterAll(() => server.stop());

function patch(type: string, raw: string, query = ''): Promise<TestAnswer> {
  return server.call({ method: 'PATCH', target: `${path}/x?dryRun=All${query}`, raw, headers: { 'content-type': `application/${type}` } });
}

/** As kube-apiserver 1.32.2 answered, the shown object aside. */
const cases: readonly [type: string, patch: string, code: number, says: RegExp][] = [
  ['merge-patch+json', '{"data":{"n":5}}', 422, /^ "" is invalid: patch: Invalid value: "\{\\"apiVersion\\":\\"v1\\",\\"data\\":\{\\"a\\":\\"1\\",\\"n\\":5\},\\"kind\\":\\"ConfigMap\\",\\"metadata\\":\{\\"name\\":\\"x\\",\\"namespace\\":\\"default\\",\\"uid\\":\\"[^"]*\\",\\"resourceVersion\\":.*json: cannot unmarshal number into Go struct field ConfigMap.data of type string$/],
  ['merge-patch+json', '{"apiVersion":"v2"}', 422, /: no kind "ConfigMap" is registered for version "v2" in scheme "pkg\/runtime\/scheme.go:100"$/],
  ['merge-patch+json', 'null', 400, /^Invalid JSON Patch$/],
  ['merge-patch+json', '"x"', 400, /^error decoding patch: json: cannot unmarshal string into Go value of type map\[string\]interface \{\}$/],
  ['merge-patch+json', '{"metadata":{"name":"y"}}', 400, /^the name of the object \(y\) does not match the name on the URL \(x\)$/],
  ['merge-patch+json', '{"metadata":null}', 400, /^the name of the object \(x based on URL\) was undeterminable: name must be provided$/],
  ['merge-patch+json', '{"metadata":{"uid":"x"}}', 422, /^ConfigMap "x" is invalid: metadata.uid: Invalid value: "x": field is immutable$/],
  ['strategic-merge-patch+json', '{"data":{"n":5}}', 422, /^ "" is invalid: patch: Invalid value: "map\[data:map\[n:5\]\]": cannot convert int64 to string$/],
  ['strategic-merge-patch+json', '{"data":[]}', 422, /: Invalid value: "map\[data:\[\]\]": cannot restore map from slice$/],
  ['strategic-merge-patch+json', '{"metadata":"x"}', 422, /: Invalid value: "map\[metadata:x\]": cannot restore struct from: string$/],
  ['strategic-merge-patch+json', '{"immutable":"x"}', 422, /: unrecognized type: bool$/],
  ['strategic-merge-patch+json', '[]', 400, /^json: cannot unmarshal array into Go value of type map\[string\]interface \{\}$/],
  ['json-patch+json', '{}', 400, /^error decoding patch: json: cannot unmarshal object into Go value of type \[\]handlers.jsonPatchOp$/],
  ['json-patch+json', '[5]', 400, /^error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp$/],
  ['json-patch+json', '[{"op":5,"path":"/a"}]', 400, /^error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string$/],
  ['json-patch+json', '[{"op":"replace","path":"","value":[]}]', 422, /^ "" is invalid: patch: Invalid value: "\[\]": couldn't get version\/kind; json parse error: json: cannot unmarshal array into Go value of type struct \{/],
];

test.each(cases)('%s %s', async (type, text, code, says) => {
  const answer = await patch(type, text);
  expect(answer.status, answer.text).toBe(code);
  expect(answer.json['message']).toMatch(says);
});

test('what changes nothing, or another kind by a strategic merge, is no error', async () => {
  expect((await patch('strategic-merge-patch+json', 'null')).status).toBe(200);
  expect((await patch('json-patch+json', 'null')).status).toBe(200);
  expect((await patch('strategic-merge-patch+json', '{"kind":"Secret"}')).json['kind']).toBe('ConfigMap');
});

test('a patch is read strictly too', async () => {
  expect((await patch('merge-patch+json', '{"data":{"a":"1"},"data":{"a":"2"}}')).warning).toBe('299 - "duplicate field \\"data\\""');
  expect((await patch('json-patch+json', '[{"op":"add","path":"/data/a","value":"x","extra":1}]')).warning).toBe('299 - "json patch unknown field \\"[0].extra\\""');
  expect((await patch('merge-patch+json', '{"foo":1}', '&fieldValidation=Strict')).json['message']).toMatch(/: strict decoding error: unknown field "foo"$/);
});

test('an empty list of managed fields forgets who manages what, null does not', async () => {
  const managed = async (text: string) => ((await patch('merge-patch+json', text)).json['metadata'] as Record<string, unknown>)['managedFields'];
  expect(await managed('{"metadata":{"managedFields":[]}}')).toBeUndefined();
  expect(await managed('{"metadata":{"managedFields":[{}]}}')).toBeUndefined();
  expect(await managed('{"metadata":{"managedFields":null}}')).toHaveLength(1);
});
