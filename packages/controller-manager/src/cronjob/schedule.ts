import { Cron } from 'croner';

/** When something is due. All times are ms since the epoch. */
export interface Schedule {
  /** The first time after `afterMs`; undefined if there is none any more. */
  next(afterMs: number): number | undefined;
}

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function everyMs(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return Math.max(1000, Math.floor(total / 1000) * 1000);
}

/** Kubernetes' dialect in croner's: `?` is a star, and `N/step` goes on to the end of the field. */
function translated(line: string): string {
  const ends = [59, 23, 31, 12, 6];
  const field = (part: string, index: number): string => part.split(',').map((range) => {
    const [from = '', step] = range.replaceAll('?', '*').split('/');
    if (step === undefined || (from === '*' && step === '1')) return from;
    return /^[\w]+$/.test(from) ? `${from}-${ends[index]}/${step}` : `${from}/${step}`;
  }).join(',');
  return line.trim().split(/\s+/).map(field).join(' ');
}

const nicknames: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *',
};

/** Undefined zone: the process's own. Throws on what is no schedule. */
export function parseSchedule(text: string, timeZone?: string): Schedule {
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text);
  if (zoned !== null) return parseSchedule(zoned[2] ?? '', zoned[1]);
  if (text.startsWith('@every ')) {
    const periodMs = everyMs(text.slice('@every '.length));
    return { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + periodMs };
  }
  const line = nicknames[text] ?? translated(text);
  // Paused: it only computes, timers are the host's.
  const cron = new Cron(line, { paused: true, mode: '5-part', ...(timeZone === undefined ? {} : { timezone: timeZone }) });
  return { next: (afterMs) => cron.nextRuns(1, new Date(afterMs))[0]?.getTime() };
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** More than this many missed times hint at a clock that is wrong. */
export const manyMissed = 100;

export interface Due {
  /** The last time at or before now; undefined if none has come since. */
  readonly atMs: number | undefined;
  /** Counted to `manyMissed` + 1. */
  readonly missed: number;
}

/** What has become due after `sinceMs`. */
export function dueSince(schedule: Schedule, sinceMs: number, nowMs: number): Due {
  let missed = 0;
  let atMs: number | undefined;
  for (let next = schedule.next(sinceMs); next !== undefined && next <= nowMs; next = schedule.next(next)) {
    atMs = next;
    missed += 1;
    if (missed > manyMissed) return { atMs: lastBefore(schedule, next, nowMs), missed };
  }
  return { atMs, missed };
}

/** Looks back further and further, so that years without a run do not have to be walked through. */
function lastBefore(schedule: Schedule, knownMs: number, nowMs: number): number {
  for (let windowMs = 60_000; nowMs - windowMs > knownMs; windowMs *= 2) {
    let found = schedule.next(nowMs - windowMs);
    if (found === undefined || found > nowMs) continue;
    for (let next = schedule.next(found); next !== undefined && next <= nowMs; next = schedule.next(found)) found = next;
    return found;
  }
  let found = knownMs;
  for (let next = schedule.next(found); next !== undefined && next <= nowMs; next = schedule.next(found)) found = next;
  return found;
}

/** RFC 3339 as a clock on that zone's wall shows it. */
export function zonedTime(atMs: number, timeZone: string | undefined): string {
  if (timeZone === undefined) return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
  const name = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const match = /([+-])(\d\d):(\d\d)/.exec(name);
  if (match === null) return zonedTime(atMs, undefined);
  const offsetMs = (Number(match[2]) * 60 + Number(match[3])) * 60_000 * (match[1] === '-' ? -1 : 1);
  return `${new Date(atMs + offsetMs).toISOString().slice(0, 19)}${offsetMs === 0 ? 'Z' : match[0]}`;
}
