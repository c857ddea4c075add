import { claimedVolumes, claims } from '@coxswain/api/volumes';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { StateData } from '../../framework/cycle-state.ts';
import type { AnyPlugin, FilterPlugin } from '../../framework/interface.ts';
import { eachByItself } from '../../framework/each-by-itself.ts';
import { skip, success, unschedulable, type Status } from '../../framework/status.ts';
import type { Storage } from '../../storage/storage.ts';
import { AttachedVolumes, type Attached, type PodVolumes } from './attached-volumes.ts';

const name = 'NodeVolumeLimits';
const reasonLimit = 'node(s) exceed max volume count';

interface Wanted extends StateData {
  readonly byDriver: ReadonlyMap<string, readonly string[]>;
  readonly problem: Status | undefined;
}

function wantedOf({ volumes, problem }: PodVolumes): Wanted {
  const byDriver = new Map<string, string[]>();
  for (const [volume, driver] of volumes) byDriver.set(driver, [...byDriver.get(driver) ?? [], volume]);
  const data: Wanted = { byDriver, problem, clone: () => data };
  return data;
}

function hasRoom({ byDriver }: Wanted, { byPods, counts, limits }: Attached): boolean {
  if (limits.size === 0) return true;
  for (const [driver, volumes] of byDriver) {
    const limit = limits.get(driver);
    if (limit === undefined) continue;
    let fresh = 0;
    for (const volume of volumes) if (!byPods.has(volume)) fresh += 1;
    if (fresh > 0 && (counts.get(driver) ?? 0) + fresh > limit) return false;
  }
  return true;
}

/** A node's drivers say how many volumes each can attach there. */
export function nodeVolumeLimits(storage: Storage): AnyPlugin {
  const attached = new AttachedVolumes(storage);
  const plugin: AnyPlugin & FilterPlugin = {
    name,
    preFilter(state, { pod }) {
      if (claimedVolumes(pod).length === 0) return { status: skip };
      const wanted = wantedOf(attached.wantedBy(pod));
      if (wanted.problem === undefined && wanted.byDriver.size === 0) return { status: skip };
      state.write(name, wanted);
      return { status: success };
    },
    filter(state, _pod, node) {
      const wanted = state.read<Wanted>(name) as Wanted;
      if (wanted.problem !== undefined) return wanted.problem;
      return hasRoom(wanted, attached.on(node)) ? success : unschedulable(reasonLimit);
    },
    filterRows(state, pod, snapshot, rows, count) {
      const wanted = state.read<Wanted>(name) as Wanted;
      if (wanted.problem !== undefined) return eachByItself(plugin, state, pod, snapshot, rows, count);
      let kept = 0;
      for (let i = 0; i < count; i += 1) {
        const row = rows[i] as number;
        if (hasRoom(wanted, attached.at(snapshot.table, row))) { rows[kept] = row; kept += 1; }
      }
      return kept;
    },
    eventsToRegister: () => [
      { resource: 'CSINode', actions: ['Add'] },
      { resource: 'AssignedPod', actions: ['Delete'], hint: (_pod, event) => claimedVolumes(event.before as Pod).length > 0 },
      { resource: 'PersistentVolumeClaim', actions: ['Add'], hint: (pod, event) => claims(pod, event.after as PersistentVolumeClaim) },
      { resource: 'VolumeAttachment', actions: ['Delete'] },
    ],
  };
  return plugin;
}
