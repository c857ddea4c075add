import type { Node, Taint } from 'kubernetes-types/core/v1';
import type { Labels } from '../selectors/labels.ts';
import { addResources, cloneResources, parseResources, zeroResources, type Resources } from './resources.ts';
import type { HostPort, PodInfo } from './pod-info.ts';

/** Host ports in use: `protocol/port` → address → number of users. */
type UsedPorts = Map<string, Map<string, number>>;

const anyAddress = '0.0.0.0';
const noTaints: readonly Taint[] = [];

function copyPorts(ports: UsedPorts): UsedPorts {
  return new Map([...ports].map(([key, users]) => [key, new Map(users)]));
}

/** A node with its pods and their sums. `node` is undefined while pods name a node that is not (or no longer) there. */
export class NodeInfo {
  node: Node | undefined;
  readonly name: string;
  /** In the table of nodes; a trial's copy has its original's. */
  row = -1;
  labels: Labels = {};
  taints: readonly Taint[] = noTaints;
  allocatable: Resources = zeroResources();
  /** Normalized image name → size in bytes. */
  images: ReadonlyMap<string, number> = new Map();
  readonly requested: Resources;
  readonly nonZeroRequested: Resources;
  readonly pods: Map<string, PodInfo>;
  readonly #usedPorts: UsedPorts;

  constructor(name: string, from?: NodeInfo) {
    this.name = name;
    this.requested = from === undefined ? zeroResources() : cloneResources(from.requested);
    this.nonZeroRequested = from === undefined ? zeroResources() : cloneResources(from.nonZeroRequested);
    this.pods = new Map(from?.pods);
    this.#usedPorts = from === undefined ? new Map() : copyPorts(from.#usedPorts);
  }

  /** For trials; shares what trials do not change. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name, this);
    copy.node = this.node;
    copy.row = this.row;
    copy.labels = this.labels;
    copy.taints = this.taints;
    copy.allocatable = this.allocatable;
    copy.images = this.images;
    return copy;
  }

  setNode(node: Node): void {
    this.node = node;
    this.labels = node.metadata?.labels ?? {};
    this.taints = node.spec?.taints ?? noTaints;
    this.allocatable = parseResources(node.status?.allocatable);
    this.images = new Map((node.status?.images ?? []).flatMap((image) => (image.names ?? []).map((name) => [name, image.sizeBytes ?? 0] as const)));
  }

  clearNode(): void {
    this.node = undefined;
    this.labels = {};
    this.taints = noTaints;
    this.allocatable = zeroResources();
    this.images = new Map();
  }

  addPod(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    addResources(this.requested, pod.requests);
    addResources(this.nonZeroRequested, pod.nonZeroRequests);
    for (const port of pod.hostPorts) this.#usePort(port);
  }

  removePod(uid: string): PodInfo | undefined {
    const pod = this.pods.get(uid);
    if (pod === undefined) return undefined;
    this.pods.delete(uid);
    addResources(this.requested, pod.requests, -1);
    addResources(this.nonZeroRequested, pod.nonZeroRequests, -1);
    for (const port of pod.hostPorts) this.#freePort(port);
    return pod;
  }

  /** 0.0.0.0 collides with every address. */
  portTaken({ ip, protocol, port }: HostPort): boolean {
    const users = this.#usedPorts.get(`${protocol}/${port}`);
    if (users === undefined) return false;
    return ip === anyAddress || users.has(ip) || users.has(anyAddress);
  }

  #usePort({ ip, protocol, port }: HostPort): void {
    const key = `${protocol}/${port}`;
    const users = this.#usedPorts.get(key) ?? new Map<string, number>();
    users.set(ip, (users.get(ip) ?? 0) + 1);
    this.#usedPorts.set(key, users);
  }

  #freePort({ ip, protocol, port }: HostPort): void {
    const key = `${protocol}/${port}`;
    const users = this.#usedPorts.get(key);
    const left = (users?.get(ip) ?? 0) - 1;
    if (users === undefined) return;
    if (left > 0) users.set(ip, left);
    else users.delete(ip);
    if (users.size === 0) this.#usedPorts.delete(key);
  }
}
