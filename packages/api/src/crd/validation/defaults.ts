import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import { DecodeError } from '../../decode/decode-object.ts';
import { cloneJson, equalJson, isObject } from '../../patch/values.ts';
import type { Json, JsonObject } from '../../resource.ts';
import { invalidValue } from '../../validation/errors.ts';
import { coerceEmbedded } from '../embedded.ts';
import { badJson } from '../go-value.ts';
import { pruneUnknown, pruneValue } from '../prune.ts';
import { envelopeFields, type Structural } from '../structural.ts';
import { validateEmbedded, validateValue } from '../validate-object.ts';

/** What the rules of a schema say of a default: as if it were created, and as if it were updated. */
export type CheckRules = (value: Json, schema: Structural, field: string) => FieldError[];

interface Spot {
  readonly schema: Structural;
  readonly field: string;
  /** The resource, embedded or not, that the value belongs to. */
  readonly root: Structural;
  /** That resource with the value in it, and nothing else. */
  readonly around: (value: Json) => Json;
  readonly insideMeta: boolean;
}

function withType(object: Json): Json {
  return isObject(object) ? { kind: 'Validation', apiVersion: 'validation/v1', ...object } : object;
}

function inMetadata(value: Json, spot: Spot): FieldError[] {
  const at = `${spot.field}.default`;
  const object = spot.around(cloneJson(value)) as JsonObject;
  const bad = (why: string): FieldError[] => [invalidValue(at, badJson(value), `must result in valid metadata: ${why}`)];
  try {
    coerceEmbedded(object, { ...spot.root, embeddedResource: true }, false);
  } catch (error) {
    if (error instanceof DecodeError) return bad(error.message.replace(/^\./, ''));
    throw error;
  }
  const errors = validateEmbedded(object, { ...spot.root, embeddedResource: true });
  if (errors.length === 0) return validateValue(value, spot.schema, at);
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  return bad(texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`);
}

function plain(value: Json, spot: Spot): FieldError[] {
  const at = `${spot.field}.default`;
  const errors: FieldError[] = [];
  const pruned = cloneJson(value);
  if (spot.schema.embeddedResource && isObject(pruned)) pruneUnknown(pruned, spot.schema);
  else pruneValue(pruned, spot.schema);
  if (!equalJson(pruned, value)) errors.push(invalidValue(at, badJson(value), 'must not have unknown fields'));
  const wrapped: JsonObject = { default: cloneJson(value) };
  try {
    coerceEmbedded(wrapped, wrapper(spot.schema), false);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const [, inside = '', message = ''] = /^default(.*?): (Invalid value: .*)$/s.exec(error.message) ?? [];
    return [...errors, { type: 'Invalid', field: `${at}${inside}`, message }];
  }
  const embedded = validateEmbedded(value, spot.schema, at);
  return [...errors, ...(embedded.length > 0 ? embedded : validateValue(value, spot.schema, at))];
}

function wrapper(schema: Structural): Structural {
  return { ...schema, embeddedResource: false, properties: new Map([['default', schema]]), items: undefined, additional: undefined };
}

function visit(spot: Spot, check: CheckRules | undefined): FieldError[] {
  const here: Spot = spot.schema.embeddedResource ? { ...spot, insideMeta: false, root: spot.schema, around: withType } : spot;
  const { schema, field } = here;
  const errors: FieldError[] = [];
  if (schema.default !== undefined) {
    const found = here.insideMeta ? inMetadata(schema.default, here) : plain(schema.default, here);
    append(errors, (found.length > 0 || check === undefined ? found : check(schema.default, schema, `${field}.default`)));
  }
  if (schema.items !== undefined) append(errors, visit({ ...here, schema: schema.items, field: `${field}.items`, around: (value) => here.around([value]) }, check));
  for (const [name, property] of [...schema.properties].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const insideMeta = here.insideMeta || (schema.embeddedResource && envelopeFields.has(name));
    append(errors, visit({ ...here, schema: property, field: `${field}.properties[${name}]`, insideMeta, around: (value) => here.around({ [name]: value }) }, check));
  }
  return errors;
}

/** Defaults must be what the schema allows, with nothing that pruning would take out. */
export function validateDefaults(schema: Structural, field: string, check?: CheckRules): FieldError[] {
  const root: Structural = { ...schema, embeddedResource: true };
  return visit({ schema: root, field, root, around: withType, insideMeta: false }, check);
}
