import { ValueError } from './time.ts';

const unitNanos: Readonly<Record<string, bigint>> = {
  ns: 1n, us: 1000n, µs: 1000n, μs: 1000n, ms: 1_000_000n, s: 1_000_000_000n, m: 60_000_000_000n, h: 3_600_000_000_000n,
};

/** Go's duration text (`1h30m`, `-1.5s`) in nanoseconds. Throws ValueError. */
export function parseDuration(text: string): bigint {
  const sign = text.startsWith('-') ? -1n : 1n;
  const body = text.replace(/^[-+]/, '');
  if (body === '0') return 0n;
  const parts = [...body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)];
  const whole = parts.map((part) => part[0]).join('');
  if (body === '' || whole !== body || parts.some((part) => part[1] === '' && (part[2] ?? '') === '')) {
    const missing = /^[\d.]+$/.test(body) && /\d/.test(body);
    throw new ValueError(missing ? `time: missing unit in duration ${JSON.stringify(text)}` : `time: invalid duration ${JSON.stringify(text)}`);
  }
  let nanos = 0n;
  for (const [, integer = '', fraction = '', unit = 's'] of parts) {
    const size = unitNanos[unit] as bigint;
    nanos += BigInt(integer === '' ? 0 : integer) * size;
    if (fraction !== '') nanos += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length);
  }
  return sign * nanos;
}

function decimals(nanos: bigint, unit: bigint): string {
  const rest = String(nanos % unit).padStart(String(unit).length - 1, '0').replace(/0+$/, '');
  return rest === '' ? String(nanos / unit) : `${nanos / unit}.${rest}`;
}

/** As Go prints it: `1h0m0s`, `1.5s`, `100ms`. */
export function formatDuration(nanos: bigint): string {
  if (nanos === 0n) return '0s';
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  if (size < 1000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimals(size, 1000n)}µs`;
  if (size < 1_000_000_000n) return `${sign}${decimals(size, 1_000_000n)}ms`;
  const minutes = size / 60_000_000_000n;
  const seconds = `${decimals(size % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return sign + seconds;
  return minutes < 60n ? `${sign}${minutes}m${seconds}` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}
