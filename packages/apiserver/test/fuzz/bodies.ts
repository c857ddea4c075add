import { stringifyAny, type Json, type JsonObject } from '@coxswain/api';
import { fastPathCodecs, type FastPathItem } from '@coxswain/client/fast-path';
import { grpcFrame } from '@coxswain/etcd-lite/wire';
import { utf8 } from '@coxswain/host';
import { stringify as yamlOf } from 'yaml';
import { fuzzKinds, inProtobuf, templated, type Corpus, type FuzzKind } from './corpus.ts';
import type { Dice } from './dice.ts';
import { mutated, oddValue } from './values.ts';

export interface FuzzBody { readonly contentType: string; readonly bytes: Uint8Array }

const none = new Uint8Array(0);

function damaged(dice: Dice, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes;
  let copy: Uint8Array = bytes.slice();
  for (let times = dice.size(20); times > 0; times -= 1) {
    const at = dice.below(copy.length);
    switch (dice.below(6)) {
      case 0: copy = copy.slice(0, at + 1); break;
      case 1: copy[at] = (copy[at] as number) ^ (1 << dice.below(8)); break;
      case 2: copy[at] = dice.below(256); break;
      case 3: copy.set([0xff, 0xfe, 0xc0].slice(0, copy.length - at), at); break;
      case 4: copy = join(copy.subarray(0, at), copy.subarray(dice.below(copy.length))); break;
      default: copy.set(copy.slice(at, at + 8), dice.below(Math.max(1, copy.length - 8)));
    }
    if (copy.length > 100_000) return copy;
  }
  return copy;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Text that is no object at all, or one with what a serializer never writes. */
function oddJson(dice: Dice, text: string): string {
  return dice.of([
    () => text.replace('{', '{"a":1,"a":2,'), () => text.replace('{', '{"__proto__":{"polluted":true},'), () => text.replace('{', `{"x":${'9'.repeat(dice.of([20, 400, 100_000]))},`), () => text.replace(/:"/, ':1e9999,"b":"'), () => text.replaceAll(':', ' :\n\t'), () => text.replace(/\d+/, '1.0'), () => text.replace(/"[a-z]/, '"\\u0061'),
    () => `${text}${text}`, () => `\ufeff${text}`, () => `[${text}]`, () => JSON.stringify(text), () => 'null', () => '""', () => '[]', () => '', () => '{', () => '['.repeat(dice.of([10, 1900, 100_000])), () => '{"a":'.repeat(dice.of([10, 1900, 50_000])), () => text.replaceAll('"a"', '"\\ud800"'), () => text.replace('}', ',}'), () => `${' '.repeat(dice.of([10, 300_000]))}${text}`,
  ])();
}

function oddYaml(dice: Dice, text: string): string {
  const count = dice.of([3, 9, 30]);
  const bomb = `${Array.from({ length: count }, (_, at) => `a${at}: &a${at} [${at === 0 ? '1' : `*a${at - 1}, *a${at - 1}, *a${at - 1}, *a${at - 1}, *a${at - 1}`}]`).join('\n')}\n`;
  return dice.of([
    () => `${text}\n${bomb}`, () => `${text}\n? {a: b}\n: c\n`, () => `${text}\na: !!binary YQ==\nb: !!js/function x\nc: !<tag:x> y\n`, () => `${text}\n---\n${text}`, () => `%YAML 1.2\n---\n${text}`, () => `x: &x\n  a: b\n<<: *x\n${text}`, () => `&a [*a]`, () => `${'- '.repeat(dice.of([10, 500, 20_000]))}a`, () => `${'['.repeat(dice.of([10, 500, 20_000]))}`,
    () => `${'{a: '.repeat(dice.of([10, 500, 5_000]))}`, () => `${text}\nx: |\n${' a\n'.repeat(dice.of([10, 10_000]))}`, () => text.replaceAll('  ', '\t'), () => `x: 0x1F\ny: 0o17\nz: 1_000\nw: .inf\nv: 12:30:45\nu: ~\nt: yes\n${text}`, () => `${text}\na: 1\na: 2\n`, () => `${text}\n"\\x41": "\\U0001F600"\n`, () => `# ${'c'.repeat(10_000)}\n${text}`, () => '', () => `${Array.from({ length: dice.of([10, 3000]) }, (_, at) => `k${at}: &b${at} v`).join('\n')}\n${text}`,
  ])();
}

export class Bodies {
  readonly #corpus: Corpus;

  constructor(corpus: Corpus) {
    this.#corpus = corpus;
  }

  /** Half of them as they should be. */
  object(dice: Dice, kind: FuzzKind, name: string): JsonObject {
    const valid = this.#corpus.valid(dice, dice.once(40) ? dice.of(fuzzKinds) : kind, name);
    return dice.once(3) ? valid : mutated(dice, valid, () => this.#corpus.valid(dice, dice.of(templated), 'other'));
  }

  encoded(dice: Dice, kind: FuzzKind, object: Json): FuzzBody {
    const wrong = dice.once(50) ? dice.of(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'text/plain', '', 'application/json;charset=x', ';', 'a/b/c']) : undefined;
    const [contentType, bytes] = this.#form(dice, kind, object);
    return { contentType: wrong ?? contentType, bytes: dice.once(8) ? damaged(dice, bytes) : bytes };
  }

  #form(dice: Dice, kind: FuzzKind, object: Json): readonly [string, Uint8Array] {
    const text = stringifyAny(object);
    const form = dice.below(8);
    const protobuf = form < 2 && object !== null && typeof object === 'object' && !Array.isArray(object) ? inProtobuf(kind, object) : undefined;
    if (protobuf !== undefined) return ['application/vnd.kubernetes.protobuf', protobuf];
    if (form === 2 || form === 3) {
      const yaml = text.length < 20_000 && dice.once(2) && !text.includes('{"a":{"a":{"a"') && !text.includes('[[[[') ? yamlOf(JSON.parse(text)) : text;
      return ['application/yaml', utf8(dice.once(4) ? oddYaml(dice, yaml) : yaml)];
    }
    return ['application/json', utf8(dice.once(10) ? oddJson(dice, text) : text)];
  }

  /** As clients send it, in any form. */
  tame(dice: Dice, kind: FuzzKind, name: string): FuzzBody {
    const [contentType, bytes] = this.#form(dice, kind, this.#corpus.valid(dice, kind, name));
    return { contentType, bytes };
  }

  tamePatch(dice: Dice, kind: FuzzKind, name: string): FuzzBody {
    const type = dice.of(['json-patch', 'merge-patch', 'strategic-merge-patch', 'apply-patch'] as const);
    const labels = { [dice.of(['a', 'b', 'c'])]: dice.of(['x', 'y']) };
    const identity = { apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind };
    const body: Json = type === 'json-patch' ? [{ op: 'add', path: '/metadata/labels', value: labels }] : type === 'apply-patch' ? { ...identity, metadata: { name, labels } } : { metadata: { labels } };
    return { contentType: type === 'apply-patch' ? 'application/apply-patch+yaml' : `application/${type}+json`, bytes: utf8(stringifyAny(body)) };
  }

  patch(dice: Dice, kind: FuzzKind, name: string): FuzzBody {
    const type = dice.of(['json-patch', 'merge-patch', 'strategic-merge-patch', 'apply-patch', 'apply-patch'] as const);
    const object = this.object(dice, kind, name);
    if (type === 'apply-patch') return { contentType: 'application/apply-patch+yaml', bytes: this.#text(dice, object, true) };
    if (type === 'json-patch') return { contentType: 'application/json-patch+json', bytes: this.#text(dice, operations(dice, object), false) };
    return { contentType: `application/${type}+json`, bytes: this.#text(dice, dice.once(2) ? object : { metadata: { labels: { x: oddValue(dice) }, finalizers: dice.once(4) ? ['a/b'] : [] }, ...(dice.once(2) ? { spec: object['spec'] ?? null } : {}) }, false) };
  }

  #text(dice: Dice, value: Json, yaml: boolean): Uint8Array {
    const text = stringifyAny(value);
    const bytes = utf8(dice.once(10) ? (yaml ? oddYaml(dice, text) : oddJson(dice, text)) : text);
    return dice.once(12) ? damaged(dice, bytes) : bytes;
  }

  deleteOptions(dice: Dice): FuzzBody {
    if (dice.once(2)) return { contentType: '', bytes: none };
    const options = mutated(dice, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, propagationPolicy: dice.of(['Orphan', 'Background', 'Foreground']), preconditions: { uid: 'x', resourceVersion: '1' }, dryRun: ['All'], orphanDependents: true }, () => ({}));
    if (!dice.once(3)) delete options['preconditions'];
    return { contentType: dice.of(['application/json', 'application/yaml']), bytes: this.#text(dice, options, false) };
  }

  /** A frame of the fast path's, whole or damaged. */
  frame(dice: Dice, kind: FuzzKind, name: string): FuzzBody {
    const object = (): Uint8Array => this.#text(dice, this.object(dice, kind, name), false);
    const item = (): FastPathItem => ({ namespace: dice.of(['fuzz', '', '../x']), name, ...dice.of([
      () => ({ bind: { uid: dice.of(['', 'x']), node: dice.of(['n', '', '\u0000']) } }), () => ({ event: { apiVersion: dice.of(['v1', 'events.k8s.io/v1', 'a/b/c', '']), body: object() } }), () => ({ lease: { body: object() } }),
      () => ({ status: { apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, resource: kind.resource, patchType: dice.of(['', 'application/merge-patch+json', 'application/apply-patch+yaml', 'x']), body: object() } }), () => ({}),
    ])() });
    const bytes = grpcFrame(fastPathCodecs.writeRequest.encode({ items: Array.from({ length: dice.size(20) }, item) }));
    return { contentType: dice.of(['application/grpc', 'application/grpc+proto']), bytes: dice.once(3) ? damaged(dice, bytes) : bytes };
  }
}

function operations(dice: Dice, object: JsonObject): Json {
  const path = (): string => dice.of(['/metadata/labels', '/metadata/labels/a', '/metadata/name', '/spec', '/spec/containers/0', '/spec/containers/-', '/data/a', '', '/', '/~1', '/~2', '/a/b/c', '/metadata/finalizers', '/__proto__/x', '/constructor/prototype/x', '/spec/containers/99999999999', '/spec/template/spec/containers/0/image', '/metadata/managedFields', '/status']);
  const count = dice.once(400) ? dice.of([1000, 10_001]) : dice.size(10);
  const value = (): Json => (count > 100 && !dice.once(100) ? 1 : dice.once(3) ? (object['spec'] ?? 1) : oddValue(dice));
  return Array.from({ length: count }, () => ({ op: dice.of(['add', 'remove', 'replace', 'move', 'copy', 'test', 'x']), path: path(), ...(dice.once(2) ? { from: path() } : {}), ...(dice.once(4) ? {} : { value: value() }) }));
}
