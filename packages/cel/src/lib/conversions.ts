import { overload, type FunctionDecl, type Overload, type Run } from '../functions.ts';
import { formatDouble, maxInt, maxUint, minInt, parseBool, parseDouble } from '../numbers.ts';
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp, timestamp } from '../time.ts';
import { CelError, Duration, Timestamp, TypeValue, Uint, typeNameOf, type CelValue } from '../values.ts';

type Kind = 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'bool' | 'timestamp' | 'duration';

const shownName: Readonly<Record<Kind, string>> = {
  int: 'int', uint: 'uint', double: 'double', string: 'string', bytes: 'bytes', bool: 'bool', timestamp: 'google.protobuf.Timestamp', duration: 'google.protobuf.Duration',
};

const intOverflow = new CelError('integer overflow');
const uintOverflow = new CelError('unsigned integer overflow');
const int = (value: bigint): CelValue => (value < minInt || value > maxInt ? intOverflow : value);
const uint = (value: bigint): CelValue => (value < 0n || value > maxUint ? uintOverflow : new Uint(value));

const intText = /^[+-]?\d+$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function toInt(value: CelValue): CelValue | undefined {
  if (typeof value === 'bigint') return value;
  if (value instanceof Uint) return int(value.value);
  if (typeof value === 'number') return !Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63 ? intOverflow : BigInt(Math.trunc(value));
  if (value instanceof Timestamp) return value.nanos >= 0n || value.nanos % 1_000_000_000n === 0n ? value.nanos / 1_000_000_000n : value.nanos / 1_000_000_000n - 1n;
  if (value instanceof Duration) return value.nanos;
  if (typeof value !== 'string' || !intText.test(value)) return undefined;
  const parsed = BigInt(value.replace(/^\+/, ''));
  return parsed < minInt || parsed > maxInt ? undefined : parsed;
}

function toUint(value: CelValue): CelValue | undefined {
  if (value instanceof Uint) return value;
  if (typeof value === 'bigint') return uint(value);
  if (typeof value === 'number') return !Number.isFinite(value) || value < 0 || value >= 2 ** 64 ? uintOverflow : new Uint(BigInt(Math.trunc(value)));
  if (typeof value !== 'string' || !/^\d+$/.test(value)) return undefined;
  const parsed = BigInt(value);
  return parsed > maxUint ? undefined : new Uint(parsed);
}

function toDouble(value: CelValue): CelValue | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  return typeof value === 'string' ? parseDouble(value) : undefined;
}

export function toText(value: CelValue): CelValue | undefined {
  switch (typeof value) {
    case 'string': return value;
    case 'bigint': case 'boolean': return String(value);
    case 'number': return formatDouble(value);
    default:
  }
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return textOfBytes(value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  return value instanceof TypeValue ? value.name : undefined;
}

function textOfBytes(bytes: Uint8Array): CelValue {
  try {
    return utf8.decode(bytes);
  } catch {
    return new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const convert: Readonly<Record<Kind, (value: CelValue) => CelValue | undefined>> = {
  int: toInt, uint: toUint, double: toDouble, string: toText,
  bytes: (value) => (value instanceof Uint8Array ? value : typeof value === 'string' ? new TextEncoder().encode(value) : undefined),
  bool: (value) => (typeof value === 'boolean' ? value : typeof value === 'string' ? parseBool(value) : undefined),
  timestamp: (value) => (value instanceof Timestamp ? value : typeof value === 'bigint' ? timestamp(value * 1_000_000_000n) : typeof value === 'string' ? parseTimestamp(value) : undefined),
  duration: (value) => (value instanceof Duration ? value : typeof value === 'string' ? parseDuration(value) : undefined),
};

function conversion(kind: Kind, from: readonly (readonly [string, string])[], extra: readonly Overload[] = []): FunctionDecl {
  const run: Run = ([value]) => convert[kind](value as CelValue) ?? new CelError(`type conversion error from '${shownType(value as CelValue)}' to '${shownName[kind]}'`);
  return { name: kind, overloads: [...from.map(([id, type]) => overload(id, `(${type}) -> ${kind}`, run)), ...extra] };
}

const shownType = (value: CelValue): string => typeNameOf(value);

/** `string(ip)` and `string(cidr)` come with those libraries. */
export const conversionFunctions = (stringOverloads: readonly Overload[]): readonly FunctionDecl[] => [
  { name: 'type', overloads: [overload('type', '(A) -> type(A)')], run: ([value]) => new TypeValue(typeNameOf(value as CelValue)) },
  { name: 'dyn', overloads: [overload('to_dyn', '(A) -> dyn')], run: ([value]) => value as CelValue },
  conversion('bool', [['bool_to_bool', 'bool'], ['string_to_bool', 'string']]),
  conversion('bytes', [['bytes_to_bytes', 'bytes'], ['string_to_bytes', 'string']]),
  conversion('double', [['double_to_double', 'double'], ['int64_to_double', 'int'], ['string_to_double', 'string'], ['uint64_to_double', 'uint']]),
  conversion('duration', [['duration_to_duration', 'duration'], ['int64_to_duration', 'int'], ['string_to_duration', 'string']]),
  conversion('int', [['int64_to_int64', 'int'], ['double_to_int64', 'double'], ['duration_to_int64', 'duration'], ['string_to_int64', 'string'], ['timestamp_to_int64', 'timestamp'], ['uint64_to_int64', 'uint']]),
  conversion('string', [
    ['string_to_string', 'string'], ['bool_to_string', 'bool'], ['bytes_to_string', 'bytes'], ['double_to_string', 'double'], ['duration_to_string', 'duration'], ['int64_to_string', 'int'],
    ['timestamp_to_string', 'timestamp'], ['uint64_to_string', 'uint'],
  ], stringOverloads),
  conversion('timestamp', [['timestamp_to_timestamp', 'timestamp'], ['int64_to_timestamp', 'int'], ['string_to_timestamp', 'string']]),
  conversion('uint', [['uint64_to_uint64', 'uint'], ['double_to_uint64', 'double'], ['int64_to_uint64', 'int'], ['string_to_uint64', 'string']]),
];
