import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import descriptor from '../../../../proto/openapi-v2.json' with { type: 'json' };
import type { Json, JsonObject } from '../resource.ts';
import { convertV2 } from './convert-v2.ts';
import { keepV2Paths, mergeV2 } from './merge-v2.ts';
import { encodeV2Protobuf } from './v2-protobuf.ts';

const to = (name: string): JsonObject => ({ $ref: `#/definitions/${name}` });
const get = (name: string, more: JsonObject = {}): JsonObject => ({ get: { parameters: [{ name: 'body', in: 'body', schema: to(name) }], responses: { 200: { description: 'OK' } }, ...more } });
const shape = (type: string, more: JsonObject = {}): JsonObject => ({ type: 'object', properties: { of: { type } }, ...more });

// What kube-openapi's aggregator does in these cases (FilterSpecByPaths, MergeSpecsIgnorePathConflictRenamingDefinitionsAndParameters).
test('of paths that are left out go the definitions that only they led to', () => {
  const document = {
    swagger: '2.0', paths: { '/a/x': get('A'), '/b/x': get('B') },
    definitions: { A: shape('string', { properties: { shared: to('Shared') } }), B: { properties: { deep: { items: to('Deep') }, shared: to('Shared') } }, Deep: shape('string'), Shared: shape('string'), Unused: shape('string') },
  };
  const kept = keepV2Paths(document, (path) => path.startsWith('/a/'));
  expect(Object.keys(kept['paths'] as JsonObject)).toEqual(['/a/x']);
  expect(Object.keys(kept['definitions'] as JsonObject)).toEqual(['A', 'Shared', 'Unused']);
});

test('a definition that is another gets another name, wherever it is spoken of', () => {
  const first = { paths: { '/a': get('Status') }, definitions: { Status: shape('string') } };
  const second = { paths: { '/b': get('Status') }, definitions: { Status: shape('integer', { properties: { of: { type: 'integer' }, next: to('Status') } }) } };
  const third = { paths: { '/c': get('Status'), '/d': get('Same') }, definitions: { Same: shape('string'), Status: shape('boolean') } };
  const fourth = { paths: { '/e': get('Status') }, definitions: { Status: shape('boolean') } };
  const merged = mergeV2(first, [second, third, fourth]);
  expect(merged['definitions']).toEqual({ Same: shape('string'), Status: shape('string'), Status_v2: shape('integer', { properties: { of: { type: 'integer' }, next: to('Status_v2') } }), Status_v3: shape('boolean') });
  expect(merged['paths']).toEqual({ '/a': get('Status'), '/b': get('Status_v2'), '/c': get('Status_v3'), '/d': get('Same'), '/e': get('Status_v3') });
});

test('a definition may go as deep as it likes: references are found and changed below it', () => {
  const levels = 100_000;
  let deep: Json = [to('Status')];
  for (let level = 0; level < levels; level += 1) deep = level % 2 === 0 ? { items: deep } : [deep];
  const first = { paths: { '/a': get('Status') }, definitions: { Status: shape('string') } };
  const second = { paths: { '/b': get('Deep') }, definitions: { Deep: { 'x-deep': deep }, Status: shape('integer') } };
  const { definitions } = mergeV2(first, [second]) as { definitions: JsonObject };
  expect(Object.keys(definitions)).toEqual(['Deep', 'Status', 'Status_v2']);
  let found = (definitions['Deep'] as JsonObject)['x-deep'] as Json;
  for (let level = 0; level < levels; level += 1) found = (Array.isArray(found) ? found[0] : (found as JsonObject)['items']) as Json;
  expect(found).toEqual([to('Status_v2')]);
});

test('the first one\'s paths stay, its title too, and what led only to those of others does not come', () => {
  const first = { info: { title: 'Kubernetes' }, paths: { '/a': get('A') }, definitions: { A: shape('string') } };
  const second = { info: { title: 'sample' }, paths: { '/a': get('B'), '/c': get('C') }, definitions: { B: shape('string'), C: shape('string') } };
  expect(mergeV2(first, [second])).toEqual({ info: { title: 'Kubernetes' }, paths: { '/a': get('A'), '/c': get('C') }, definitions: { A: shape('string'), C: shape('string') } });
  expect(mergeV2(first, [{ paths: { '/a': get('B') }, definitions: { B: shape('string') } }])).toEqual(first);
});

test('definitions that differ only in their kinds are one, with the kinds of all', () => {
  const kind = (group: string): JsonObject => ({ group, version: 'v1', kind: 'DeleteOptions' });
  const of = (...groups: string[]): JsonObject => ({ 'x-kubernetes-group-version-kind': groups.map(kind) });
  const merged = mergeV2({ paths: { '/a': get('O') }, definitions: { O: shape('string', of('apps', 'wardle')) } }, [{ paths: { '/b': get('O') }, definitions: { O: shape('string', of('batch', 'apps')) } }]);
  expect(merged['definitions']).toEqual({ O: shape('string', of('apps', 'batch', 'wardle')) });
});

test('shared parameters that differ get another name too', () => {
  const use: JsonObject = { get: { parameters: [{ $ref: '#/parameters/limit' }] } };
  const merged = mergeV2({ paths: { '/a': use }, parameters: { limit: { name: 'limit', in: 'query', type: 'integer' } } }, [{ paths: { '/b': use }, parameters: { limit: { name: 'limit', in: 'query', type: 'string' } } }]);
  expect(merged['parameters']).toEqual({ limit: { name: 'limit', in: 'query', type: 'integer' }, limit_v2: { name: 'limit', in: 'query', type: 'string' } });
  expect(merged['paths']).toEqual({ '/a': use, '/b': { get: { parameters: [{ $ref: '#/parameters/limit_v2' }] } } });
});

test('a property that is called $ref is no reference', () => {
  const definitions = { Props: { properties: { $ref: { type: 'string' } } } };
  expect(mergeV2({ paths: {}, definitions: {} }, [{ paths: { '/a': get('Props') }, definitions }])['definitions']).toEqual(definitions);
});

const sample: JsonObject = {
  swagger: '2.0', info: { title: 'sample', version: '1' }, parameters: { pretty: { name: 'pretty', in: 'query', type: 'string', uniqueItems: true } },
  paths: { '/apis/x/v1/things': { parameters: [{ $ref: '#/parameters/pretty' }], post: { operationId: 'createThing', consumes: ['application/json'], produces: ['application/json', 'application/yaml'], parameters: [{ name: 'body', in: 'body', required: true, schema: to('Thing') }], responses: { 200: { description: 'OK', schema: to('Thing') } } } } },
  definitions: { Thing: { type: 'object', properties: { spec: { description: 'what is wanted', ...to('Spec') }, more: { type: 'array', items: to('Spec') } } }, Spec: { type: 'object', additionalProperties: { type: 'string' } } },
};

test('what stands beside a reference goes around it in OpenAPI 3; bodies and parameters become what they are called there', () => {
  const schema = { $ref: '#/components/schemas/Thing' };
  expect(convertV2(sample)).toEqual({
    openapi: '3.0.0', info: { title: 'sample', version: '1' },
    paths: { '/apis/x/v1/things': {
      parameters: [{ name: 'pretty', in: 'query', schema: { type: 'string', uniqueItems: true } }],
      post: { operationId: 'createThing', requestBody: { content: { 'application/json': { schema } }, required: true }, responses: { 200: { description: 'OK', content: { 'application/json': { schema }, 'application/yaml': { schema } } } } },
    } },
    components: { schemas: { Thing: { type: 'object', properties: { spec: { description: 'what is wanted', allOf: [{ $ref: '#/components/schemas/Spec' }] }, more: { type: 'array', items: { $ref: '#/components/schemas/Spec' } } } }, Spec: { type: 'object', additionalProperties: { type: 'string' } } } },
  });
});

test('shared parameters are in the protobuf form', () => {
  const type = protobuf.Root.fromJSON(descriptor).lookupType('openapi.v2.Document');
  const decoded = type.toObject(type.decode(encodeV2Protobuf(sample))) as { parameters: { additional_properties: { name: string; value: JsonObject }[] }; paths: { path: { value: { parameters: JsonObject[] } }[] } };
  expect(decoded.parameters.additional_properties).toEqual([{ name: 'pretty', value: { non_body_parameter: { query_parameter_sub_schema: { name: 'pretty', in: 'query', type: 'string', unique_items: true } } } }]);
  expect(decoded.paths.path[0]?.value.parameters).toEqual([{ json_reference: { _ref: '#/parameters/pretty' } }]);
});
