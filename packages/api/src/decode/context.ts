import { formatPath, type DuplicateKey, type ScannedJson } from '../json/scan.ts';
import { tooManyItems, type ItemLimit } from './limits.ts';
import type { Json, JsonObject } from '../resource.ts';

/** JSON of a type that the field cannot hold. The message is Go's. */
export class TypeMismatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TypeMismatchError';
  }
}

/** Go stops noting strict errors here. */
const maxStrictErrors = 100;

/** Where the decoder is, for messages. One per decoding. */
export class DecodeContext {
  /** Texts such as `unknown field "spec.foo"`, in the order in which they were met. */
  readonly strictErrors: string[];
  readonly unknownFields: string[] = [];
  readonly duplicateFields: string[] = [];
  /** Keys and indices from the root. */
  readonly path: (string | number)[] = [];
  /** Only the struct fields among them: Go's type errors leave indices and map keys out. */
  readonly fields: string[] = [];
  /** Name of the struct whose field is being read. */
  struct = '';
  /** Where the value being read stands. */
  parent: JsonObject | Json[] | undefined;
  key: string | number = '';
  readonly #scanned: ScannedJson;
  /** Undefined: nothing is counted. */
  readonly #counts: Map<string, number> | undefined;
  readonly #duplicates: ReadonlyMap<JsonObject, readonly DuplicateKey[]>;

  constructor(scanned: ScannedJson, bounded = false) {
    this.#scanned = scanned;
    this.#counts = bounded ? new Map() : undefined;
    this.strictErrors = [...(scanned.strictErrors ?? [])];
    this.#duplicates = Map.groupBy(scanned.duplicates, (duplicate) => duplicate.parent);
  }

  /** Throws StatusError where a body has too many of them. */
  count(limit: ItemLimit, items: number): void {
    if (this.#counts === undefined) return;
    const all = (this.#counts.get(limit.name) ?? 0) + items;
    if (all > limit.most) throw tooManyItems(limit);
    this.#counts.set(limit.name, all);
  }

  #note(list: string[], what: string, key: string): void {
    const path = formatPath([...this.path, key]);
    list.push(path);
    if (this.strictErrors.length < maxStrictErrors) this.strictErrors.push(`${what} field "${path}"`);
  }

  unknown(key: string): void {
    this.#note(this.unknownFields, 'unknown', key);
  }

  noteDuplicates(object: JsonObject): void {
    for (const { key } of this.#duplicates.get(object) ?? []) this.#note(this.duplicateFields, 'duplicate', key);
  }

  /** How the whole number being read was written, if as a float. */
  floatLiteral(): string | undefined {
    if (this.#scanned.wholeFloats.size === 0 || this.parent === undefined) return undefined;
    return this.#scanned.wholeFloats.get(this.parent)?.get(this.key);
  }

  mismatch(found: string, goType: string): never {
    const where = this.struct === '' ? 'Go value' : `Go struct field ${this.struct}.${this.fields.join('.')}`;
    throw new TypeMismatchError(`json: cannot unmarshal ${found} into ${where} of type ${goType}`);
  }
}

/** What Go calls a JSON value in its errors. */
export function jsonKind(value: Json): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'object': return 'object';
    default: return 'number';
  }
}
