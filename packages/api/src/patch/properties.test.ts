import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json, JsonObject } from '../resource.ts';
import { StatusError } from '../status-error.ts';
import { applyJsonPatch, applyMergePatch, equalJson } from './index.ts';

const key = fc.constantFrom('a', 'b', 'a/b', 'm~n', '__proto__', '0', '');
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(fc.boolean(), fc.integer({ min: -3, max: 3 }), fc.constantFrom('', 'x', 'ü'), fc.constant(null)),
    fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(key, tie('tree'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const object = fc.dictionary(key, tree, { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<JsonObject>;

/** Leaves by their paths, which is all that RFC 7386 needs. An object that has no members is a leaf too. */
type Leaves = Map<string, Json>;

function leavesOf(value: Json, path: readonly string[] = [], into: Leaves = new Map()): Leaves {
  const members = value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value).map((name) => [name, (value as JsonObject)[name] as Json] as const) : [];
  if (members.length === 0) into.set(JSON.stringify(path), value);
  for (const [name, member] of members) leavesOf(member, [...path, name], into);
  return into;
}

test('a merge patch that is applied twice has the effect of one, and what it names is as it says', () => {
  fc.assert(fc.property(object, object, (document, patch) => {
    const before = structuredClone(document);
    const once = applyMergePatch(document, patch);
    expect(document, 'the argument is left alone').toEqual(before);
    expect(equalJson(applyMergePatch(once, patch), once)).toBe(true);
    const result = leavesOf(once);
    for (const [path, wanted] of leavesOf(patch)) {
      if (wanted === null) expect(result.has(path) && result.get(path) === null, path).toBe(false);
      else if (!(typeof wanted === 'object' && !Array.isArray(wanted))) expect(result.get(path), path).toEqual(wanted);
    }
    // What the patch does not name at its top stays.
    for (const name of Object.keys(document)) if (!Object.hasOwn(patch, name)) expect((once as JsonObject)[name]).toEqual(document[name]);
  }), { numRuns: 1500, seed: 11 });
});

const refused = Symbol('refused');
type Step = string | number;
type Operation = { readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'; readonly at: number; readonly from: number; readonly value: Json; readonly name: string };
const operation: fc.Arbitrary<Operation> = fc.record({ op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'), at: fc.nat(1000), from: fc.nat(1000), value: tree, name: key });

function pathsIn(value: Json, path: readonly Step[] = []): (readonly Step[])[] {
  if (value === null || typeof value !== 'object') return [path];
  const members = Array.isArray(value) ? value.map((member, index) => [index, member] as const) : Object.keys(value).map((name) => [name, value[name] as Json] as const);
  return [path, ...members.flatMap(([step, member]) => pathsIn(member, [...path, step]))];
}

function pointer(path: readonly Step[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The plain model: every change makes the way to it anew. */
function changed(value: Json, path: readonly Step[], change: (container: Json, step: Step) => Json): Json {
  const [step, ...rest] = path as [Step, ...Step[]];
  if (rest.length === 0) return change(value, step);
  if (Array.isArray(value)) return value.map((member, index) => (index === step ? changed(member, rest, change) : member));
  return Object.fromEntries(Object.entries(value as JsonObject).map(([name, member]) => [name, name === step ? changed(member, rest, change) : member]));
}

function inserted(value: Json, path: readonly Step[], what: Json): Json {
  return changed(value, path, (container, step) => (Array.isArray(container) ? [...container.slice(0, step as number), what, ...container.slice(step as number)] : Object.fromEntries([...Object.entries(container as JsonObject).filter(([name]) => name !== step), [step, what]])));
}

function removed(value: Json, path: readonly Step[]): Json {
  return changed(value, path, (container, step) => (Array.isArray(container) ? container.filter((_member, index) => index !== step) : Object.fromEntries(Object.entries(container as JsonObject).filter(([name]) => name !== step))));
}

function at(value: Json, path: readonly Step[]): Json {
  return path.reduce<Json>((inner, step) => (inner as Json[])[step as number] as Json, value);
}

function startsWith(path: readonly Step[], head: readonly Step[]): boolean {
  return head.every((step, index) => path[index] === step);
}

/** The operation as the patch has it, and what it must make; undefined where it does not fit the document. */
function planned(document: Json, { op, at: chosen, from: source, value, name }: Operation): { readonly json: JsonObject; readonly result: Json | typeof refused } | undefined {
  const paths = pathsIn(document).slice(1);
  const path = paths[chosen % Math.max(paths.length, 1)] ?? [name];
  const exists = paths.length > 0;
  const from = paths[source % Math.max(paths.length, 1)] ?? [];
  switch (op) {
    case 'add': return { json: { op, path: pointer(path), value }, result: inserted(document, path, value) };
    case 'remove': return { json: { op, path: pointer(path) }, result: exists ? removed(document, path) : refused };
    case 'replace': return exists ? { json: { op, path: pointer(path), value }, result: inserted(removed(document, path), path, value) } : undefined;
    case 'test': return exists ? { json: { op, path: pointer(path), value }, result: equalJson(at(document, path), value) ? document : refused } : undefined;
    case 'copy': return exists ? { json: { op, from: pointer(from), path: pointer(path) }, result: inserted(document, path, at(document, from)) } : undefined;
    // A move is a removal and an addition where the place is still there and means the same.
    case 'move': return !exists || startsWith(path, from) || path.length > from.length || (path.length === from.length && startsWith(path, from.slice(0, -1))) ? undefined
      : { json: { op, from: pointer(from), path: pointer(path) }, result: inserted(removed(document, from), path, at(document, from)) };
  }
}

test('a JSON patch does what a plain model does, one operation after the other, and all or nothing', () => {
  let performed = 0;
  fc.assert(fc.property(object, fc.array(operation, { minLength: 1, maxLength: 6 }), (document, operations) => {
    const patch: JsonObject[] = [];
    let expected: Json | typeof refused = document;
    for (const one of operations) {
      if (expected === refused) break;
      const plan = planned(expected, one);
      if (plan === undefined) continue;
      patch.push(plan.json);
      expected = plan.result;
    }
    const before = structuredClone(document);
    if (expected === refused) expect(() => applyJsonPatch(document, patch)).toThrow(StatusError);
    else {
      expect(equalJson(applyJsonPatch(document, patch), expected), JSON.stringify({ document, patch, expected })).toBe(true);
      performed += patch.length;
    }
    expect(document, 'the argument is left alone').toEqual(before);
  }), { numRuns: 1500, seed: 12 });
  expect(performed).toBeGreaterThan(1500);
});
