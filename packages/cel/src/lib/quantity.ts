import { overload, type FunctionDecl } from '../functions.ts';
import { maxInt, minInt } from '../numbers.ts';
import { CelError, OpaqueValue, type CelValue } from '../values.ts';

const nano = 1_000_000_000n;
const shape = /^([+-]?)(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]?|[eE][+-]?\d+)$/;
const binary = 'KMGTPE';
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const wrong = new CelError('quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'');
const badSuffix = new CelError('unable to parse quantity\'s suffix');
/** Exponents beyond this are no amounts of anything; it bounds the work. */
const maxExponent = 400;

/** Kept in billionths, as precise as quantities are. */
export class Quantity extends OpaqueValue {
  readonly typeName = 'kubernetes.Quantity';
  readonly nanos: bigint;
  /** The power of ten it was written in; what upstream keeps as a decimal of any size is never an integer to it. */
  readonly scale: number | 'decimal';
  constructor(nanos: bigint, scale: number | 'decimal' = 0) {
    super();
    this.nanos = nanos;
    this.scale = scale;
  }
  equals(other: CelValue): boolean {
    return other instanceof Quantity && other.nanos === this.nanos;
  }
}

export function parseQuantity(text: string): Quantity | CelError {
  const found = shape.exec(text);
  if (found === null) return /^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/.test(text) && /^[+-]?(\d+\.?\d*|\.\d+)/.test(text) ? badSuffix : wrong;
  const [, sign, number = '', suffix = ''] = found;
  const [whole = '', fraction = ''] = number.split('.');
  let mantissa = BigInt(whole + fraction) * nano;
  let exponent = -fraction.length;
  if (suffix.endsWith('i')) mantissa *= 1024n ** BigInt(binary.indexOf(suffix[0] as string) + 1);
  else exponent += /^[eE][+-]?\d/.test(suffix) ? Number(suffix.slice(1)) : decimal[suffix] as number;
  if (Math.abs(exponent) > maxExponent + fraction.length) return badSuffix;
  const divisor = exponent < 0 ? 10n ** BigInt(-exponent) : 1n;
  const scaled = exponent < 0 ? (mantissa + divisor - 1n) / divisor : mantissa * 10n ** BigInt(exponent);
  return new Quantity(sign === '-' ? -scaled : scaled, scaleOf(whole, fraction, suffix, exponent));
}

/** Small numbers are kept as an integer and a power of ten. */
function scaleOf(whole: string, fraction: string, suffix: string, exponent: number): number | 'decimal' {
  const digits = whole.replace(/^0+/, '').length + fraction.length;
  if (suffix.endsWith('i')) {
    const bits = (binary.indexOf(suffix[0] as string) + 1) * 10;
    return fraction === '' && 15 - digits - Math.trunc(bits * 3 / 10) - 1 >= 0 ? 0 : 'decimal';
  }
  return digits <= 18 && exponent >= -9 ? exponent : 'decimal';
}

function sum(left: Quantity, right: Quantity, sign: bigint): Quantity {
  const nanos = left.nanos + sign * right.nanos;
  if (left.scale === 'decimal' || right.scale === 'decimal') return new Quantity(nanos, 'decimal');
  return new Quantity(nanos, left.nanos === 0n ? right.scale : right.nanos === 0n ? left.scale : Math.min(left.scale, right.scale));
}

function asInteger({ nanos, scale }: Quantity): bigint | undefined {
  if (scale === 'decimal' || scale < 0) return undefined;
  const value = nanos / nano;
  return nanos % nano === 0n && value >= minInt && value <= maxInt ? value : undefined;
}

const of = (value: CelValue | undefined): Quantity => value as Quantity;
const order = (left: Quantity, right: Quantity): bigint => (left.nanos < right.nanos ? -1n : left.nanos > right.nanos ? 1n : 0n);
const type = 'kubernetes.Quantity';

export const quantityFunctions: readonly FunctionDecl[] = [
  { name: 'quantity', overloads: [overload('string_to_quantity', `(string) -> ${type}`, ([text]) => parseQuantity(text as string))] },
  { name: 'isQuantity', overloads: [overload('is_quantity_string', '(string) -> bool', ([text]) => parseQuantity(text as string) instanceof Quantity)] },
  { name: 'sign', overloads: [overload('quantity_sign', `(${type}) -> int`, ([value]) => order(of(value), new Quantity(0n)))] },
  { name: 'isGreaterThan', overloads: [overload('quantity_is_greater_than', `.(${type}, ${type}) -> bool`, ([left, right]) => order(of(left), of(right)) === 1n)] },
  { name: 'isLessThan', overloads: [overload('quantity_is_less_than', `.(${type}, ${type}) -> bool`, ([left, right]) => order(of(left), of(right)) === -1n)] },
  { name: 'compareTo', overloads: [overload('quantity_compare_to', `.(${type}, ${type}) -> int`, ([left, right]) => order(of(left), of(right)))] },
  { name: 'asApproximateFloat', overloads: [overload('quantity_get_float', `.(${type}) -> double`, ([value]) => Number(of(value).nanos) / 1e9)] },
  { name: 'asInteger', overloads: [overload('quantity_get_int', `.(${type}) -> int`, ([value]) => asInteger(of(value)) ?? new CelError('cannot convert value to integer'))] },
  { name: 'isInteger', overloads: [overload('quantity_is_integer', `.(${type}) -> bool`, ([value]) => asInteger(of(value)) !== undefined)] },
  {
    name: 'add', overloads: [
      overload('quantity_add', `.(${type}, ${type}) -> ${type}`, ([left, right]) => sum(of(left), of(right), 1n)),
      overload('quantity_add_int', `.(${type}, int) -> ${type}`, ([left, right]) => sum(of(left), new Quantity((right as bigint) * nano), 1n)),
    ],
  },
  {
    name: 'sub', overloads: [
      overload('quantity_sub', `.(${type}, ${type}) -> ${type}`, ([left, right]) => sum(of(left), of(right), -1n)),
      overload('quantity_sub_int', `.(${type}, int) -> ${type}`, ([left, right]) => sum(of(left), new Quantity((right as bigint) * nano), -1n)),
    ],
  },
];
