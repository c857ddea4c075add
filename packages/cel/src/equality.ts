import { CelError, Duration, ListValue, MapValue, OpaqueValue, OptionalValue, Timestamp, TypeValue, Uint, noSuchOverload, type CelValue } from './values.ts';
import { work } from './work.ts';

/** `==` of any two values; values of different types are unequal, except numbers. */
export function equal(left: CelValue, right: CelValue): boolean {
  work();
  if (left === right && !(left instanceof MapValue)) return typeof left !== 'number' || !Number.isNaN(left);
  const number = compareNumbers(left, right);
  if (number !== undefined) return number === 0;
  if (left instanceof ListValue) return right instanceof ListValue && equalLists(left, right);
  if (left instanceof MapValue) return right instanceof MapValue && equalMaps(left, right);
  if (left instanceof OpaqueValue) return left.equals(right);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && compareBytes(left, right) === 0;
  if (left instanceof Timestamp) return right instanceof Timestamp && left.nanos === right.nanos;
  if (left instanceof Duration) return right instanceof Duration && left.nanos === right.nanos;
  if (left instanceof TypeValue) return right instanceof TypeValue && left.name === right.name;
  if (left instanceof OptionalValue) {
    if (!(right instanceof OptionalValue)) return false;
    return left.value === undefined || right.value === undefined ? left.value === right.value : equal(left.value, right.value);
  }
  return false;
}

function equalLists(left: ListValue, right: ListValue): boolean {
  if (left.equals !== undefined) return left.equals(right);
  if (left.size !== right.size) return false;
  for (let index = 0; index < left.size; index++) if (!equal(left.at(index), right.at(index))) return false;
  return true;
}

function equalMaps(left: MapValue, right: MapValue): boolean {
  if (left.size !== right.size) return false;
  if (left.equals !== undefined) return left.equals(right);
  for (const key of left.keys()) {
    const other = right.find(key);
    if (other === undefined || !equal(left.find(key) as CelValue, other)) return false;
  }
  return true;
}

/** -1, 0, 1; NaN where a NaN is in it; undefined if one is no number. */
function compareNumbers(left: CelValue, right: CelValue): number | undefined {
  const a = left instanceof Uint ? left.value : left;
  const b = right instanceof Uint ? right.value : right;
  if (typeof a !== 'bigint' && typeof a !== 'number') return undefined;
  if (typeof b !== 'bigint' && typeof b !== 'number') return undefined;
  // An integer is compared with a double as a double.
  if (typeof a !== typeof b) return compareDoubles(Number(a), Number(b));
  if (a < b) return -1;
  if (a > b) return 1;
  return a === b ? 0 : NaN;
}

const compareDoubles = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : a === b ? 0 : NaN);

export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const difference = (left[index] as number) - (right[index] as number);
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(left.length - right.length);
}

/** As their UTF-8 compares. */
export function compareStrings(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return Math.sign(rank(a) - rank(b));
  }
  return Math.sign(left.length - right.length);
}

/** Surrogates stand for what lies above U+FFFF. */
const rank = (unit: number): number => ((unit & 0xf800) === 0xd800 ? unit + 0x10000 : unit);

const bigSign = (left: bigint, right: bigint): number => (left < right ? -1 : left > right ? 1 : 0);

/** For `<` and its like. */
export function compare(left: CelValue, right: CelValue): number | CelError {
  const number = compareNumbers(left, right);
  if (number !== undefined) return Number.isNaN(number) ? new CelError('NaN values cannot be ordered') : number;
  if (typeof left === 'string' && typeof right === 'string') return compareStrings(left, right);
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  if (left instanceof Timestamp && right instanceof Timestamp) return bigSign(left.nanos, right.nanos);
  if (left instanceof Duration && right instanceof Duration) return bigSign(left.nanos, right.nanos);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return compareBytes(left, right);
  return noSuchOverload;
}
