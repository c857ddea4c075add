import { assert, utf8 } from '@coxswain/host';
import { planOf, unionOf } from '../description/plan.ts';
import { structOf, type GoField, type GoStruct, type Shape } from '../description/raw.ts';
import { fieldWriter, messageOf, type WriteMessage } from './encode.ts';
import { BackwardWriter } from './writer.ts';

/** How a value's JSON becomes protobuf. `message`: a text that the encoder makes a message of; `as-it-is`: JSON within protobuf; `unknown`: only by decoding it. */
export type WireForm = 'string' | 'base64' | 'boolean' | 'integer' | 'time' | 'quantity' | 'int-or-string' | 'message' | 'struct' | 'as-it-is' | 'left-out' | 'unknown';

/** A member of an object's JSON. */
export class WireField {
  /** As it stands in JSON behind the first quote, with the colon. */
  readonly key: Uint8Array;
  readonly form: WireForm;
  readonly collection: 'none' | 'list' | 'map';
  /** Of `message`. */
  readonly message: WriteMessage | undefined;
  readonly #typeName: string;
  #plan: WirePlan | undefined;

  constructor(field: GoField) {
    const { shape, protoNumber } = field;
    const isCollection = (shape.kind === 'list' || shape.kind === 'map') && field.goType !== 'v1.Verbs';
    const of = isCollection ? shape.of : shape;
    this.key = utf8(`${field.name}":`);
    this.collection = isCollection ? shape.kind : 'none';
    this.form = protoNumber === 0 ? 'left-out' : formOf(of, field.name);
    this.message = this.form === 'message' || this.form === 'time' ? messageOf(of) : undefined;
    this.#typeName = of.kind === 'object' ? of.type : '';
  }

  /** Of `struct`. Types refer to each other in circles, so it is made when first asked for. */
  get plan(): WirePlan {
    return (this.#plan ??= wirePlan(this.#typeName));
  }
}

function formOf(shape: Shape, name: string): WireForm {
  switch (shape.kind) {
    case 'string': case 'boolean': case 'time': case 'quantity': case 'int-or-string': return shape.kind;
    case 'int32': case 'int64': return 'integer';
    case 'bytes': return 'base64';
    case 'micro-time': case 'duration': return 'message';
    case 'object': return unionOf(shape.type) === undefined ? 'struct' : 'unknown';
    case 'any': return name === 'fieldsV1' ? 'as-it-is' : 'unknown';
    case 'double': case 'list': case 'map': return 'unknown';
  }
}

/** A field of the message, in the order in which it is written. */
export interface WireWrite {
  readonly number: number;
  /** Where the object's tape has the member. */
  readonly slot: number;
  readonly field: WireField;
  /** What is written where JSON has nothing. */
  readonly absent: Uint8Array;
  /** What JSON flattens into this object is a message of its own. */
  readonly inlined: readonly WireWrite[] | undefined;
}

export interface WirePlan {
  /** In the order of JSON, which is Go's. */
  readonly fields: readonly WireField[];
  /** Of their keys; two that differ are different keys. */
  readonly marks: Int32Array;
  /** The last comes first on the wire. */
  readonly writes: readonly WireWrite[];
  slotOf(name: string): number;
}

/** The first three bytes: no key has fewer, with its quote and colon. */
export function markAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
}

const plans = new Map<string, WirePlan>();

export function wirePlan(typeName: string): WirePlan {
  const known = plans.get(typeName);
  if (known !== undefined) return known;
  const struct = structOf(typeName);
  assert(struct !== undefined, `no type ${typeName} in the API description`);
  const members = planOf(typeName).fields;
  const fields = members.map((field) => new WireField(field));
  const slots = new Map(members.map((field, at) => [field.name, at]));
  const made: WirePlan = { fields, marks: Int32Array.from(fields, ({ key }) => markAt(key, 0)), writes: writesOf(struct, fields, slots), slotOf: (name) => slots.get(name) ?? -1 };
  plans.set(typeName, made);
  return made;
}

function writesOf(struct: GoStruct, fields: readonly WireField[], slots: ReadonlyMap<string, number>): readonly WireWrite[] {
  return struct.fields.filter((field) => field.protoNumber > 0).sort((left, right) => right.protoNumber - left.protoNumber).map((field) => {
    const slot = field.inline ? 0 : (slots.get(field.name) as number);
    const inlined = field.inline && field.shape.kind === 'object' ? structOf(field.shape.type) : undefined;
    return {
      number: field.protoNumber, slot, field: fields[slot] as WireField,
      absent: inlined === undefined ? absentBytes(field) : new Uint8Array(),
      inlined: inlined === undefined ? undefined : writesOf(inlined, fields, slots),
    };
  });
}

function absentBytes(field: GoField): Uint8Array {
  const writer = new BackwardWriter();
  fieldWriter(field)(writer, undefined);
  return writer.finish();
}
