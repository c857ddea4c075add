import { checkReads } from './check-reads.ts';
import { checkWatch } from './check-watch.ts';
import { linearize } from './check-kv.ts';
import type { Observation, Operation, Violation, WatchRecord } from './history.ts';

/** Everything that watches were told, as evidence for the order of writes. */
function observations(watches: readonly WatchRecord[]): readonly Observation[] {
  return watches.flatMap((record) => record.responses.flatMap((response) => response.events.map((event) => ({
    revision: event.kv.mod, atMs: response.atMs, key: event.kv.key, kv: event.type === 'put' ? event.kv : undefined, prev: event.prev,
  }))));
}

/** What clients saw, against what a store may do. `leaseSlackMs`: by how much a lease may end early by the clients' clock. */
export function judge(history: readonly Operation[], watches: readonly WatchRecord[], leaseSlackMs: number): readonly Violation[] {
  const result = linearize(history, observations(watches), leaseSlackMs);
  if ('violation' in result) return [result.violation];
  const compactions = history.filter((one) => one.request.kind === 'compact');
  return [...checkReads(history, result.explained, leaseSlackMs), ...watches.flatMap((record) => checkWatch(record, result.explained, compactions))];
}
