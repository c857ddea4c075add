import type { PodInfo } from '../cache/pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { CycleState } from './cycle-state.ts';
import type { FilterPlugin } from './interface.ts';

/** What `filterRows` of a plugin answers that has none. */
export function eachByItself(plugin: FilterPlugin, state: CycleState, pod: PodInfo, { table }: Snapshot, rows: Int32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rows[i] as number;
    const status = plugin.filter(state, pod, table.nodeAt(row));
    if (status.code === 'Error') throw new Error(`running "${plugin.name}" filter plugin: ${status.reasons.join(', ')}`);
    if (status.code === 'Success') { rows[kept] = row; kept += 1; }
  }
  return kept;
}
