import type { Call, Connection } from './wire.ts';

export interface LoadResult {
  readonly perSecond: number;
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  readonly firstFailure: string;
}

export interface LoadOptions<C extends Call = Call> {
  readonly inFlight: number;
  /** The next request; undefined: no more. */
  next(): C | undefined;
  readonly accepted: readonly number[];
  answered?(call: C, status: number): void;
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Keeps so many requests in flight, spread over the connections, until there are no more. When one is lost none follows, and it rejects when the others are over. */
export async function runLoad<C extends Call>(connections: readonly Connection[], options: LoadOptions<C>): Promise<LoadResult> {
  const times: number[] = [];
  let failed = 0;
  let firstFailure = '';
  let lost = false;
  const startMs = performance.now();
  const worker = async (connection: Connection): Promise<void> => {
    while (!lost) {
      const call = options.next();
      if (call === undefined) return;
      const sentMs = performance.now();
      const answer = await connection.call(call).catch((error: unknown) => { lost = true; throw error; });
      options.answered?.(call, answer.status);
      if (options.accepted.includes(answer.status)) times.push(performance.now() - sentMs);
      else {
        failed += 1;
        if (firstFailure === '') firstFailure = `${call.method} ${call.path}: ${answer.status} ${answer.start}`;
      }
    }
  };
  const workers = Array.from({ length: options.inFlight }, (_, at) => worker(connections[at % connections.length] as Connection));
  await Promise.allSettled(workers);
  await Promise.all(workers);
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
export function range<C extends Call>(from: number, to: number, make: (at: number) => C): () => C | undefined {
  let at = from;
  return () => {
    if (at >= to) return undefined;
    at += 1;
    return make(at - 1);
  };
}
