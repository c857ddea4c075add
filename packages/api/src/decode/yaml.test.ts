import { describe, expect, test } from 'vitest';
import { StatusError } from '../status-error.ts';
import { decodeBody } from './index.ts';
import { scanYaml } from './yaml.ts';

const configMap = { group: '', version: 'v1', kind: 'ConfigMap' };

function decode(text: string, mode: 'Strict' | 'Warn'): ReturnType<typeof decodeBody> {
  const body = new TextEncoder().encode(text);
  return decodeBody(configMap, body, mode, () => scanYaml(body));
}

describe('scanYaml', () => {
  /** Rules of YAML 1.1, without what Kubernetes' YAML library leaves out (times and numbers to the base of 60). */
  test.each([
    ['a: 1', { a: 1 }], ['a: 1.5', { a: 1.5 }], ['a: 0755', { a: 493 }], ['a: 22:22', { a: '22:22' }], ['a: 2001-01-01', { a: '2001-01-01' }], ['a: yes', { a: true }],
    ['a: "yes"', { a: 'yes' }], ['a: ~', { a: null }], ['a: 9007199254740993', { a: 9007199254740993n }], ['1: x', { 1: 'x' }], ['true: x', { true: 'x' }],
    ['x: &k {z: 1}\nw: {<<: *k, v: 2}', { x: { z: 1 }, w: { z: 1, v: 2 } }], ['{"a": [1, "b"]}', { a: [1, 'b'] }], ['a: |\n  x\n  y\n', { a: 'x\ny\n' }],
  ])('%j', (text, expected) => {
    expect(scanYaml(text).value).toEqual(expected);
  });

  test('duplicate keys are told by line', () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: "1"\n  a: "2"\n';
    const said = 'yaml: unmarshal errors:\n  line 6: key "a" already set in map';
    expect(decode(text, 'Warn').warnings).toEqual(['line 6: key "a" already set in map']);
    expect(decode(text, 'Warn').object['data']).toEqual({ a: '2' });
    expect(() => decode(text, 'Strict')).toThrow(`ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${said}`);
  });

  test('what is no YAML is a bad request', () => {
    expect(() => decode('a: [1\nb: 2', 'Warn')).toThrow(StatusError);
    expect(() => decode('a: [1\nb: 2', 'Warn')).toThrow(/^the object provided is unrecognized \(must be of type ConfigMap\): yaml: line 2: .* \(613a205b310a623a2032\)$/);
  });
});

describe('what has no end', () => {
  const nine = (name: string): string => `[${Array.from({ length: 9 }, () => `*${name}`).join(',')}]`;
  const bomb = ['a: &a [1]', ...'bcdefg'.split('').map((name, at) => `${name}: &${name} ${nine('abcdef'[at] as string)}`)].join('\n');

  /** Words of kube-apiserver 1.32.2. */
  test.each([
    ['an anchor inside itself (fuzz seed 2, request 335)', '&a [*a]', "yaml: anchor 'a' value contains itself"],
    ['a key inside its own value', 'x: &a\n  y: {z: *a}', "yaml: anchor 'a' value contains itself"],
    // These three in kube-apiserver's words.
    ['an anchor that is none (fuzz seed 8101, request 498956)', 'x: &8\n  a: b\n<<: *x\n', "yaml: unknown anchor 'x' referenced"],
    ['a merge of a number', '<<: 3\na: b\n', 'yaml: map merge requires map or sequence of maps as the value'],
    ['a merge of an alias of a number', 'b: &b 3\n<<: *b\n', 'yaml: map merge requires map or sequence of maps as the value'],
    ['aliases of aliases of aliases (fuzz seed 2, request 6793)', bomb, 'yaml: document contains excessive aliasing'],
    ['brackets', '['.repeat(20_000), 'yaml: exceeded max depth of 10000'],
  ])('%s is refused', (_what, text, message) => {
    expect(() => scanYaml(text)).toThrow(expect.objectContaining({ name: 'YamlSyntaxError', message }));
  });

  test('a name that is given again inside is another anchor', () => {
    expect(scanYaml('&a [&a 1, *a]').value).toEqual([1, 1]);
  });
});
