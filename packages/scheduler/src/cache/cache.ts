import type { Node, Pod } from 'kubernetes-types/core/v1';
import { assert } from '@coxswain/host';
import type { Labels } from '../selectors/labels.ts';
import { NodeTable } from '../table/node-table.ts';
import { PodIndex } from '../table/pod-index.ts';
import { NodeInfo } from './node-info.ts';
import { PodInfos, type PodInfo } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

type PodState = { readonly nodeName: string; readonly kind: 'assumed' | 'added' };

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
  readonly #table = new NodeTable();
  readonly #index: PodIndex;
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #pods = new Map<string, PodState>();
  readonly #images = new Map<string, number>();
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
      namespaceLabels: this.#namespaceLabels,
    };
  }

  /** Labels of some namespace have changed. */
  namespaceChanged(): void {
    this.#index.namespaceChanged();
  }

  setNode(node: Node): void {
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
    this.#put(pod, { nodeName, kind: 'assumed' });
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
    const nodeName = pod.spec?.nodeName ?? '';
    if (this.#confirm(info, nodeName)) return;
    this.removePod(info.uid);
    this.#put(info, { nodeName, kind: 'added' });
  }

  /** The usual news of an assumed pod: it is where we put it, and is what it was. Nothing need be counted again. */
  #confirm(info: PodInfo, nodeName: string): boolean {
    if (this.#pods.get(info.uid)?.nodeName !== nodeName) return false;
    const node = this.#infoOf(nodeName);
    const before = node.pods.get(info.uid);
    if (before === undefined || before.shape !== info.shape || before.classKey !== info.classKey) return false;
    node.pods.set(info.uid, info);
    this.#pods.set(info.uid, { nodeName, kind: 'added' });
    return true;
  }

  removePod(uid: string): void {
    const state = this.#pods.get(uid);
    if (state === undefined) return;
    this.#pods.delete(uid);
    const info = this.#infoOf(state.nodeName);
    const pod = info.removePod(uid);
    if (pod !== undefined) this.#index.remove(pod, info.row);
    this.#table.followPods(info);
    this.#dropIfEmpty(info);
  }

  #put(pod: PodInfo, state: PodState): void {
    this.#pods.set(pod.uid, state);
    const info = this.#infoOf(state.nodeName);
    info.addPod(pod);
    this.#index.add(pod, info.row);
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

  #countImages(info: NodeInfo, by: 1 | -1): void {
    for (const name of info.images.keys()) {
      const count = (this.#images.get(name) ?? 0) + by;
      if (count > 0) this.#images.set(name, count);
      else this.#images.delete(name);
    }
  }
}
