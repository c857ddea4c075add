import { createEventRecorder, createInformerFactory, selectorMatches, type Client, type Informer } from '@coxswain/client';
import { eventWriter, ItemWriter } from '@coxswain/client/fast-path';
import { append, type Host, type TimerHandle } from '@coxswain/host';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { messageOf, nodes as nodeType, pods as podType } from '../../api-types.ts';
import type { FleetConfig } from './config.ts';
import { NodeKeeper } from './keeper.ts';
import { fleetLabel } from './labels.ts';
import { HollowNode } from './node.ts';
import { FleetPods } from './pods.ts';

export interface RunningFleet {
  /** Resolves when all nodes are registered, have a lease, and their pods are known. */
  readonly ready: Promise<void>;
  readonly nodes: readonly HollowNode[];
  /** Pods of its nodes. */
  readonly pods: number;
  stop(): Promise<void>;
}

const byNode = 'node';

/**
 * Kubelets of many nodes in one: each node is registered, has its lease and its status, and its pods live as the rules say. One watch
 * of pods and one of nodes serve all of them, and what they write goes many together. Restarted, it takes over what it finds in the API.
 */
class Fleet implements RunningFleet {
  readonly nodes: readonly HollowNode[];
  readonly #config: FleetConfig;
  readonly #host: Host;
  readonly #byName: ReadonlyMap<string, HollowNode>;
  readonly #keeper: NodeKeeper;
  readonly #pods: FleetPods;
  readonly #nodeInformer: Informer<Node>;
  readonly #podInformer: Informer<Pod>;
  readonly #start: (signal: AbortSignal) => Promise<void>;
  readonly #abort = new AbortController();
  readonly #timers: TimerHandle[] = [];
  readonly #spoke = new Map<HollowNode, boolean>();
  #keeping: Promise<void> = Promise.resolve();

  constructor(config: FleetConfig, host: Host, client: Client) {
    this.#config = config;
    this.#host = host;
    this.nodes = Array.from({ length: config.count }, (_, index) => new HollowNode(config, index));
    this.#byName = new Map(this.nodes.map((node) => [node.name, node]));
    const writers = { leases: new ItemWriter(client), statuses: new ItemWriter(client, { refusalsOnly: true }) };
    const recorder = createEventRecorder(host, client, { component: 'kubelet', instance: config.namePrefix, writeTogether: eventWriter(client) });
    this.#keeper = new NodeKeeper(config, host, client, writers, this.nodes);
    this.#pods = new FleetPods(config, host, client, writers.statuses, recorder);
    const nodeInformers = createInformerFactory(host, client);
    const podInformers = createInformerFactory(host, client);
    this.#nodeInformer = nodeInformers.informer(nodeType, { labelSelector: `${fleetLabel}=${config.namePrefix}` });
    this.#podInformer = podInformers.informer(podType, { fieldSelector: 'spec.nodeName!=' });
    this.#podInformer.addIndex(byNode, (pod) => (pod.spec?.nodeName === undefined ? [] : [pod.spec.nodeName]));
    this.#start = async (signal) => {
      await nodeInformers.start(signal);
      await Promise.all([this.#keeper.registerAll(signal), podInformers.start(signal)]);
    };
  }

  get pods(): number { return this.#pods.size; }
  readonly ready = Promise.resolve().then(() => this.#begin());

  async #begin(): Promise<void> {
    const { signal } = this.#abort;
    this.#nodeInformer.addHandler({ added: (node) => this.#nodeSeen(node), updated: (_before, node) => this.#nodeSeen(node), deleted: (node) => this.#nodeGone(node) });
    this.#podInformer.addHandler({ added: (pod) => this.#podSeen(pod), updated: (_before, pod) => this.#podSeen(pod), deleted: (pod) => this.#pods.gone(pod) });
    this.#keeping = this.#keeper.run(signal).catch((error: unknown) => { this.#host.log.error('hollow nodes are not kept up', { error: messageOf(error) }); });
    this.#planSilences();
    await this.#start(signal);
    await this.#keeper.allAlive;
    this.#host.log.info('hollow nodes are registered', { nodes: this.nodes.length, pods: this.#pods.size });
  }

  #nodeSeen(object: Node): void {
    const node = this.#byName.get(object.metadata?.name ?? '');
    if (node === undefined) return;
    node.object = object;
    this.#speechOf(node);
    if (!node.silent) this.#keeper.observed(node);
  }

  /** As a kubelet whose node was deleted under it, it registers again; a silent one does not. */
  #nodeGone(object: Node): void {
    const node = this.#byName.get(object.metadata?.name ?? '');
    if (node === undefined) return;
    const { silent } = node;
    node.object = undefined;
    node.leaseVersion = '';
    if (!silent) void this.#keeper.register(node, this.#abort.signal);
  }

  #podSeen(pod: Pod): void {
    const node = this.#byName.get(pod.spec?.nodeName ?? '');
    if (node !== undefined && !node.silent) this.#pods.seen(pod, node);
  }

  /** When a silence is over, what was missed is made up for. */
  #speechOf(node: HollowNode): void {
    const spoke = this.#spoke.get(node) ?? true;
    const speaks = !node.silent;
    if (spoke === speaks) return;
    this.#spoke.set(node, speaks);
    this.#host.log.info(speaks ? 'hollow node speaks again' : 'hollow node is silent', { node: node.name });
    if (!speaks) return;
    if (node.object === undefined) void this.#keeper.register(node, this.#abort.signal);
    for (const pod of this.#podInformer.lister.byIndex(byNode, node.name)) this.#pods.seen(pod, node);
    this.#pods.resume(node);
  }

  #planSilences(): void {
    for (const { nodeSelector, afterMs, forMs } of this.#config.rules.silences) {
      const chosen: HollowNode[] = [];
      const change = (by: 1 | -1) => (): void => {
        if (by === 1) append(chosen, this.nodes.filter((node) => selectorMatches(nodeSelector, node.labels)));
        for (const node of chosen) {
          node.silences += by;
          this.#speechOf(node);
        }
      };
      this.#timers.push(this.#host.timers.after(afterMs, change(1)));
      if (Number.isFinite(forMs)) this.#timers.push(this.#host.timers.after(afterMs + forMs, change(-1)));
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (const timer of this.#timers) timer.cancel();
    this.#pods.stop();
    await this.#keeping;
  }
}

export function startFleet(config: FleetConfig, host: Host, client: Client): RunningFleet {
  return new Fleet(config, host, client);
}
