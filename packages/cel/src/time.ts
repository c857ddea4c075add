import { CelError, Duration, Timestamp } from './values.ts';

const nanosPerSecond = 1_000_000_000n;
const minSeconds = -62_135_596_800n;
const maxSeconds = 253_402_300_799n;

const floorDivide = (value: bigint, by: bigint): bigint => (value - (((value % by) + by) % by)) / by;
const timestampOverflow = new CelError('timestamp overflow');

export function timestamp(nanos: bigint, offsetSeconds = 0): Timestamp | CelError {
  const seconds = floorDivide(nanos, nanosPerSecond);
  return seconds < minSeconds || seconds > maxSeconds ? timestampOverflow : new Timestamp(nanos, offsetSeconds);
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

const daysInMonth = (year: number, month: number): number => [31, (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;

/** Milliseconds of a UTC date; years below 100 are what they say. */
function utc(year: number, month: number, day: number, seconds: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() + seconds * 1000;
}

/** As Go's time.Parse of RFC 3339; undefined where it is none. */
export function parseTimestamp(text: string): Timestamp | CelError | undefined {
  const found = rfc3339.exec(text);
  if (found === null) return undefined;
  const [year, month, day, hours, minutes, seconds] = found.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const [, , , , , , , fraction = '', sign, offsetHours, offsetMinutes] = found;
  if (Number(offsetHours ?? 0) > 24 || Number(offsetMinutes ?? 0) > 60) return undefined;
  const offset = sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(offsetHours) * 3600 + Number(offsetMinutes) * 60);
  const millis = utc(year, month, day, hours * 3600 + minutes * 60 + seconds - offset);
  return timestamp(BigInt(millis) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0')), offset);
}

/** A date alone, at midnight UTC. */
export function parseDate(text: string): Timestamp | CelError | undefined {
  return /^\d{4}-\d\d-\d\d$/.test(text) ? parseTimestamp(`${text}T00:00:00Z`) : undefined;
}

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

export function formatTimestamp({ nanos, offsetSeconds }: Timestamp): string {
  const seconds = floorDivide(nanos, nanosPerSecond);
  const date = new Date((Number(seconds) + offsetSeconds) * 1000);
  const fraction = pad(Number(nanos - seconds * nanosPerSecond), 9).replace(/0+$/, '');
  const minutes = Math.trunc(Math.abs(offsetSeconds) / 60);
  const zone = offsetSeconds === 0 ? 'Z' : `${offsetSeconds < 0 ? '-' : '+'}${pad(Math.trunc(minutes / 60))}:${pad(minutes % 60)}`;
  const day = `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
  return `${day}T${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}

const units: Readonly<Record<string, bigint>> = { ns: 1n, us: 1000n, 'µs': 1000n, 'μs': 1000n, ms: 1_000_000n, s: nanosPerSecond, m: 60n * nanosPerSecond, h: 3600n * nanosPerSecond };

/** As Go's time.ParseDuration; undefined where it is none. */
export function parseDuration(text: string): Duration | undefined {
  const found = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (found === null) return undefined;
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of (found[2] as string).matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = units[unit] as bigint;
    const digits = fraction.slice(0, 18);
    total += BigInt(whole === '' ? 0 : whole) * scale + (digits === '' ? 0n : (BigInt(digits) * scale) / 10n ** BigInt(digits.length));
  }
  if (found[1] === '-') total = -total;
  return BigInt.asIntN(64, total) === total ? new Duration(total) : undefined;
}

/** Seconds with as many digits as a double shows. */
export const formatDuration = ({ nanos }: Duration): string => `${plainDecimal(Number(nanos / nanosPerSecond) + Number(nanos % nanosPerSecond) / 1e9)}s`;

/** The shortest decimal of a double, never with an exponent. */
function plainDecimal(value: number): string {
  const text = String(value);
  const found = /^(-?)(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  return found === null ? text : `${found[1]}0.${'0'.repeat(Number(found[4]) - 1)}${found[2]}${found[3] ?? ''}`;
}

export interface CivilTime {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  /** From 1. */
  readonly day: number;
  /** From 0. */
  readonly dayOfYear: number;
  /** Sunday is 0. */
  readonly dayOfWeek: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
}

/** Seconds east of UTC at that moment. */
function zoneOffset(zone: string, millis: number): number | CelError {
  if (zone === '' || zone === 'UTC') return 0;
  const colon = zone.indexOf(':');
  if (colon >= 0) return numericOffset(zone, colon);
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset', hour: 'numeric' });
    const name = format.formatToParts(millis).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
    const found = /GMT([+-])(\d+):(\d+)(?::(\d+))?/.exec(name);
    if (found === null) return 0;
    return (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0));
  } catch {
    return new CelError(`unknown time zone ${zone}`);
  }
}

function numericOffset(zone: string, colon: number): number | CelError {
  const [hours, minutes] = [zone.slice(0, colon), zone.slice(colon + 1)];
  for (const part of [hours, minutes]) if (!/^[+-]?\d+$/.test(part)) return new CelError(`strconv.Atoi: parsing ${JSON.stringify(part)}: invalid syntax`);
  return (Number(hours) * 60 + (zone.startsWith('-') ? -1 : 1) * Number(minutes)) * 60;
}

export function civilTime({ nanos }: Timestamp, zone: string): CivilTime | CelError {
  const millis = Number(floorDivide(nanos, 1_000_000n));
  const offset = zoneOffset(zone, millis);
  if (offset instanceof CelError) return offset;
  const date = new Date(millis + offset * 1000);
  const year = date.getUTCFullYear();
  return {
    year, month: date.getUTCMonth(), day: date.getUTCDate(), dayOfWeek: date.getUTCDay(), hours: date.getUTCHours(), minutes: date.getUTCMinutes(), seconds: date.getUTCSeconds(),
    milliseconds: date.getUTCMilliseconds(), dayOfYear: Math.floor((date.getTime() - utc(year, 1, 1, 0)) / 86_400_000),
  };
}
