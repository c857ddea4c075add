import { parseQuantity, quantityValue } from '@coxswain/api';
import type { PersistentVolume, Pod } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { CycleState, StateData } from '../../framework/cycle-state.ts';
import { maxNodeScore, type PreScorePlugin, type ScorePlugin } from '../../framework/interface.ts';
import { skip, success } from '../../framework/status.ts';
import { compileNodeSelector } from '../../selectors/node-selector.ts';
import { datasetLabel, type Storage } from '../../storage/storage.ts';
import { noDomain, type Topology } from '../../table/topology.ts';

const name = 'DataLocality';
/** On a pod: names of data sets, with their sizes if they differ: `imagenet=150Gi, wiki=20Gi`. */
export const datasetsAnnotation = 'data.coxswain.dev/datasets';
const zoneKey = 'topology.kubernetes.io/zone';

export interface DataLocalityArgs {
  /** What data in the node's zone count, where data on the node count 100. */
  readonly zoneScorePercent: number;
}

interface Dataset { readonly name: string; readonly size: number }

/** Nodes that hold a data set, by row, and in which zones there are any. */
interface Holders { readonly bits: Uint8Array; readonly zones: Int32Array }
interface Wanted { readonly size: number; readonly holders: readonly Holders[] }
interface ScoreState extends StateData { readonly wanted: readonly Wanted[]; readonly total: number; readonly topology: Topology }

/** What cannot be read as a size counts as 1, as no size does. */
export function datasetsOf({ metadata }: Pod): readonly Dataset[] {
  return (metadata?.annotations?.[datasetsAnnotation] ?? '').split(',').map((item) => item.trim()).filter((item) => item !== '').map((item) => {
    const [dataset = '', size] = item.split('=', 2).map((part) => part.trim());
    return { name: dataset, size: sizeOf(size) };
  });
}

function sizeOf(text: string | undefined): number {
  if (text === undefined) return 1;
  try {
    return Math.max(1, quantityValue(parseQuantity(text)));
  } catch {
    return 1;
  }
}

/** A volume that says nothing of nodes is as near to one as to another. */
function ofVolume({ spec }: PersistentVolume, snapshot: Snapshot, topology: Topology): Holders[] {
  const required = spec?.nodeAffinity?.required;
  if (required === undefined) return [];
  const matches = compileNodeSelector(required);
  return [holders(`volume ${JSON.stringify(required)}`, ({ node }) => node !== undefined && matches(node), snapshot, topology)];
}

function holders(key: string, holds: (node: NodeInfo) => boolean, { table }: Snapshot, topology: Topology): Holders {
  const bits = table.mask(key, holds);
  return { bits, zones: table.nodesIn(topology, { key, bits }).counts };
}

/**
 * Prefers nodes that hold the pod's data, then those in whose zone they are. A node holds a data set if it has the label
 * `dataset.coxswain.dev/NAME`, or is one from which a PersistentVolume with that label can be reached. Each data set counts by its size.
 */
export function dataLocality({ zoneScorePercent }: DataLocalityArgs, storage: Storage): PreScorePlugin & ScorePlugin {
  return {
    name,
    preScore(state: CycleState, { pod }: PodInfo, _candidates, snapshot) {
      const datasets = datasetsOf(pod);
      if (datasets.length === 0) return skip;
      const topology = snapshot.table.topology(zoneKey);
      const wanted = datasets.map((dataset): Wanted => {
        const label = `${datasetLabel}${dataset.name}`;
        const volumes = storage.volumesWithDataset(dataset.name).flatMap((volume) => ofVolume(volume, snapshot, topology));
        return { size: dataset.size, holders: [holders(`label ${label}`, ({ labels }) => labels[label] !== undefined, snapshot, topology), ...volumes] };
      });
      const data: ScoreState = { wanted, topology, total: datasets.reduce((sum, { size }) => sum + size, 0), clone: () => data };
      state.write(name, data);
      return success;
    },
    score(state: CycleState, _pod: PodInfo, { row }: NodeInfo) {
      const data = state.read<ScoreState>(name);
      if (data === undefined) return 0;
      const zone = data.topology.domainOf[row] ?? noDomain;
      let near = 0;
      for (const { size, holders: all } of data.wanted) {
        if (all.some(({ bits }) => bits[row] === 1)) near += size;
        else if (zone !== noDomain && all.some(({ zones }) => (zones[zone] ?? 0) > 0)) near += (size * zoneScorePercent) / 100;
      }
      return Math.floor((maxNodeScore * near) / data.total);
    },
  };
}
