import type { NodeInfo } from '../cache/node-info.ts';
import { grownBytes, grownFloats } from './arrays.ts';
import type { DomainCounts, RowSelection } from './row-counts.ts';
import { RowLog } from './row-log.ts';
import { noDomain, Topology } from './topology.ts';

/** One resource of all nodes. */
export interface ResourceColumn {
  allocatable: Float64Array;
  requested: Float64Array;
}

/** A yes or no a row, kept while nodes do not change. */
interface NodeMask {
  readonly holds: (node: NodeInfo) => boolean;
  bits: Uint8Array;
  version: number;
}

/** Room for one search at a time. */
export interface SearchBuffers {
  readonly piece: Int32Array;
  readonly stale: Int32Array;
  readonly feasible: Int32Array;
  readonly rejecters: Uint8Array;
}

function makeBuffers(length: number): SearchBuffers {
  return { piece: new Int32Array(length), stale: new Int32Array(length), feasible: new Int32Array(length), rejecters: new Uint8Array(length) };
}

/** Masks of pods that nobody has asked for are thrown away together when there are this many. */
const maxMasks = 512;

/**
 * The nodes as columns: a row a node, a typed array a property, so that a plugin judges thousands of nodes in one loop. It
 * follows the `NodeInfo`s, which stay the truth: the cache calls `follow` after each change of one. A row is a node's for as
 * long as the cache knows its name; rows of nodes that do not exist (yet) are in no order and have no domain.
 */
export class NodeTable {
  readonly cpu: ResourceColumn = { allocatable: new Float64Array(0), requested: new Float64Array(0) };
  readonly memory: ResourceColumn = { allocatable: new Float64Array(0), requested: new Float64Array(0) };
  readonly ephemeralStorage: ResourceColumn = { allocatable: new Float64Array(0), requested: new Float64Array(0) };
  /** `requested` is the number of pods. */
  readonly pods: ResourceColumn = { allocatable: new Float64Array(0), requested: new Float64Array(0) };
  /** What pods count as when nodes are scored. */
  nonZeroCpu: Float64Array = new Float64Array(0);
  nonZeroMemory: Float64Array = new Float64Array(0);
  /** PreferNoSchedule taints of the node. */
  softTaints: Uint8Array = new Uint8Array(0);
  #withSoftTaints = 0;
  #withImages = 0;
  readonly #scalars = new Map<string, ResourceColumn>();
  readonly #topologies = new Map<string, Topology>();
  readonly #masks = new Map<string, NodeMask>();
  readonly #nodesIn = new Map<string, { readonly counted: DomainCounts; readonly version: number }>();
  #buffers = makeBuffers(0);
  readonly #infos: (NodeInfo | undefined)[] = [];
  readonly #free: number[] = [];
  /** By row: the version at which the node last changed. */
  #changedAt: Float64Array = new Float64Array(0);
  #version = 0;
  /** By row: differs whenever the node or the sums of its pods differ; never 0 for a row in use. */
  touchedAt: Float64Array = new Float64Array(0);
  /** By row: differs also when a pod is another object than before, with the same needs. */
  podsAt: Float64Array = new Float64Array(0);
  /** Whenever `podsAt` of a row changes. */
  readonly touches = new RowLog();
  #hasImages: Uint8Array = new Uint8Array(0);

  /** Rows in use lie below. */
  get height(): number { return this.#infos.length; }
  get anySoftTaints(): boolean { return this.#withSoftTaints > 0; }
  get anyImages(): boolean { return this.#withImages > 0; }

  nodeAt(row: number): NodeInfo {
    return this.#infos[row] as NodeInfo;
  }

  /** Gives `info` a row. */
  enter(info: NodeInfo): void {
    const row = this.#free.pop() ?? this.#infos.length;
    info.row = row;
    this.#infos[row] = info;
    if (row >= this.#changedAt.length) this.#grow(row + 1);
    this.followNode(info);
    this.followPods(info);
  }

  /** Takes the row back. The node must have no pods and not exist. */
  leave(info: NodeInfo): void {
    this.followNode(info);
    this.followPods(info);
    this.#infos[info.row] = undefined;
    this.#free.push(info.row);
  }

  /** The sums of the node's pods have changed. */
  followPods(info: NodeInfo): void {
    const { row, requested, nonZeroRequested } = info;
    this.cpu.requested[row] = requested.milliCpu;
    this.memory.requested[row] = requested.memory;
    this.ephemeralStorage.requested[row] = requested.ephemeralStorage;
    this.pods.requested[row] = info.pods.size;
    this.nonZeroCpu[row] = nonZeroRequested.milliCpu;
    this.nonZeroMemory[row] = nonZeroRequested.memory;
    for (const [name, column] of this.#scalars) column.requested[row] = requested.scalar.get(name) ?? 0;
    this.#touch(row);
  }

  #touch(row: number): void {
    this.touches.add(row);
    this.touchedAt[row] = this.touches.end;
    this.podsAt[row] = this.touches.end;
  }

  /** A pod of the node has been replaced by an equal one. */
  followPod({ row }: NodeInfo): void {
    this.touches.add(row);
    this.podsAt[row] = this.touches.end;
  }

  /** The node itself has changed, come or gone. */
  followNode(info: NodeInfo): void {
    const { row, allocatable } = info;
    this.cpu.allocatable[row] = allocatable.milliCpu;
    this.memory.allocatable[row] = allocatable.memory;
    this.ephemeralStorage.allocatable[row] = allocatable.ephemeralStorage;
    this.pods.allocatable[row] = allocatable.pods;
    for (const [name, column] of this.#scalars) column.allocatable[row] = allocatable.scalar.get(name) ?? 0;
    for (const topology of this.#topologies.values()) topology.set(row, domainValue(info, topology.key));
    this.#version += 1;
    this.#changedAt[row] = this.#version;
    this.#touch(row);
    this.#followFlags(info);
  }

  #followFlags(info: NodeInfo): void {
    const soft = info.taints.reduce((sum, taint) => sum + (taint.effect === 'PreferNoSchedule' ? 1 : 0), 0);
    this.#withSoftTaints += (soft > 0 ? 1 : 0) - ((this.softTaints[info.row] as number) > 0 ? 1 : 0);
    this.softTaints[info.row] = soft;
    const images = info.images.size > 0 ? 1 : 0;
    this.#withImages += images - (this.#hasImages[info.row] as number);
    this.#hasImages[info.row] = images;
  }

  /** The column of an extended resource or of huge pages. */
  scalar(name: string): ResourceColumn {
    let column = this.#scalars.get(name);
    if (column === undefined) {
      const length = this.#changedAt.length;
      column = { allocatable: new Float64Array(length), requested: new Float64Array(length) };
      for (const info of this.#infos) {
        if (info === undefined) continue;
        column.allocatable[info.row] = info.allocatable.scalar.get(name) ?? 0;
        column.requested[info.row] = info.requested.scalar.get(name) ?? 0;
      }
      this.#scalars.set(name, column);
    }
    return column;
  }

  topology(key: string): Topology {
    let topology = this.#topologies.get(key);
    if (topology === undefined) {
      topology = new Topology(key);
      for (let row = this.#infos.length - 1; row >= 0; row -= 1) {
        const info = this.#infos[row];
        topology.set(row, info === undefined ? undefined : domainValue(info, key));
      }
      this.#topologies.set(key, topology);
    }
    return topology;
  }

  /**
   * For each row whether `holds`, remembered by `key`: equal keys must mean equal predicates, and these may look at the node's
   * object only, not at its pods. The array is good until the next change of a node.
   */
  mask(key: string, holds: (node: NodeInfo) => boolean): Uint8Array {
    let mask = this.#masks.get(key);
    if (mask === undefined) {
      if (this.#masks.size >= maxMasks) this.#masks.clear();
      mask = { holds, bits: new Uint8Array(this.#changedAt.length), version: -1 };
      this.#masks.set(key, mask);
    }
    if (mask.version !== this.#version) this.#refresh(mask);
    return mask.bits;
  }

  #refresh(mask: NodeMask): void {
    if (mask.bits.length < this.#changedAt.length) mask.bits = grownBytes(mask.bits, this.#changedAt.length);
    for (let row = 0; row < this.#infos.length; row += 1) {
      if ((this.#changedAt[row] as number) <= mask.version) continue;
      const info = this.#infos[row];
      mask.bits[row] = info?.node !== undefined && mask.holds(info) ? 1 : 0;
    }
    mask.version = this.#version;
  }

  /** How many of the selected nodes are in each domain. */
  nodesIn(topology: Topology, selection: RowSelection): DomainCounts {
    const key = `${topology.key} ${selection.key}`;
    const known = this.#nodesIn.get(key);
    if (known?.version === this.#version) return known.counted;
    const counts = new Int32Array(topology.domains);
    let total = 0;
    for (let row = 0; row < this.height; row += 1) {
      const domain = topology.domainOf[row] as number;
      if (selection.bits[row] !== 1 || domain === noDomain) continue;
      counts[domain] = (counts[domain] as number) + 1;
      total += 1;
    }
    if (this.#nodesIn.size >= maxMasks) this.#nodesIn.clear();
    const counted = { topology, counts, total };
    this.#nodesIn.set(key, { counted, version: this.#version });
    return counted;
  }

  buffers(): SearchBuffers {
    if (this.#buffers.piece.length < this.height) this.#buffers = makeBuffers(this.#changedAt.length);
    return this.#buffers;
  }

  /** Grows with every change of any node. */
  get version(): number { return this.#version; }

  #grow(length: number): void {
    this.#changedAt = grownFloats(this.#changedAt, length);
    this.touchedAt = grownFloats(this.touchedAt, length);
    this.podsAt = grownFloats(this.podsAt, length);
    for (const column of [this.cpu, this.memory, this.ephemeralStorage, this.pods, ...this.#scalars.values()]) {
      column.allocatable = grownFloats(column.allocatable, length);
      column.requested = grownFloats(column.requested, length);
    }
    this.nonZeroCpu = grownFloats(this.nonZeroCpu, length);
    this.nonZeroMemory = grownFloats(this.nonZeroMemory, length);
    this.softTaints = grownBytes(this.softTaints, length);
    this.#hasImages = grownBytes(this.#hasImages, length);
  }
}

function domainValue(info: NodeInfo, key: string): string | undefined {
  return Object.hasOwn(info.labels, key) ? info.labels[key] : undefined;
}

/** Keeps of the first `count` rows those whose bit is set, in order; answers how many. */
export function keepMasked(mask: Uint8Array, rows: Int32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rows[i] as number;
    if (mask[row] === 1) { rows[kept] = row; kept += 1; }
  }
  return kept;
}
