import type { Node, Pod } from 'kubernetes-types/core/v1';
import { assert } from '@coxswain/host';
import type { Labels } from '../selectors/labels.ts';
import { NodeTable } from '../table/node-table.ts';
import { PodIndex } from '../table/pod-index.ts';
import { Journal, type Change, type PlacedPod } from './journal.ts';
import { NodeInfo } from './node-info.ts';
import { PodInfos, type PodInfo } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

/** Changes that can be taken back. A pod that is decided and bound makes two. */
const journalLength = 5000;

const noLabels: Labels = {};

function zoneOf({ labels }: NodeInfo): string {
  return `${labels['topology.kubernetes.io/region'] ?? ''}:${labels['topology.kubernetes.io/zone'] ?? ''}`;
}

/** Zones take turns, so that a search that stops early has seen all of them. */
function interleaveZones(nodes: Iterable<NodeInfo>): NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  for (const node of nodes) {
    if (node.node === undefined) continue;
    const zone = zoneOf(node);
    const members = zones.get(zone);
    if (members === undefined) zones.set(zone, [node]);
    else members.push(node);
  }
  const lists = [...zones.values()];
  if (lists.length === 1) return lists[0] as NodeInfo[];
  const out: NodeInfo[] = [];
  const longest = Math.max(0, ...lists.map((list) => list.length));
  for (let turn = 0; turn < longest; turn += 1) for (const list of lists) if (turn < list.length) out.push(list[turn] as NodeInfo);
  return out;
}

/**
 * Nodes and the pods on them: those the API server has told of (added) and those that were decided and are being bound
 * (assumed). An assumed pod becomes added when its watch event comes, or is forgotten when binding fails. Assumptions do not
 * expire by time: a slow watch would then let the same place be given twice; the watch always brings the truth in the end.
 */
export class SchedulerCache {
  /** Shared with the queue: equal pods are read once. */
  readonly podInfos = new PodInfos();
  readonly #journal = new Journal<Change>(journalLength);
  readonly #table = new NodeTable();
  readonly #index: PodIndex;
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #pods = new Map<string, PlacedPod>();
  readonly #images = new Map<string, number>();
  readonly #claims = new Map<string, number>();
  readonly #namespaceLabels: (namespace: string) => Labels;
  #snapshot: Snapshot | undefined;

  constructor(namespaceLabels: (namespace: string) => Labels | undefined = () => undefined) {
    this.#namespaceLabels = (namespace) => namespaceLabels(namespace) ?? noLabels;
    this.#index = new PodIndex(this.#table, this.#namespaceLabels);
  }

  get nodeCount(): number { return this.snapshot().nodes.length; }
  get podCount(): number { return this.#pods.size; }

  /** The same object until a node comes, goes or changes its zone. */
  snapshot(): Snapshot {
    this.#snapshot ??= this.#makeSnapshot();
    return this.#snapshot;
  }

  #makeSnapshot(): Snapshot {
    const nodes = interleaveZones(this.#nodes.values());
    return {
      nodes, rows: Int32Array.from(nodes, ({ row }) => row),
      table: this.#table, pods: this.#index,
      node: (name) => { const info = this.#nodes.get(name); return info?.node === undefined ? undefined : info; },
      imageSpread: (image) => this.#images.get(image) ?? 0,
      claimUsers: (key) => this.#claims.get(key) ?? 0,
      namespaceLabels: this.#namespaceLabels,
    };
  }

  /** Labels of some namespace have changed. */
  namespaceChanged(): void {
    this.#index.namespaceChanged();
  }

  /** The place of the next change. */
  get place(): number { return this.#journal.end; }
  /** The earliest place to which `at` can go back. */
  get earliestPlace(): number { return this.#journal.start; }

  /**
   * What `look` sees of the cache as it was when `place` was its next change. Everything is as before when it returns; it must not
   * await, and nothing of what it saw may be kept. The order among nodes that have gone since is lost.
   */
  at<T>(place: number, look: (snapshot: Snapshot) => T): T {
    assert(place >= this.#journal.start && place <= this.#journal.end, 'no such place in the journal', { place, start: this.#journal.start, end: this.#journal.end });
    const changes = this.#journal.since(place);
    for (const change of changes.toReversed()) this.#make(change, change.after, change.before);
    try {
      return look(this.snapshot());
    } finally {
      for (const change of changes) this.#make(change, change.before, change.after);
    }
  }

  #make(change: Change, from: Change['before'], to: Change['after']): void {
    if (change.kind === 'node') {
      const node = (to ?? from) as Node;
      if (to === undefined) this.#removeNode(node.metadata?.name ?? '');
      else this.#setNode(node);
      return;
    }
    if (from !== undefined) this.#take((from as PlacedPod).pod.uid);
    if (to !== undefined) this.#put(to as PlacedPod);
  }

  setNode(node: Node): void {
    this.#journal.add({ kind: 'node', before: this.#nodes.get(node.metadata?.name ?? '')?.node, after: node });
    this.#setNode(node);
  }

  #setNode(node: Node): void {
    const info = this.#infoOf(node.metadata?.name ?? '');
    const [wasThere, zone] = [info.node !== undefined, zoneOf(info)];
    this.#countImages(info, -1);
    info.setNode(node);
    this.#countImages(info, 1);
    this.#table.followNode(info);
    // A heartbeat moves nobody.
    if (!wasThere || zone !== zoneOf(info)) this.#snapshot = undefined;
  }

  removeNode(name: string): void {
    const node = this.#nodes.get(name)?.node;
    if (node === undefined) return;
    this.#journal.add({ kind: 'node', before: node, after: undefined });
    this.#removeNode(name);
  }

  #removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (info === undefined) return;
    this.#countImages(info, -1);
    info.clearNode();
    this.#table.followNode(info);
    this.#dropIfEmpty(info);
    this.#snapshot = undefined;
  }

  assumePod(pod: PodInfo, nodeName: string): void {
    assert(!this.#pods.has(pod.uid), 'pod is assumed while it is already in the cache', { pod: pod.key, nodeName });
    const placed: PlacedPod = { pod, nodeName, kind: 'assumed' };
    this.#journal.add({ kind: 'pod', before: undefined, after: placed });
    this.#put(placed);
  }

  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  isAssumed(uid: string): boolean {
    return this.#pods.get(uid)?.kind === 'assumed';
  }

  /** Undoes an assumption. Does nothing once the API server has confirmed the pod. */
  forgetPod(uid: string): void {
    if (this.isAssumed(uid)) this.removePod(uid);
  }

  /** The API server says that the pod is on a node: as assumed, or elsewhere, or news to us, or changed. */
  setPod(pod: Pod): void {
    const info = this.podInfos.of(pod);
    const after: PlacedPod = { pod: info, nodeName: pod.spec?.nodeName ?? '', kind: 'added' };
    const before = this.#pods.get(info.uid);
    this.#journal.add({ kind: 'pod', before, after });
    if (before !== undefined && this.#confirm(before, after)) return;
    this.#take(info.uid);
    this.#put(after);
  }

  /** The usual news of an assumed pod: it is where we put it, and is what it was. Nothing need be counted again. */
  #confirm(before: PlacedPod, after: PlacedPod): boolean {
    const { pod, nodeName } = after;
    if (before.nodeName !== nodeName || before.pod.shape !== pod.shape || before.pod.classKey !== pod.classKey) return false;
    const node = this.#infoOf(nodeName);
    node.pods.set(pod.uid, pod);
    this.#table.followPod(node);
    this.#pods.set(pod.uid, after);
    return true;
  }

  removePod(uid: string): void {
    const before = this.#pods.get(uid);
    if (before === undefined) return;
    this.#journal.add({ kind: 'pod', before, after: undefined });
    this.#take(uid);
  }

  #take(uid: string): void {
    const placed = this.#pods.get(uid);
    if (placed === undefined) return;
    this.#pods.delete(uid);
    const info = this.#infoOf(placed.nodeName);
    const pod = info.removePod(uid);
    if (pod !== undefined) {
      this.#index.remove(pod, info.row);
      this.#countClaims(pod, -1);
    }
    this.#table.followPods(info);
    this.#dropIfEmpty(info);
  }

  #put(placed: PlacedPod): void {
    const { pod, nodeName } = placed;
    this.#pods.set(pod.uid, placed);
    const info = this.#infoOf(nodeName);
    info.addPod(pod);
    this.#index.add(pod, info.row);
    this.#countClaims(pod, 1);
    this.#table.followPods(info);
  }

  #infoOf(name: string): NodeInfo {
    let info = this.#nodes.get(name);
    if (info === undefined) {
      info = new NodeInfo(name);
      this.#nodes.set(name, info);
      this.#table.enter(info);
    }
    return info;
  }

  #dropIfEmpty(info: NodeInfo): void {
    if (info.node !== undefined || info.pods.size > 0) return;
    this.#nodes.delete(info.name);
    this.#table.leave(info);
  }

  #countClaims({ claims }: PodInfo, by: 1 | -1): void {
    for (const key of claims) {
      const count = (this.#claims.get(key) ?? 0) + by;
      if (count > 0) this.#claims.set(key, count);
      else this.#claims.delete(key);
    }
  }

  #countImages(info: NodeInfo, by: 1 | -1): void {
    for (const name of info.images.keys()) {
      const count = (this.#images.get(name) ?? 0) + by;
      if (count > 0) this.#images.set(name, count);
      else this.#images.delete(name);
    }
  }
}
