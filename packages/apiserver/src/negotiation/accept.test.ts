import { expect, test } from 'vitest';
import { negotiate, negotiateStream, parseAccept } from './accept.ts';

const both = { transforms: true, protobuf: true };
function ask(accept: string, query = '', options = both) {
  return negotiate({ accept, userAgent: '', query: new URLSearchParams(query) }, options);
}

test('JSON is the default, and the first clause on offer wins', () => {
  expect(ask('').mediaType).toBe('json');
  expect(ask('*/*').mediaType).toBe('json');
  expect(ask('application/vnd.kubernetes.protobuf,application/json').mediaType).toBe('protobuf');
  expect(ask('application/vnd.kubernetes.protobuf,application/json', '', { transforms: true, protobuf: false }).mediaType).toBe('json');
  expect(ask('application/json;q=0.1, application/yaml;q=0.9').mediaType).toBe('yaml');
});

test('as kubectl asks for a table, with plain JSON to fall back on', () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
  expect(ask(accept).transform).toEqual({ kind: 'Table', version: 'v1' });
  expect(ask(accept, '', { transforms: false, protobuf: true }).transform).toBeUndefined();
  expect(ask('application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1').transform?.kind).toBe('PartialObjectMetadata');
});

test('a table has no protobuf form and an unknown type none at all', () => {
  expect(() => ask('application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io')).toThrow('only the following media types are accepted');
  expect(() => ask('text/html')).toThrow('only the following media types are accepted');
});

test('curl and ?pretty get indentation', () => {
  expect(negotiate({ accept: '', userAgent: 'curl/8', query: new URLSearchParams() }, both).pretty).toBe(true);
  expect(ask('', 'pretty=1').pretty).toBe(true);
  expect(ask('', 'pretty=false').pretty).toBe(false);
});

test('clauses by quality, but wildcards last whatever theirs; what cannot be read is left out', () => {
  expect(parseAccept('application/*, text/html;q=0.5, */*, application/yaml, garbage, a/b/c, application/json;q=x').map((clause) => clause.type))
    .toEqual(['application/yaml', 'text/html', 'application/json', 'application/*', '*/*']);
});

test('a version without a kind is a transformation that nobody offers, and pretty may stand in the type', () => {
  expect(() => ask('application/json;v=v1')).toThrow('only the following media types are accepted');
  expect(ask('application/json;pretty=1').pretty).toBe(true);
  expect(ask('application/json;foo=bar').mediaType).toBe('json');
  expect(() => ask('APPLICATION/JSON')).toThrow('only the following media types are accepted');
});

test('a watch is JSON or protobuf', () => {
  const stream = (accept: string) => negotiateStream({ accept, userAgent: '', query: new URLSearchParams() }, both);
  expect(stream('application/vnd.kubernetes.protobuf;stream=watch').mediaType).toBe('protobuf');
  expect(() => stream('application/yaml')).toThrow('only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch');
});
