import { goText } from './lib/go-text.ts';
import { CelError, ListValue, MapValue, OpaqueValue, OptionalValue, TypeValue, Uint, typeNameOf, type CelValue } from './values.ts';

/** What cannot be a key or an index, by Go's name of its type; undefined: it can. */
export function badQualifier(key: CelValue): CelError | undefined {
  if (typeof key !== 'object' || key instanceof Uint) return undefined;
  return new CelError(`invalid qualifier type: ${goTypeOf(key)}`);
}

function goTypeOf(key: CelValue & object | null): string {
  if (key === null) return 'types.Null';
  if (key instanceof ListValue) return '*types.baseList';
  if (key instanceof MapValue) return '*types.baseMap';
  if (key instanceof OptionalValue) return '*types.Optional';
  const name = key instanceof Uint8Array ? 'Bytes' : typeNameOf(key).replace(/^.*\./, '');
  return key instanceof TypeValue ? '*types.Type' : `types.${name}`;
}

/** `value.key`, `value[key]` */
export function qualify(value: CelValue, key: CelValue): CelValue {
  if (value instanceof MapValue) {
    const found = value.find(key);
    return found === undefined ? noSuchKey(key) : found;
  }
  if (value instanceof ListValue) {
    const index = listIndex(key);
    if (index instanceof CelError) return index;
    return index >= 0 && index < value.size ? value.at(index) : new CelError(`index out of bounds: ${goText(key)}`);
  }
  if (value instanceof OpaqueValue) return value.field?.(key) ?? noSuchKey(key);
  return value instanceof CelError ? value : noSuchKey(key);
}

/** The same where it may be missing: undefined. */
export function qualifyIfPresent(value: CelValue, key: CelValue): CelValue | undefined {
  if (value instanceof MapValue) return value.find(key);
  if (value instanceof OpaqueValue) return value.field?.(key);
  if (!(value instanceof ListValue)) return value instanceof CelError ? value : undefined;
  const index = listIndex(key);
  if (index instanceof CelError) return index;
  return index >= 0 && index < value.size ? value.at(index) : undefined;
}

const noSuchKey = (key: CelValue): CelError => new CelError(`no such key: ${goText(key)}`);

function listIndex(key: CelValue): number | CelError {
  if (typeof key === 'bigint') return Number(key);
  if (key instanceof Uint) return Number(key.value);
  if (typeof key === 'number') return Number.isInteger(key) ? key : new CelError(`unsupported index value ${goText(key)} in list`);
  return new CelError(`unsupported index type '${typeNameOf(key)}' in list`);
}
