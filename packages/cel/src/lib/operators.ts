import { operators } from '../ast.ts';
import { compare, equal } from '../equality.ts';
import { overload, type FunctionDecl, type Overload, type Run } from '../functions.ts';
import { maxInt, maxUint, minInt } from '../numbers.ts';
import { timestamp } from '../time.ts';
import {
  ArrayList, CelError, ConcatList, Duration, GrowingList, ListValue, MapValue, Timestamp, Uint, isError, noSuchOverload, stringSize, type CelValue,
} from '../values.ts';

const intOverflow = new CelError('integer overflow');
const uintOverflow = new CelError('unsigned integer overflow');

const int = (value: bigint): CelValue => (value < minInt || value > maxInt ? intOverflow : value);
const uint = (value: bigint): CelValue => (value < 0n || value > maxUint ? uintOverflow : new Uint(value));
const duration = (nanos: bigint): CelValue => (nanos < minInt || nanos > maxInt ? intOverflow : new Duration(nanos));

export function add(left: CelValue, right: CelValue): CelValue {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left + right);
  if (typeof left === 'string' && typeof right === 'string') return left + right;
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (left instanceof ListValue && right instanceof ListValue) return addLists(left, right);
  if (left instanceof Uint && right instanceof Uint) return uint(left.value + right.value);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Uint8Array.from([...left, ...right]);
  if (left instanceof Duration && right instanceof Duration) return duration(left.nanos + right.nanos);
  if (left instanceof Timestamp && right instanceof Duration) return timestamp(left.nanos + right.nanos, left.offsetSeconds);
  if (left instanceof Duration && right instanceof Timestamp) return timestamp(left.nanos + right.nanos, right.offsetSeconds);
  return isError(right) ? right : noSuchOverload;
}

function addLists(left: ListValue, right: ListValue): CelValue {
  if (left instanceof GrowingList) {
    for (const item of right) left.items.push(item);
    return left;
  }
  if (left.add !== undefined) return left.add(right);
  if (left.size === 0) return right;
  if (right.size === 0) return left;
  // What still grows must not be seen through a list that is a value already.
  return new ConcatList(left, right instanceof GrowingList ? new ArrayList([...right.items]) : right);
}

function subtract(left: CelValue, right: CelValue): CelValue {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left - right);
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (left instanceof Uint && right instanceof Uint) return uint(left.value - right.value);
  if (left instanceof Duration && right instanceof Duration) return duration(left.nanos - right.nanos);
  if (left instanceof Timestamp && right instanceof Duration) return timestamp(left.nanos - right.nanos, left.offsetSeconds);
  if (left instanceof Timestamp && right instanceof Timestamp) return duration(left.nanos - right.nanos);
  return noSuchOverload;
}

function multiply(left: CelValue, right: CelValue): CelValue {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left * right);
  if (typeof left === 'number' && typeof right === 'number') return left * right;
  if (left instanceof Uint && right instanceof Uint) return uint(left.value * right.value);
  return noSuchOverload;
}

const byZero = new CelError('division by zero');
const moduloZero = new CelError('modulus by zero');

function divide(left: CelValue, right: CelValue): CelValue {
  if (typeof left === 'bigint' && typeof right === 'bigint') return right === 0n ? byZero : int(left / right);
  if (typeof left === 'number' && typeof right === 'number') return left / right;
  if (left instanceof Uint && right instanceof Uint) return right.value === 0n ? byZero : uint(left.value / right.value);
  return noSuchOverload;
}

function modulo(left: CelValue, right: CelValue): CelValue {
  if (typeof left === 'bigint' && typeof right === 'bigint') return right === 0n ? moduloZero : left === minInt && right === -1n ? intOverflow : left % right;
  if (left instanceof Uint && right instanceof Uint) return right.value === 0n ? moduloZero : uint(left.value % right.value);
  return noSuchOverload;
}

function negate(value: CelValue): CelValue {
  if (typeof value === 'bigint') return int(-value);
  if (typeof value === 'number') return -value;
  if (value instanceof Duration) return duration(-value.nanos);
  return noSuchOverload;
}

/** `item in container` */
export function contains(item: CelValue, container: CelValue): CelValue {
  if (container instanceof MapValue) {
    const found = container.find(item);
    return found instanceof CelError ? found : found !== undefined;
  }
  if (!(container instanceof ListValue)) return noSuchOverload;
  for (let index = 0; index < container.size; index++) if (equal(item, container.at(index))) return true;
  return false;
}

function size(value: CelValue): CelValue {
  if (typeof value === 'string') return BigInt(stringSize(value));
  if (value instanceof Uint8Array) return BigInt(value.length);
  return value instanceof ListValue || value instanceof MapValue ? BigInt(value.size) : noSuchOverload;
}

const isNumber = (value: CelValue): boolean => typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;
const isTime = (value: CelValue): boolean => value instanceof Duration || value instanceof Timestamp;
const isSized = (value: CelValue): boolean => typeof value === 'string' || value instanceof Uint8Array || value instanceof ListValue || value instanceof MapValue;
const isAdder = (value: CelValue): boolean => isNumber(value) || isTime(value) || typeof value === 'string' || value instanceof Uint8Array || value instanceof ListValue;
const isComparer = (value: CelValue): boolean => isNumber(value) || isTime(value) || typeof value === 'string' || typeof value === 'boolean' || value instanceof Uint8Array;

const binary = (run: (left: CelValue, right: CelValue) => CelValue): Run => ([left, right]) => run(left as CelValue, right as CelValue);
const unary = (run: (value: CelValue) => CelValue): Run => ([value]) => run(value as CelValue);

function ordering(name: string, id: string, holds: (order: number) => boolean): FunctionDecl {
  const same = ['bool', 'int64', 'uint64', 'double', 'string', 'bytes', 'timestamp', 'duration'] as const;
  const numbers = ['int64', 'uint64', 'double'] as const;
  const typeOf = (text: string): string => text.replace('64', '');
  const overloads: Overload[] = [];
  for (const left of same) {
    overloads.push(overload(`${id}_${left}`, `(${typeOf(left)}, ${typeOf(left)}) -> bool`));
    if (!numbers.includes(left as 'double')) continue;
    for (const right of numbers) if (right !== left) overloads.push(overload(`${id}_${left}_${right}`, `(${typeOf(left)}, ${typeOf(right)}) -> bool`));
  }
  const run = binary((left, right) => {
    const order = compare(left, right);
    return typeof order === 'number' ? holds(order) : order;
  });
  return { name, overloads, run, takes: isComparer };
}

function arithmetic(name: string, run: (left: CelValue, right: CelValue) => CelValue, takes: (value: CelValue) => boolean, overloads: readonly Overload[]): FunctionDecl {
  return { name, run: binary(run), takes, overloads };
}

const numeric = (id: string, ...types: readonly string[]): Overload[] => types.map((type) => overload(`${id}_${type}`, `(${type.replace('64', '')}, ${type.replace('64', '')}) -> ${type.replace('64', '')}`));

export const operatorFunctions: readonly FunctionDecl[] = [
  { name: operators.conditional, overloads: [overload('conditional', '(bool, A, A) -> A')] },
  { name: operators.and, overloads: [overload('logical_and', '(bool, bool) -> bool')] },
  { name: operators.or, overloads: [overload('logical_or', '(bool, bool) -> bool')] },
  { name: operators.not, overloads: [overload('logical_not', '(bool) -> bool')], run: unary((value) => (typeof value === 'boolean' ? !value : noSuchOverload)) },
  { name: operators.notStrictlyFalse, overloads: [overload('not_strictly_false', '(bool) -> bool')], run: unary((value) => (typeof value === 'boolean' ? value : true)) },
  { name: operators.equals, overloads: [overload('equals', '(A, A) -> bool')] },
  { name: operators.notEquals, overloads: [overload('not_equals', '(A, A) -> bool')] },
  ordering(operators.less, 'less', (order) => order < 0),
  ordering(operators.lessEquals, 'less_equals', (order) => order <= 0),
  ordering(operators.greater, 'greater', (order) => order > 0),
  ordering(operators.greaterEquals, 'greater_equals', (order) => order >= 0),
  arithmetic(operators.add, add, isAdder, [
    overload('add_bytes', '(bytes, bytes) -> bytes'), ...numeric('add', 'double'), overload('add_duration_duration', '(duration, duration) -> duration'),
    overload('add_duration_timestamp', '(duration, timestamp) -> timestamp'), overload('add_timestamp_duration', '(timestamp, duration) -> timestamp'), ...numeric('add', 'int64'),
    overload('add_list', '(list(A), list(A)) -> list(A)'), overload('add_string', '(string, string) -> string'), ...numeric('add', 'uint64'),
  ]),
  arithmetic(operators.subtract, subtract, (value) => isNumber(value) || isTime(value), [
    ...numeric('subtract', 'double'), overload('subtract_duration_duration', '(duration, duration) -> duration'), ...numeric('subtract', 'int64'),
    overload('subtract_timestamp_duration', '(timestamp, duration) -> timestamp'), overload('subtract_timestamp_timestamp', '(timestamp, timestamp) -> duration'), ...numeric('subtract', 'uint64'),
  ]),
  arithmetic(operators.multiply, multiply, isNumber, numeric('multiply', 'double', 'int64', 'uint64')),
  arithmetic(operators.divide, divide, isNumber, numeric('divide', 'double', 'int64', 'uint64')),
  arithmetic(operators.modulo, modulo, (value) => typeof value === 'bigint' || value instanceof Uint, numeric('modulo', 'int64', 'uint64')),
  {
    name: operators.negate, run: unary(negate), takes: (value) => typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number' || value instanceof Duration,
    overloads: [overload('negate_double', '(double) -> double'), overload('negate_int64', '(int) -> int')],
  },
  {
    name: operators.index, overloads: [
      overload('index_list', '(list(A), int) -> A'), overload('index_map', '(map(A, B), A) -> B'),
      overload('optional_list_index_int', '(optional(list(V)), int) -> optional(V)'), overload('optional_map_index_value', '(optional(map(K, V)), K) -> optional(V)'),
    ],
  },
  {
    name: operators.optionalIndex, overloads: [
      overload('list_optindex_optional_int', '(list(V), int) -> optional(V)'), overload('optional_list_optindex_optional_int', '(optional(list(V)), int) -> optional(V)'),
      overload('map_optindex_optional_value', '(map(K, V), K) -> optional(V)'), overload('optional_map_optindex_optional_value', '(optional(map(K, V)), K) -> optional(V)'),
    ],
  },
  { name: operators.optionalSelect, overloads: [overload('select_optional_field', '(dyn, string) -> optional(V)')] },
  { name: operators.in, run: binary(contains), overloads: [overload('in_list', '(A, list(A)) -> bool'), overload('in_map', '(A, map(A, B)) -> bool')] },
  {
    name: 'size', run: unary(size), takes: isSized, overloads: [
      overload('size_bytes', '(bytes) -> int'), overload('bytes_size', '.(bytes) -> int'), overload('size_list', '(list(A)) -> int'), overload('list_size', '.(list(A)) -> int'),
      overload('size_map', '(map(A, B)) -> int'), overload('map_size', '.(map(A, B)) -> int'), overload('size_string', '(string) -> int'), overload('string_size', '.(string) -> int'),
    ],
  },
];
