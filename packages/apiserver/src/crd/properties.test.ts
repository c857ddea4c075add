/** Of generated structural schemas and objects: what decoding makes of an object is stable, and what is valid stays so through the store. */
import { stringifySorted, structuralOf, validateDefinition, validateValue, type Definition, type Json, type JsonObject } from '@coxswain/api';
import { expect, test } from 'vitest';
import { VersionSchemas } from './version-schemas.ts';

/** A small generator with a seed, so that a failure can be run again. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  one<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

const names = ['a', 'b', 'c', 'kind', 'metadata'];

function leafOf(dice: Dice): JsonObject {
  return dice.one<JsonObject>([{ type: 'string' }, { type: 'integer' }, { type: 'boolean' }, { type: 'string', nullable: true }, { type: 'integer', default: 3 }, { type: 'string', nullable: true, default: 'x' }, { 'x-kubernetes-int-or-string': true }]);
}

function schemaOf(dice: Dice, depth: number): JsonObject {
  if (depth === 0) return leafOf(dice);
  switch (dice.below(6)) {
    case 0: return { type: 'array', items: schemaOf(dice, depth - 1) };
    case 1: return { type: 'object', additionalProperties: schemaOf(dice, depth - 1), ...(dice.below(3) === 0 ? { nullable: true } : {}) };
    case 2: return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { a: schemaOf(dice, depth - 1) } };
    case 3: return { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true, properties: { spec: schemaOf(dice, depth - 1) } };
    case 4: return leafOf(dice);
    default: return { type: 'object', properties: Object.fromEntries(names.slice(0, 3).map((name) => [name, schemaOf(dice, depth - 1)])), ...(dice.below(4) === 0 ? { default: {} } : {}) };
  }
}

function valueOf(dice: Dice, depth: number): Json {
  switch (dice.below(depth === 0 ? 5 : 8)) {
    case 0: return null;
    case 1: return dice.below(10);
    case 2: return dice.one(['x', '', 'long text']);
    case 3: return dice.below(2) === 0;
    case 4: return 1.5;
    case 5: return [valueOf(dice, depth - 1), valueOf(dice, depth - 1)];
    default: return Object.fromEntries(names.filter(() => dice.below(2) === 0).map((name) => [name, valueOf(dice, depth - 1)]));
  }
}

function definitionWith(schema: JsonObject): Definition {
  const names: Definition['acceptedNames'] = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList', shortNames: [], categories: [] };
  const version = { name: 'v1', served: true, storage: true, deprecated: false, deprecationWarning: '', schema, hasStatus: false, scale: undefined, columns: [], selectablePaths: [] };
  return { name: 'things.example.com', uid: 'u', group: 'example.com', namespaced: true, wantedNames: names, acceptedNames: names, versions: [version], storageVersion: 'v1', preserveUnknownFields: false, conversionWebhook: undefined, deleting: false, object: {} };
}

const seeds = 400;

test('pruning and defaulting are idempotent, and what validates is stored and read without a change', () => {
  let valid = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const dice = new Dice(seed);
    const schema: JsonObject = { type: 'object', properties: { spec: schemaOf(dice, 3) } };
    const schemas = new VersionSchemas(definitionWith(schema));
    const object: JsonObject = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' }, spec: valueOf(dice, 4), other: 1 };
    const settle = (): string => {
      schemas.coerce(object, { stored: true });
      schemas.fillDefaults(object);
      return stringifySorted(object);
    };
    const once = settle();
    expect(settle(), `seed ${seed}`).toBe(once);
    expect(object, `seed ${seed}`).not.toHaveProperty('other');
    if (validateValue(object, structuralOf(schema)).length > 0) continue;
    valid += 1;
    const read = JSON.parse(once) as JsonObject;
    expect(schemas.coerce(read, { stored: false }), `seed ${seed}`).toEqual([]);
    schemas.fillDefaults(read);
    expect(stringifySorted(read), `seed ${seed}`).toBe(once);
    expect(validateValue(read, structuralOf(schema)), `seed ${seed}`).toEqual([]);
  }
  // Otherwise the second half would say nothing.
  expect(valid).toBeGreaterThan(seeds / 20);
});

test('what was valid may be written again, whatever the schema says by then', () => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const dice = new Dice(seed * 7919);
    const schema = structuralOf({ type: 'object', properties: { spec: schemaOf(dice, 3) } });
    const old: JsonObject = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' }, spec: valueOf(dice, 4) };
    const object: JsonObject = { ...old, metadata: { name: 'a', labels: { b: 'c' } } };
    expect(validateValue(object, schema, '', old), `seed ${seed}`).toEqual([]);
  }
});

test('generated schemas are structural, so that definitions with them are taken', () => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const schema: JsonObject = { type: 'object', properties: { spec: schemaOf(new Dice(seed), 2) } };
    const object: JsonObject = {
      metadata: { name: 'things.example.com' }, status: { storedVersions: ['v1'] },
      spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] },
    };
    expect(validateDefinition(object), `seed ${seed}: ${JSON.stringify(schema)}`).toEqual([]);
  }
});
