import { describe, expect, it } from 'vitest';
import { apiDescription } from '../description/builtin.ts';
import { recordedAnswers } from '../../test/recorded-answers.ts';
import type { Json, JsonObject } from '../resource.ts';
import { StatusError } from '../status-error.ts';
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch } from './index.ts';

function refusal(action: () => unknown): StatusError {
  try {
    action();
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

/** Appendix A of RFC 6902. */
const rfc6902: readonly (readonly [string, Json, Json, Json])[] = [
  ['A.1 add a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
  ['A.2 add an element', { foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
  ['A.3 remove a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
  ['A.4 remove an element', { foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
  ['A.5 replace', { baz: 'qux', foo: 'bar' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo', foo: 'bar' }],
  ['A.6 move a value', { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } }, [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } }],
  ['A.7 move an element', { foo: ['all', 'grass', 'cows', 'eat'] }, [{ op: 'move', from: '/foo/1', path: '/foo/3' }], { foo: ['all', 'cows', 'eat', 'grass'] }],
  ['A.8 test, success', { baz: 'qux', foo: ['a', 2, 'c'] }, [{ op: 'test', path: '/baz', value: 'qux' }, { op: 'test', path: '/foo/1', value: 2 }], { baz: 'qux', foo: ['a', 2, 'c'] }],
  ['A.9 test, error', { baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }], 'refused'],
  ['A.10 nested member', { foo: 'bar' }, [{ op: 'add', path: '/child', value: { grandchild: {} } }], { foo: 'bar', child: { grandchild: {} } }],
  ['A.12 nonexistent target', { foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }], 'refused'],
  ['A.14 ~ escape', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
  ['A.15 strings are not numbers', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }], 'refused'],
  ['A.16 add to the end', { foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }], { foo: ['bar', ['abc', 'def']] }],
];

describe('JSON patch', () => {
  it.each(rfc6902)('%s', (_name, document, patch, expected) => {
    if (expected === 'refused') expect(refusal(() => applyJsonPatch(document, patch)).code).toBe(422);
    else expect(applyJsonPatch(document, patch)).toEqual(expected);
  });

  it('refuses what is no list, and too many operations', () => {
    expect(refusal(() => applyJsonPatch({}, {})).code).toBe(400);
    const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: null }));
    expect(refusal(() => applyJsonPatch({}, many)).message).toContain('The allowed maximum operations in a JSON patch is 10000, got 10001');
  });

  it('does not reach prototypes', () => {
    const result = applyJsonPatch({ a: 1 }, JSON.parse('[{"op":"add","path":"/__proto__","value":{"polluted":true}}]') as Json) as JsonObject;
    expect(Object.hasOwn(result, '__proto__')).toBe(true);
    expect(({} as JsonObject)['polluted']).toBeUndefined();
    expect(refusal(() => applyJsonPatch({ a: 1 }, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }])).code).toBe(422);
  });
});

describe('merge patch', () => {
  /** The table of RFC 7386, appendix A. */
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }], [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }], [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }], [{ a: ['b'] }, { a: 'c' }, { a: 'c' }], [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }], [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [['a', 'b'], ['c', 'd'], ['c', 'd']], [{ a: 'b' }, ['c'], ['c']], [{ a: 'foo' }, null, null], [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as [Json, Json, Json][])('%j + %j = %j', (document, patch, expected) => {
    expect(applyMergePatch(document, patch)).toEqual(expected);
  });
});

function mergePod(document: JsonObject, patch: JsonObject): Json {
  return applyStrategicMergePatch(apiDescription, 'io.k8s.api.core.v1.Pod', document, patch);
}

describe('strategic merge patch', () => {
  it('merges containers by name, and orders them', () => {
    const live = { spec: { containers: [{ name: 'a', image: '1' }, { name: 'b', image: '1' }, { name: 'c', image: '1' }] } };
    expect(mergePod(live, { spec: { containers: [{ name: 'b', image: '2' }] } })).toEqual(
      { spec: { containers: [{ name: 'a', image: '1' }, { name: 'b', image: '2' }, { name: 'c', image: '1' }] } });
    expect(mergePod(live, { spec: { '$setElementOrder/containers': [{ name: 'a' }, { name: 'd' }, { name: 'b' }], containers: [{ name: 'd', image: '1' }] } })).toEqual(
      { spec: { containers: [{ name: 'a', image: '1' }, { name: 'd', image: '1' }, { name: 'b', image: '1' }, { name: 'c', image: '1' }] } });
  });

  it('keeps atomic lists and maps whole, and merges lists of scalars', () => {
    const live = { metadata: { finalizers: ['x/a', 'x/b'] }, spec: { containers: [{ name: 'a', args: ['1', '2'] }] } };
    expect(mergePod(live, { metadata: { finalizers: ['x/b', 'x/c'] }, spec: { containers: [{ name: 'a', args: ['3'] }] } })).toEqual(
      { metadata: { finalizers: ['x/a', 'x/b', 'x/c'] }, spec: { containers: [{ name: 'a', args: ['3'] }] } });
    expect(mergePod(live, { metadata: { '$deleteFromPrimitiveList/finalizers': ['x/a'] } })).toEqual({ ...live, metadata: { finalizers: ['x/b'] } });
  });

  it('retains keys of a volume when its source changes', () => {
    const live = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } };
    expect(mergePod(live, { spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] } })).toEqual(
      { spec: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] } });
  });

  it('replaces a list, and refuses items without their key', () => {
    const live = { spec: { containers: [{ name: 'a' }, { name: 'b' }] } };
    expect(mergePod(live, { spec: { containers: [{ $patch: 'replace' }, { name: 'c' }] } })).toEqual({ spec: { containers: [{ name: 'c' }] } });
    expect(refusal(() => mergePod(live, { spec: { containers: [{ image: 'x' }] } })).message).toBe('map: map[image:x] does not contain declared merge key: name');
  });
});

const answers = recordedAnswers();

describe.skipIf(answers === undefined)('recorded strategic merges', () => {
  const all = answers ?? [];
  const steps = all.flatMap((answer, index) => (answer.name.startsWith('strategic merge, ') ? [{ answer, before: all.slice(0, index).findLast((one) => one.response.body['kind'] === 'Deployment') }] : []));
  it.each(steps.map((step) => [step.answer.name, step] as const))('%s', (_name, { answer, before }) => {
    const live = before?.response.body as JsonObject;
    const result = applyStrategicMergePatch(apiDescription, 'io.k8s.api.apps.v1.Deployment', live, answer.request.body as JsonObject);
    const expected = answer.response.body;
    expect((result['spec'] as JsonObject)['template']).toMatchObject({ spec: { containers: expect.any(Array) as unknown } });
    const names = (object: JsonObject): Json => ((((object['spec'] as JsonObject)['template'] as JsonObject)['spec'] as JsonObject)['containers'] as JsonObject[]).map((item) => item['name'] as string);
    expect(names(result)).toEqual(names(expected));
    expect(((result['spec'] as JsonObject)['strategy'] as JsonObject)['type']).toBe(((expected['spec'] as JsonObject)['strategy'] as JsonObject)['type']);
  });
});
