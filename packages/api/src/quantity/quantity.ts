/** An exact amount of a resource, down to a billionth. Only made by `parseQuantity` and the arithmetic below. */
export interface Quantity {
  readonly nanos: bigint;
  /** How it was written; decides how it is written again. */
  readonly format: 'BinarySI' | 'DecimalSI' | 'DecimalExponent';
}

export class QuantityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'QuantityError';
  }
}

const grammar = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;
const formatWrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const decimalExponents: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binaryExponents: Readonly<Record<string, number>> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 };
const decimalSuffixes = new Map(Object.entries(decimalExponents).map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const nano = 1_000_000_000n;
const largest = ((1n << 63n) - 1n) * nano;
const zero: Quantity = { nanos: 0n, format: 'DecimalSI' };

interface Suffix { readonly base: 2 | 10; readonly exponent: number; readonly format: Quantity['format'] }

function readSuffix(text: string): Suffix {
  const binary = binaryExponents[text];
  if (binary !== undefined) return { base: 2, exponent: binary * 10, format: 'BinarySI' };
  const decimal = decimalExponents[text];
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  if (!/^[eE][-+]?\d+$/.test(text)) throw new QuantityError("unable to parse quantity's suffix");
  return { base: 10, exponent: Number(text.slice(1)), format: 'DecimalExponent' };
}

/** What is less than a billionth counts as one: who asks for some gets some. */
function divideUp(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return quotient * divisor === dividend ? quotient : quotient + (dividend < 0n ? -1n : 1n);
}

function toNanos(digits: bigint, fractionDigits: number, suffix: Suffix): bigint {
  if (suffix.base === 2) return divideUp((digits << BigInt(suffix.exponent)) * nano, 10n ** BigInt(fractionDigits));
  // Beyond these exponents the amount is capped or rounded anyway.
  const exponent = Math.max(-400, Math.min(400, suffix.exponent - fractionDigits + 9));
  return exponent >= 0 ? digits * 10n ** BigInt(exponent) : divideUp(digits, 10n ** BigInt(-exponent));
}

function parse(text: string): Quantity {
  const match = grammar.exec(text);
  if (text === '' || match === null) throw new QuantityError(formatWrong);
  const [, sign, whole = '', fraction = '', suffixText = ''] = match;
  const suffix = readSuffix(suffixText);
  if (whole === '' && fraction === '') throw new QuantityError('unable to parse numeric part of quantity');
  const size = toNanos(BigInt(whole + fraction), fraction.length, suffix);
  const capped = size > largest ? largest : size;
  return { nanos: sign === '-' ? -capped : capped, format: suffix.format };
}

const parsed = new Map<string, Quantity>();
const cacheSize = 4096;

/** Reads `500m`, `1.5Gi`, `1e3`, 2; throws QuantityError with Kubernetes' words. */
export function parseQuantity(source: string | number | bigint): Quantity {
  const text = typeof source === 'string' ? source : String(source);
  let quantity = parsed.get(text);
  if (quantity === undefined) {
    quantity = parse(text);
    if (parsed.size >= cacheSize) parsed.clear();
    parsed.set(text, quantity);
  }
  return quantity;
}

function formatDecimal(nanos: bigint, format: 'DecimalSI' | 'DecimalExponent'): string {
  let mantissa = nanos;
  let exponent = -9;
  while (mantissa % 1000n === 0n) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (format === 'DecimalExponent') return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`;
  const suffix = decimalSuffixes.get(exponent);
  return suffix === undefined ? `${mantissa}e${exponent}` : `${mantissa}${suffix}`;
}

/** The canonical form: no fraction, the largest suffix that needs none. */
export function formatQuantity(quantity: Quantity): string {
  const { nanos, format } = quantity;
  if (nanos === 0n) return '0';
  if (format !== 'BinarySI') return formatDecimal(nanos, format);
  const limit = 1024n * nano;
  if ((nanos > -limit && nanos < limit) || nanos % nano !== 0n) return formatDecimal(nanos, 'DecimalSI');
  let mantissa = nanos / nano;
  let power = 0;
  while (mantissa % 1024n === 0n && power < 6) {
    mantissa /= 1024n;
    power++;
  }
  return `${mantissa}${binarySuffixes[power] as string}`;
}

const canonical = /^[1-9]\d{0,2}(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;

/** `1000m` → `1`, `0.5` → `500m`, 2 → `2`. */
export function canonicalQuantity(source: string | number | bigint): string {
  if (typeof source === 'string' && canonical.test(source)) return source;
  return formatQuantity(parseQuantity(source));
}

function quantityOf(source: Quantity | string | number): Quantity {
  return typeof source === 'object' ? source : parseQuantity(source);
}

/** Negative, zero or positive, as a sort wants it. */
export function compareQuantity(left: Quantity | string | number, right: Quantity | string | number): number {
  const difference = quantityOf(left).nanos - quantityOf(right).nanos;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Keeps the format of the left one, unless that is zero. */
export function addQuantity(left: Quantity | string | number, right: Quantity | string | number): Quantity {
  const [one, other] = [quantityOf(left), quantityOf(right)];
  return { nanos: one.nanos + other.nanos, format: one.nanos === 0n ? other.format : one.format };
}

export function subtractQuantity(left: Quantity | string | number, right: Quantity | string | number): Quantity {
  const [one, other] = [quantityOf(left), quantityOf(right)];
  return { nanos: one.nanos - other.nanos, format: one.nanos === 0n ? other.format : one.format };
}

export function isZeroQuantity(quantity: Quantity | string | number): boolean {
  return quantityOf(quantity).nanos === 0n;
}

/** Whole units, rounded away from zero as Kubernetes does: bytes, pods, cores. */
export function quantityValue(quantity: Quantity | string | number): number {
  return Number(divideUp(quantityOf(quantity).nanos, nano));
}

/** Thousandths, rounded away from zero: milli-cores. */
export function quantityMilliValue(quantity: Quantity | string | number): number {
  return Number(divideUp(quantityOf(quantity).nanos, 1_000_000n));
}

export function quantityFromMilliValue(milli: number, format: Quantity['format'] = 'DecimalSI'): Quantity {
  return milli === 0 ? zero : { nanos: BigInt(Math.round(milli)) * 1_000_000n, format };
}
