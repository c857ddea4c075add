import { isNotFound, objectKey, resources, type Informer } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { messageOf, nameOf, uidOf } from '../common/object.ts';
import { podIndex } from '../common/pod-handlers.ts';
import { isPodReady, isPodTerminal } from '../common/pods.ts';
import { runPeriodically } from '../common/run.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { isSilent, probe, sameTaints, unknownConditions, wantedTaints, type Probe } from './health.ts';

const name = 'node-lifecycle-controller';
const leaseNamespace = 'kube-node-lease';

export const nodeLifecycleController: Controller = { name, account: 'node-controller', start: (context) => new NodeLifecycle(context).run };

class NodeLifecycle {
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #leases: Informer<Lease>;
  readonly #pods: Informer<Pod>;
  readonly #probes = new Map<string, Probe>();
  readonly #busy = new Set<string>();
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#nodes = context.informers.informer(resources.nodes);
    this.#leases = context.informers.informer(resources.leases, { namespace: leaseNamespace });
    this.#pods = context.informers.informer(resources.pods);
    podIndex(this.#pods);
    let started = false;
    const changed = (node: Node): void => { if (started) this.#judgeSoon(node); };
    this.#nodes.addHandler({ added: changed, updated: (_before, node) => changed(node), deleted: (node) => this.#gone(node) });
    const monitor = runPeriodically(context, name, context.config.nodeMonitorPeriodMs, () => this.#monitor());
    this.run = async (signal) => {
      started = true;
      await monitor(signal);
      started = false;
    };
  }

  #gone(node: Node): void {
    this.#probes.delete(nameOf(node));
    this.#context.recorder.event(node, 'Normal', 'RemovingNode', `Node ${nameOf(node)} event: Removing Node ${nameOf(node)} from Controller`);
  }

  #judgeSoon(node: Node): void {
    this.#judge(node).catch((error: unknown) => this.#context.host.log.debug('node is judged again at the next turn', { node: nameOf(node), error: messageOf(error) }));
  }

  async #monitor(): Promise<void> {
    const results = await Promise.allSettled(this.#nodes.lister.list().map((node) => this.#judge(node)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #judge(node: Node): Promise<void> {
    const key = nameOf(node);
    const nowMs = this.#context.host.clock.monotonicMs();
    const before = this.#probes.get(key);
    if (before === undefined) this.#context.recorder.event(node, 'Normal', 'RegisteredNode', `Node ${key} event: Registered Node ${key} in Controller`);
    const seen = probe(before, node, this.#leases.lister.get({ namespace: leaseNamespace, name: key }), nowMs);
    this.#probes.set(key, seen);
    if (this.#busy.has(key)) return;
    this.#busy.add(key);
    try {
      await this.#settle(node, seen, nowMs);
    } finally {
      this.#busy.delete(key);
    }
  }

  async #settle(cached: Node, seen: Probe, nowMs: number): Promise<void> {
    let node = cached;
    const { nodeMonitorGracePeriodMs, nodeStartupGracePeriodMs } = this.#context.config;
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    if (isSilent(node, seen, { gracePeriodMs: nodeMonitorGracePeriodMs, startupGracePeriodMs: nodeStartupGracePeriodMs }, nowMs) && ready !== 'Unknown') {
      node = await this.#markUnknown(node);
    }
    if (node.status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True') await this.#markPods(node);
    await this.#taint(node);
  }

  async #markUnknown(node: Node): Promise<Node> {
    const conditions = unknownConditions(node, this.#context.host.clock.nowMs());
    const updated = await this.#context.client.updateStatus(resources.nodes, { ...node, status: { ...node.status, conditions } });
    this.#probes.set(nameOf(node), probe(undefined, updated, this.#leases.lister.get({ namespace: leaseNamespace, name: nameOf(node) }), Number.NEGATIVE_INFINITY));
    this.#context.recorder.event(node, 'Normal', 'NodeNotReady', `Node ${nameOf(node)} status is now: NodeNotReady`);
    this.#context.host.log.warn('node has fallen silent', { node: nameOf(node) });
    return updated;
  }

  /** Its pods are no endpoints any more, though nobody there can say so. */
  async #markPods(node: Node): Promise<void> {
    for (const pod of this.#pods.lister.byIndex('node', nameOf(node))) {
      if (!isPodReady(pod) || isPodTerminal(pod)) continue;
      const now = rfc3339Seconds(this.#context.host.clock.nowMs());
      const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: now }];
      await this.#context.client.patch(resources.pods, objectKey(pod), 'strategic', { metadata: { uid: uidOf(pod) }, status: { conditions } }, { subresource: 'status' }).catch(ignoreGone);
      this.#context.recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    }
  }

  async #taint(node: Node): Promise<void> {
    const taints = wantedTaints(node, this.#context.host.clock.nowMs());
    if (sameTaints(taints, node.spec?.taints ?? [])) return;
    await this.#context.client.patch(resources.nodes, { name: nameOf(node) }, 'merge', {
      metadata: { uid: uidOf(node), resourceVersion: node.metadata?.resourceVersion }, spec: { taints: taints.length === 0 ? null : taints },
    }).catch(ignoreGone);
  }
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
