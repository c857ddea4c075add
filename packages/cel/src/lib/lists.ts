import { compare, equal } from '../equality.ts';
import { overload, type FunctionDecl, type Overload } from '../functions.ts';
import { CelError, Duration, ListValue, MapValue, OptionalValue, Timestamp, Uint, isError, mapKey, optionalNone, type CelValue, type EntryMap } from '../values.ts';
import { add, contains } from './operators.ts';
import { goText } from './go-text.ts';

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'] as const;
const summable: readonly (readonly [string, CelValue])[] = [['int', 0n], ['uint', new Uint(0n)], ['double', 0], ['duration', new Duration(0n)]];

function isSorted(list: ListValue): CelValue {
  let previous: CelValue | undefined;
  for (const item of list) {
    if (isError(item)) return item;
    if (previous !== undefined && compare(previous, item) === 1) return false;
    previous = item;
  }
  return true;
}

function extreme(name: 'min' | 'max', list: ListValue): CelValue {
  let best: CelValue | undefined;
  for (const item of list) {
    if (isError(item)) return item;
    if (best === undefined || compare(best, item) === (name === 'min' ? 1 : -1)) best = item;
  }
  return best ?? new CelError(`${name} called on empty list`);
}

function sum(list: ListValue, zero: CelValue): CelValue {
  let total = zero;
  for (const item of list) {
    total = add(total, item);
    if (isError(total)) return total;
  }
  return total;
}

function position(list: ListValue, item: CelValue, last: boolean): CelValue {
  for (let step = 0; step < list.size; step++) {
    const index = last ? list.size - 1 - step : step;
    if (equal(list.at(index), item)) return BigInt(index);
  }
  return -1n;
}

const each = (id: (type: string) => string, result: (type: string) => string, run: (list: ListValue) => CelValue): Overload[] =>
  comparable.map((type) => overload(id(type), `.(list(${type})) -> ${result(type)}`, ([list]) => run(list as ListValue)));

const listIndexOverload = overload('list_a_index_of_int', '.(list(A), A) -> int', ([list, item]) => position(list as ListValue, item as CelValue, false));
const listLastIndexOverload = overload('list_a_last_index_of_int', '.(list(A), A) -> int', ([list, item]) => position(list as ListValue, item as CelValue, true));

export const listFunctions: readonly FunctionDecl[] = [
  { name: 'isSorted', overloads: each((type) => `list_${type}_is_sorted_bool`, () => 'bool', isSorted) },
  { name: 'min', overloads: each((type) => `list_${type}_min_${type}`, (type) => type, (list) => extreme('min', list)) },
  { name: 'max', overloads: each((type) => `list_${type}_max_${type}`, (type) => type, (list) => extreme('max', list)) },
  { name: 'sum', overloads: summable.map(([type, zero]) => overload(`list_${type}_sum_${type}`, `.(list(${type})) -> ${type}`, ([list]) => sum(list as ListValue, zero))) },
  { name: 'indexOf', overloads: [listIndexOverload] },
  { name: 'lastIndexOf', overloads: [listLastIndexOverload] },
];

function containsAll(list: ListValue, items: ListValue): CelValue {
  for (const item of items) if (contains(item, list) !== true) return false;
  return true;
}

function intersects(left: ListValue, right: ListValue): CelValue {
  for (const item of left) if (contains(item, right) === true) return true;
  return false;
}

export const setFunctions: readonly FunctionDecl[] = [
  { name: 'sets.contains', overloads: [overload('list_sets_contains_list', '(list(T), list(T)) -> bool', ([list, items]) => containsAll(list as ListValue, items as ListValue))] },
  {
    name: 'sets.equivalent', overloads: [overload('list_sets_equivalent_list', '(list(T), list(T)) -> bool',
      ([left, right]) => (containsAll(left as ListValue, right as ListValue) === true ? containsAll(right as ListValue, left as ListValue) : false))],
  },
  { name: 'sets.intersects', overloads: [overload('list_sets_intersects_list', '(list(T), list(T)) -> bool', ([left, right]) => intersects(left as ListValue, right as ListValue))] },
];

/** The zero of its type makes optional.ofNonZeroValue give none. */
function isZero(value: CelValue): boolean {
  if (value instanceof ListValue || value instanceof MapValue) return value.size === 0;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return value.nanos === -62_135_596_800_000_000_000n;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof OptionalValue) return value.value === undefined || isZero(value.value);
  return value === null || value === false || value === 0n || value === 0 || value === '';
}

const dereference = ({ value }: OptionalValue): CelValue => (value === undefined ? new CelError('optional.none() dereference') : value);

export const optionalFunctions: readonly FunctionDecl[] = [
  { name: 'optional.of', overloads: [overload('optional_of', '(V) -> optional(V)', ([value]) => new OptionalValue(value))] },
  { name: 'optional.ofNonZeroValue', overloads: [overload('optional_ofNonZeroValue', '(V) -> optional(V)', ([value]) => (isZero(value as CelValue) ? optionalNone : new OptionalValue(value)))] },
  { name: 'optional.none', overloads: [overload('optional_none', '() -> optional(V)', () => optionalNone)] },
  { name: 'value', overloads: [overload('optional_value', '.(optional(V)) -> V', ([value]) => dereference(value as OptionalValue))] },
  { name: 'hasValue', overloads: [overload('optional_hasValue', '.(optional(V)) -> bool', ([value]) => (value as OptionalValue).value !== undefined)] },
  { name: 'or', overloads: [overload('optional_or_optional', '.(optional(V), optional(V)) -> optional(V)')] },
  { name: 'orValue', overloads: [overload('optional_orValue_value', '.(optional(V), V) -> V')] },
];

function insert(target: EntryMap, key: CelValue, value: CelValue): CelValue {
  const text = mapKey(key);
  if (text === undefined) return new CelError(`unsupported key type: ${goText(key)}`);
  if (target.entries.has(text)) return new CelError(`insert failed: key ${goText(key)} already exists`);
  target.entries.set(text, { key, value });
  return target;
}

/** What fills the maps of transformMap; the map is seen by nobody else while it grows. */
export const mapInsertFunction: FunctionDecl = {
  name: 'cel.@mapInsert', overloads: [
    overload('@mapInsert_map_key_value', '(map(K, V), K, V) -> map(K, V)', ([map, key, value]) => insert(map as EntryMap, key as CelValue, value as CelValue)),
    overload('@mapInsert_map_map', '(map(K, V), map(K, V)) -> map(K, V)', ([map, entries]) => {
      let result: CelValue = map as EntryMap;
      for (const key of (entries as MapValue).keys()) {
        result = insert(result as EntryMap, key, (entries as MapValue).find(key) as CelValue);
        if (isError(result)) return result;
      }
      return result;
    }),
  ],
};

