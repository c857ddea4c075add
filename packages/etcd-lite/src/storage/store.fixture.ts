import { silentLogger, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { Machine } from '../machine/machine.ts';
import { encodeState, restoreState } from '../machine/snapshot.ts';
import type { Version } from '../mvcc/version.ts';
import type { SnapshotMeta } from '../raft/types.ts';
import { capture, writeCheckpoint, type CheckpointResult } from './checkpoint.ts';
import { loadStore } from './load.ts';
import { StoreFiles } from './store-files.ts';
import { Values } from './values.ts';
import type { RewriteAim } from './victims.ts';

export const storeDirectory = '/store';

/** A store on a simulated disk whose processes come and go. */
export class StoreWorld {
  readonly sim: Simulation;
  #process: ReturnType<Simulation['start']>;
  readonly maxSegmentBytes: number;

  constructor(seed: number, maxSegmentBytes = 400) {
    this.sim = new Simulation({ seed });
    this.#process = this.sim.start('m', 'store');
    this.maxSegmentBytes = maxSegmentBytes;
  }

  get host(): Host {
    return { ...this.#process.host, log: silentLogger };
  }

  do<T>(work: Promise<T>): Promise<T> {
    return this.sim.runUntil(work, 600_000, 'work on the store');
  }

  restart(powerCut: boolean): void {
    this.sim.kill(this.#process, { powerCut });
    this.#process = this.sim.start('m', 'store');
  }

  files(): Promise<StoreFiles> {
    return StoreFiles.open(this.host, { directory: storeDirectory, maxSegmentBytes: this.maxSegmentBytes, rewriteBytes: 1000 });
  }
}

/** What a member has open: state, files, values. */
export interface OpenWorld { readonly machine: Machine; readonly files: StoreFiles; readonly values: Values }

export async function openWorld(world: StoreWorld, cacheBytes = 300): Promise<OpenWorld & { readonly meta: SnapshotMeta }> {
  const files = await world.files();
  const machine = new Machine();
  const values = new Values(world.host, cacheBytes);
  // A log that knows every entry, all of one term.
  const manifest = await files.choose({ snapshot: { index: 0, term: 0 }, termOf: () => 1 });
  if (manifest === undefined) return { machine, files, values, meta: { index: 0, term: 0 } };
  const state = await loadStore(files, manifest, machine.store);
  restoreState(machine, manifest.state);
  await files.replace(state);
  return { machine, files, values, meta: { index: manifest.index, term: manifest.term } };
}

export function checkpoint({ machine, files, values }: OpenWorld, index: number, aim: RewriteAim = { kind: 'worthwhile' }): Promise<CheckpointResult> {
  return writeCheckpoint(files, values.cache, capture(files, machine.store, { index, term: 1 }, encodeState(machine), aim));
}

/** Every value into memory, as reads would fetch them. */
export async function fetchAll({ machine, values }: OpenWorld): Promise<void> {
  const all: Version[] = [];
  for (const head of machine.store.heads({ start: '', end: undefined, single: false })) for (let at: Version | undefined = head; at !== undefined; at = at.older) all.push(at);
  await values.restore(all);
}

/** The same state read from the files of a checkpoint, with all its values in memory. */
export async function reopened(machine: Machine): Promise<Machine> {
  const world = new StoreWorld(1);
  const files = await world.do(world.files());
  await world.do(checkpoint({ machine, files, values: new Values(world.host, 1e9) }, 1));
  world.restart(true);
  const copy = await world.do(openWorld(world));
  await world.do(fetchAll(copy));
  return copy.machine;
}
