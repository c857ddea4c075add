import { done, isEmptySelector, isNotFound, keyOfObject, objectKey, resources, selectorMatches, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import type { ControllerRevision, DaemonSet } from 'kubernetes-types/apps/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { claim } from '../common/claim.ts';
import { Expectations } from '../common/expectations.ts';
import { deepEqual, generationOf, isDeleting, messageOf, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { controllerOf, newControllerRef } from '../common/owner.ts';
import { podIndex, podsForSelector, watchPods } from '../common/pod-handlers.ts';
import { podFromTemplate } from '../common/pods.ts';
import { newLoop, runLoop, type Loop } from '../common/run.ts';
import { slowStart } from '../common/slow-start.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { pinnedSpec, placementOn } from './placement.ts';
import { daemonStatus, planNodes, planUpdate, type DaemonPlan } from './plan.ts';
import { cleanUp, daemonRevisions, hashLabel } from './revisions.ts';

const name = 'daemonset-controller';
const burstReplicas = 250;

export const daemonSetController: Controller = { name, account: 'daemon-set-controller', start: (context) => new DaemonSetController(context).run };

class DaemonSetController {
  readonly #context: ControllerContext;
  readonly #sets: Informer<DaemonSet>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #expectations: Expectations;
  readonly #loop: Loop;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.informer(resources.daemonsets);
    this.#pods = context.informers.informer(resources.pods);
    this.#nodes = context.informers.informer(resources.nodes);
    this.#revisions = context.informers.informer(resources.controllerrevisions);
    this.#expectations = new Expectations(context.host.clock);
    this.#loop = newLoop(context, name);
    this.#watch();
    this.run = runLoop(context, name, this.#loop, (key) => this.#sync(key), 2);
  }

  #watch(): void {
    this.#sets.addHandler({
      added: (set) => this.#loop.enqueue(set), updated: (_before, set) => this.#loop.enqueue(set),
      deleted: (set) => {
        this.#expectations.forget(keyOfObject(set));
        this.#loop.enqueue(set);
      },
    });
    this.#nodes.addHandler({ added: (node) => this.#nodeChanged(undefined, node), updated: (before, node) => this.#nodeChanged(before, node), deleted: () => this.#all() });
    // One that is deleted is made again.
    this.#revisions.addHandler({ deleted: (revision) => {
      const key = this.#ownerKey(revision);
      if (key !== undefined) this.#loop.queue.add(key);
    } });
    podIndex(this.#pods);
    watchPods(this.#pods, {
      ownerKey: (pod) => this.#ownerKey(pod),
      matching: (pod) => this.#sets.lister.list({ namespace: namespaceOf(pod) })
        .filter((set) => !isEmptySelector(set.spec?.selector) && selectorMatches(set.spec?.selector, pod.metadata?.labels)).map(keyOfObject),
      created: (key) => this.#expectations.creationObserved(key),
      deleted: (key, pod) => this.#expectations.deletionObserved(key, keyOfObject(pod)),
      enqueue: (key) => this.#loop.queue.add(key),
      becameReady: (key) => {
        const seconds = this.#sets.lister.get(splitKey(key))?.spec?.minReadySeconds ?? 0;
        if (seconds > 0) this.#loop.queue.addAfter(key, (seconds + 1) * 1000);
      },
    });
  }

  #all(): void {
    for (const set of this.#sets.lister.list()) this.#loop.enqueue(set);
  }

  /** Heartbeats change nothing for anyone here. */
  #nodeChanged(before: Node | undefined, node: Node): void {
    for (const set of this.#sets.lister.list()) {
      const template = set.spec?.template ?? {};
      if (before === undefined || !deepEqual(placementOn(template, before), placementOn(template, node))) this.#loop.enqueue(set);
    }
  }

  #ownerKey(child: Pod | ControllerRevision): string | undefined {
    const reference = controllerOf(child);
    if (reference?.kind !== 'DaemonSet') return undefined;
    const set = this.#sets.lister.get({ namespace: namespaceOf(child), name: reference.name });
    return set !== undefined && uidOf(set) === reference.uid ? keyOfObject(set) : undefined;
  }

  async #sync(key: string): Promise<SyncResult> {
    const set = this.#sets.lister.get(splitKey(key));
    if (set === undefined) {
      this.#expectations.forget(key);
      return done;
    }
    const { selector } = set.spec ?? {};
    if (selector === undefined || isEmptySelector(selector)) {
      this.#context.recorder.event(set, 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.');
      return { kind: 'terminal', reason: 'empty selector' };
    }
    if (isDeleting(set)) return done;
    const revisions = await daemonRevisions(this.#context, set, this.#revisions.lister.list({ namespace: namespaceOf(set) }));
    const hash = revisions.current.metadata?.labels?.[hashLabel] ?? '';
    const pods = await claim({ client: this.#context.client, ownerType: resources.daemonsets, owner: set, selector, childType: resources.pods }, podsForSelector(this.#pods, set));
    const nodes = this.#nodes.lister.list();
    let error: unknown;
    if (this.#expectations.satisfied(key)) {
      const plan = planNodes(set, nodes, pods, hash);
      // The nodes first; an update only when each has what it needs.
      const settled = plan.create.length === 0 && plan.remove.length === 0;
      error = await this.#carryOut(key, set, settled ? planUpdate(set, nodes, pods, hash, this.#context.host.clock.nowMs()) : plan, hash);
      const liveHashes = new Set(pods.map((pod) => pod.metadata?.labels?.[hashLabel] ?? ''));
      if (settled) await cleanUp(this.#context, set, revisions.old, liveHashes);
    }
    return await this.#finish(set, nodes, pods, hash, error);
  }

  async #finish(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[], hash: string, error: unknown): Promise<SyncResult> {
    const status = daemonStatus(set, nodes, pods, hash, this.#context.host.clock.nowMs());
    const before = { updatedNumberScheduled: 0, numberAvailable: 0, numberUnavailable: 0, ...set.status };
    if (!deepEqual(before, status)) await this.#context.client.updateStatus(resources.daemonsets, { ...set, status });
    if (error !== undefined) throw error;
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    const waits = minReadySeconds > 0 && status.numberReady !== (status.numberAvailable ?? 0) && generationOf(set) === status.observedGeneration;
    return waits ? { kind: 'retry-after', delayMs: minReadySeconds * 1000 } : done;
  }

  async #carryOut(key: string, set: DaemonSet, plan: DaemonPlan, hash: string): Promise<unknown> {
    const create = plan.create.slice(0, burstReplicas);
    const remove = plan.remove.slice(0, burstReplicas);
    if (create.length === 0 && remove.length === 0) return undefined;
    this.#expectations.expect(key, { creations: create.length, deletions: remove.map(keyOfObject) });
    for (const pod of plan.failed) {
      this.#context.recorder.event(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${keyOfObject(pod)} on node ${pod.spec?.nodeName ?? ''}, will try to kill it`);
    }
    const { attempted, error } = await slowStart(create.length, (index) => this.#create(key, set, create[index] ?? '', hash));
    for (let skipped = attempted; skipped < create.length; skipped += 1) this.#expectations.creationObserved(key);
    const removed = await Promise.allSettled(remove.map((pod) => this.#remove(key, set, pod)));
    return error ?? removed.find((result) => result.status === 'rejected')?.reason;
  }

  async #create(key: string, set: DaemonSet, node: string, hash: string): Promise<void> {
    const template = set.spec?.template ?? {};
    const pod = podFromTemplate(template, namespaceOf(set), newControllerRef(resources.daemonsets, set));
    const labels = { ...pod.metadata?.labels, [hashLabel]: hash };
    try {
      const created = await this.#context.client.create(resources.pods, { ...pod, metadata: { ...pod.metadata, labels }, spec: pinnedSpec(pod.spec ?? { containers: [] }, node) });
      this.#context.recorder.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${nameOf(created)}`);
    } catch (error) {
      this.#expectations.creationObserved(key);
      this.#context.recorder.event(set, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  async #remove(key: string, set: DaemonSet, pod: Pod): Promise<void> {
    try {
      await this.#context.client.delete(resources.pods, objectKey(pod), { preconditions: { uid: uidOf(pod) } });
      this.#context.recorder.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${nameOf(pod)}`);
    } catch (error) {
      this.#expectations.deletionObserved(key, keyOfObject(pod));
      if (!isNotFound(error)) throw error;
    }
  }
}
