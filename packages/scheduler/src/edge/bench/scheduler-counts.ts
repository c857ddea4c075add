import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import type { Percentiles } from './statistics.ts';

/** What a scheduler says of its decisions, since it started. */
export interface SchedulerCounts {
  /** By how they ended: `scheduled`, `unschedulable`, `error`. */
  readonly attempts: Readonly<Record<string, number>>;
  /** Decisions that took no longer than so many milliseconds, by the bound, from the least one on. */
  readonly upToMs: readonly (readonly [boundMs: number, count: number])[];
}

const attempt = /^scheduler_schedule_attempts_total\{(?:.*,)?result="([^"]*)".*\} (\S+)/;
const bucket = /^scheduler_scheduling_algorithm_duration_seconds_bucket\{(?:.*,)?le="([^"]*)".*\} (\S+)/;

/** From the text of its metrics, which ours and kube-scheduler's have under the same names. */
export function countsIn(metrics: string): SchedulerCounts {
  const attempts: Record<string, number> = {};
  const upToMs: [number, number][] = [];
  for (const line of metrics.split('\n')) {
    const [, result, tries] = attempt.exec(line) ?? [];
    if (result !== undefined) attempts[result] = (attempts[result] ?? 0) + Number(tries);
    const [, bound, count] = bucket.exec(line) ?? [];
    if (bound !== undefined) upToMs.push([bound === '+Inf' ? Infinity : Number(bound) * 1000, Number(count)]);
  }
  return { attempts, upToMs };
}

export function countsAfter(before: SchedulerCounts | undefined, after: SchedulerCounts): SchedulerCounts {
  const then = new Map(before?.upToMs);
  return {
    attempts: Object.fromEntries(Object.entries(after.attempts).map(([result, count]) => [result, count - (before?.attempts[result] ?? 0)] as const).filter(([, count]) => count > 0)),
    upToMs: after.upToMs.map(([bound, count]) => [bound, count - (then.get(bound) ?? 0)] as const),
  };
}

/** Bounds that so many of the decisions kept to: the true times are less. undefined: there were none. */
export function boundsOf({ upToMs }: SchedulerCounts): Percentiles | undefined {
  const total = upToMs.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const at = (share: number): number => upToMs.find(([, count]) => count >= total * share)?.[0] ?? Infinity;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

const patienceMs = 5000;

/** undefined: nobody answers there, or it is not for us. */
export function readCounts(url: string, token: string): Promise<SchedulerCounts | undefined> {
  return new Promise((resolve) => {
    const get = url.startsWith('https:') ? getHttps : getHttp;
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
    const request = get(url, { headers, timeout: patienceMs, ...(url.startsWith('https:') ? { rejectUnauthorized: false } : {}) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => { chunks.push(chunk); });
      response.on('error', () => { resolve(undefined); });
      response.on('end', () => { resolve(response.statusCode === 200 ? countsIn(Buffer.concat(chunks).toString()) : undefined); });
    });
    request.on('timeout', () => { request.destroy(); });
    request.on('error', () => { resolve(undefined); });
  });
}
