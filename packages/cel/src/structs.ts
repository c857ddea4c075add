import { equal } from './equality.ts';
import { stringType, dynType, type CheckType } from './check-types.ts';
import { overload, type FunctionDecl } from './functions.ts';
import { CelError, ListValue, MapValue, OpaqueValue, OptionalValue, Uint, typeNameOf, type CelValue } from './values.ts';

/** Types that expressions of mutating policies may construct: `Object`, `Object.spec.containers`, … and `JSONPatch`. */

const jsonPatch = 'JSONPatch';
const jsonPatchStrings: ReadonlySet<string> = new Set(['op', 'path', 'from']);

export const isPatchType = (name: string): boolean => name === jsonPatch || name === 'Object' || name.startsWith('Object.');

/** Any field of an object, whatever its schema; upstream gives a JSONPatch's fields that do not exist a type that nothing fits. */
export function patchFieldType(typeName: string, field: string): CheckType {
  if (typeName !== jsonPatch || field === 'value') return dynType;
  return jsonPatchStrings.has(field) ? stringType : { kind: 'object', name: '' };
}

/** An object that an expression made: `Object{spec: Object.spec{…}}`. It cannot be read from. */
export class StructValue extends OpaqueValue {
  readonly typeName: string;
  readonly fields: ReadonlyMap<string, CelValue>;
  constructor(typeName: string, fields: ReadonlyMap<string, CelValue>) {
    super();
    this.typeName = typeName;
    this.fields = fields;
  }
  equals(other: CelValue): boolean {
    if (!(other instanceof StructValue) || other.typeName !== this.typeName || other.fields.size !== this.fields.size) return false;
    return [...this.fields].every(([name, value]) => {
      const theirs = other.fields.get(name);
      return theirs !== undefined && equal(value, theirs);
    });
  }
}

/** An operation of a JSON patch can be read from; strings that are not given are empty. */
class PatchValue extends StructValue {
  override field(name: CelValue): CelValue | undefined {
    if (name === 'value') return this.fields.get('value');
    return typeof name === 'string' && jsonPatchStrings.has(name) ? this.fields.get(name) ?? '' : undefined;
  }
}

/** Go's name of what it is kept as. */
function goKind(value: CelValue): string {
  if (typeof value === 'bigint') return 'int64';
  if (typeof value === 'number') return 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof Uint) return 'uint64';
  if (value instanceof Uint8Array) return '[]uint8';
  if (value instanceof ListValue) return '[]ref.Val';
  if (value instanceof MapValue) return 'map[ref.Val]ref.Val';
  return value === null ? 'structpb.NullValue' : typeNameOf(value);
}

export function makeObject(type: string, fields: ReadonlyMap<string, CelValue>): CelValue {
  if (type !== jsonPatch) return new StructValue(type, fields);
  for (const [name, value] of fields) {
    if (jsonPatchStrings.has(name) && typeof value !== 'string') return new CelError(`unexpected type ${goKind(value)} for JSONPatchType '${name}' field`);
  }
  return new PatchValue(type, fields);
}

/** Objects below one that are not of the type that their place says. */
export function misplacedTypes(value: CelValue, expected: string): readonly string[] {
  if (value instanceof StructValue) {
    const own = value.typeName === expected ? [] : [`unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(expected)}, which matches field name path from root Object type`];
    return [...own, ...[...value.fields].flatMap(([name, field]) => misplacedTypes(field, `${expected}.${name}`))];
  }
  if (value instanceof OptionalValue) return value.value === undefined ? [] : misplacedTypes(value.value, expected);
  if (value instanceof ListValue) return [...value].flatMap((item) => misplacedTypes(item, expected));
  if (value instanceof MapValue) return [...value.keys()].flatMap((key) => misplacedTypes(value.find(key) as CelValue, expected));
  return [];
}

/** `jsonpatch.escapeKey(key)`: as a part of a path. */
export const patchFunctions: readonly FunctionDecl[] = [{
  name: 'jsonpatch.escapeKey',
  overloads: [overload('string_jsonpatch_escapeKey_string', '(string) -> string', ([key]) => (key as string).replaceAll('~', '~0').replaceAll('/', '~1'))],
}];
