import type { Call, Connection } from './wire.ts';

export interface LoadResult {
  readonly perSecond: number;
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  readonly firstFailure: string;
}

export interface LoadOptions {
  readonly inFlight: number;
  /** The next request; undefined: no more. */
  next(): Call | undefined;
  readonly accepted: readonly number[];
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Keeps so many requests in flight, spread over the connections, until there are no more. */
export async function runLoad(connections: readonly Connection[], options: LoadOptions): Promise<LoadResult> {
  const times: number[] = [];
  let failed = 0;
  let firstFailure = '';
  const startMs = performance.now();
  const worker = async (connection: Connection): Promise<void> => {
    for (let call = options.next(); call !== undefined; call = options.next()) {
      const sentMs = performance.now();
      const answer = await connection.call(call);
      if (options.accepted.includes(answer.status)) times.push(performance.now() - sentMs);
      else {
        failed += 1;
        if (firstFailure === '') firstFailure = `${call.method} ${call.path}: ${answer.status} ${answer.start}`;
      }
    }
  };
  await Promise.all(Array.from({ length: options.inFlight }, (_, at) => worker(connections[at % connections.length] as Connection)));
  const seconds = (performance.now() - startMs) / 1000;
  const sorted = Float64Array.from(times).sort();
  return { perSecond: times.length / seconds, count: times.length, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), failed, firstFailure };
}

/** Requests until the time is over. */
export function forSeconds(seconds: number, make: (count: number) => Call): () => Call | undefined {
  const endMs = performance.now() + seconds * 1000;
  let count = 0;
  return () => {
    if (performance.now() >= endMs) return undefined;
    count += 1;
    return make(count - 1);
  };
}

/** Requests `from` to `to`, the latter left out. */
export function range(from: number, to: number, make: (at: number) => Call): () => Call | undefined {
  let at = from;
  return () => {
    if (at >= to) return undefined;
    at += 1;
    return make(at - 1);
  };
}
