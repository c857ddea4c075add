import {
  done, isEmptySelector, isNamespaceTerminating, isNotFound, keyOf, keyOfObject, objectKey, resources, selectorMatches, splitKey, type Informer, type SyncResult,
} from '@coxswain/client';
import type { ReplicaSet, ReplicaSetStatus } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { claim } from '../common/claim.ts';
import { Expectations } from '../common/expectations.ts';
import { deepEqual, isDeleting, messageOf, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { controllerOf, newControllerRef } from '../common/owner.ts';
import { podIndex, podsForSelector, watchPods } from '../common/pod-handlers.ts';
import { isPodActive, podFromTemplate } from '../common/pods.ts';
import { newLoop, runLoop, type Loop } from '../common/run.ts';
import { slowStart } from '../common/slow-start.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { replicaSetKind, replicationControllerKind, type ReplicaKind } from './kind.ts';
import { rankForDeletion } from './ranking.ts';
import { replicaSetStatus, type ManageFailure } from './status.ts';

/** At most so many pods are created or deleted in one pass. */
const burstReplicas = 500;

function controllerFor(kind: ReplicaKind): Controller {
  return { name: kind.controller, account: kind.account, start: (context) => new ReplicaSetController(context, kind).run };
}

export const replicaSetController = controllerFor(replicaSetKind);
export const replicationController = controllerFor(replicationControllerKind);

class ReplicaSetController {
  readonly #context: ControllerContext;
  readonly #kind: ReplicaKind;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #expectations: Expectations;
  readonly #loop: Loop;
  readonly run: Run;

  constructor(context: ControllerContext, kind: ReplicaKind) {
    this.#context = context;
    this.#kind = kind;
    this.#sets = context.informers.informer(kind.type);
    this.#pods = context.informers.informer(resources.pods);
    this.#expectations = new Expectations(context.host.clock);
    this.#loop = newLoop(context, kind.controller);
    this.#watch();
    this.run = runLoop(context, kind.controller, this.#loop, (key) => this.#sync(key));
  }

  #watch(): void {
    this.#sets.addHandler({
      added: (set) => this.#loop.enqueue(set),
      updated: (_before, set) => this.#loop.enqueue(set),
      deleted: (set) => {
        this.#expectations.forget(keyOfObject(set));
        this.#loop.enqueue(set);
      },
    });
    podIndex(this.#pods);
    watchPods(this.#pods, {
      ownerKey: (pod) => this.#ownerKey(pod),
      matching: (pod) => this.#matching(pod),
      created: (key) => this.#expectations.creationObserved(key),
      deleted: (key, pod) => this.#expectations.deletionObserved(key, keyOfObject(pod)),
      enqueue: (key) => this.#loop.queue.add(key),
      becameReady: (key) => this.#availableLater(key),
    });
  }

  #ownerKey(pod: Pod): string | undefined {
    const reference = controllerOf(pod);
    if (reference === undefined || reference.kind !== this.#kind.type.kind) return undefined;
    const set = this.#sets.lister.get({ namespace: namespaceOf(pod), name: reference.name });
    return set !== undefined && uidOf(set) === reference.uid ? keyOfObject(set) : undefined;
  }

  #matching(pod: Pod): string[] {
    return this.#sets.lister.list({ namespace: namespaceOf(pod) }).map((set) => this.#kind.view(set))
      .filter((set) => !isEmptySelector(set.spec?.selector) && selectorMatches(set.spec?.selector, pod.metadata?.labels)).map(keyOfObject);
  }

  /** Availability comes by time alone: nobody will tell. */
  #availableLater(key: string): void {
    const seconds = this.#sets.lister.get(splitKey(key))?.spec?.minReadySeconds ?? 0;
    if (seconds > 0) this.#loop.queue.addAfter(key, (seconds + 1) * 1000);
  }

  async #sync(key: string): Promise<SyncResult> {
    const stored = this.#sets.lister.get(splitKey(key));
    if (stored === undefined) {
      this.#expectations.forget(key);
      return done;
    }
    const set = this.#kind.view(stored);
    const maySettle = this.#expectations.satisfied(key);
    const { selector } = set.spec ?? {};
    if (selector === undefined) return { kind: 'terminal', reason: 'no selector' };
    const candidates = podsForSelector(this.#pods, set).filter(isPodActive);
    const pods = await claim({ client: this.#context.client, ownerType: this.#kind.type, owner: stored, selector, childType: resources.pods }, candidates);
    const failure = maySettle && !isDeleting(set) ? await this.#manage(key, set, pods) : undefined;
    const status = await this.#updateStatus(stored, set, pods, failure?.failure);
    if (failure !== undefined) throw failure.error;
    const { replicas = 1, minReadySeconds = 0 } = set.spec ?? {};
    const waits = minReadySeconds > 0 && status.readyReplicas === replicas && status.availableReplicas !== replicas;
    return waits ? { kind: 'retry-after', delayMs: minReadySeconds * 1000 } : done;
  }

  async #manage(key: string, set: ReplicaSet, pods: readonly Pod[]): Promise<{ readonly failure: ManageFailure; readonly error: unknown } | undefined> {
    const missing = (set.spec?.replicas ?? 1) - pods.length;
    if (missing === 0) return undefined;
    const error = missing > 0 ? await this.#create(key, set, Math.min(missing, burstReplicas)) : await this.#delete(key, set, pods, Math.min(-missing, burstReplicas));
    if (error === undefined) return undefined;
    return { error, failure: { reason: missing > 0 ? 'FailedCreate' : 'FailedDelete', message: messageOf(error) } };
  }

  async #create(key: string, set: ReplicaSet, count: number): Promise<unknown> {
    const { template } = set.spec ?? {};
    if (template === undefined) return undefined;
    this.#expectations.expect(key, { creations: count });
    const owner = newControllerRef(this.#kind.type, set);
    const { attempted, error } = await slowStart(count, async () => {
      try {
        const pod = await this.#context.client.create(resources.pods, podFromTemplate(template, namespaceOf(set), owner));
        this.#event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${nameOf(pod)}`);
      } catch (failure) {
        this.#expectations.creationObserved(key);
        // The namespace is going away and this set with it.
        if (isNamespaceTerminating(failure)) return;
        this.#event(set, 'Warning', 'FailedCreate', `Error creating: ${messageOf(failure)}`);
        throw failure;
      }
    });
    // What the batches never came to will not be seen; a failed create was taken back where it failed.
    for (let skipped = attempted; skipped < count; skipped += 1) this.#expectations.creationObserved(key);
    return error;
  }

  async #delete(key: string, set: ReplicaSet, pods: readonly Pod[], count: number): Promise<unknown> {
    const going = rankForDeletion(pods, this.#related(set), this.#context.host.clock.nowMs()).slice(0, count);
    this.#expectations.expect(key, { deletions: going.map(keyOfObject) });
    const results = await Promise.allSettled(going.map(async (pod) => {
      try {
        await this.#context.client.delete(resources.pods, objectKey(pod), { preconditions: { uid: uidOf(pod) } });
        this.#event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${nameOf(pod)}`);
      } catch (error) {
        this.#expectations.deletionObserved(key, keyOfObject(pod));
        if (isNotFound(error)) return;
        this.#event(set, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
        throw error;
      }
    }));
    return results.find((result) => result.status === 'rejected')?.reason;
  }

  /** The pods of every set of the same owner (a Deployment): crowded nodes are emptied first. */
  #related(set: ReplicaSet): Pod[] {
    const owner = controllerOf(set);
    const uids = owner === undefined ? [uidOf(set)]
      : this.#sets.lister.list({ namespace: namespaceOf(set) }).filter((other) => controllerOf(other)?.uid === owner.uid).map(uidOf);
    return uids.flatMap((uid) => this.#pods.lister.byIndex('controllerUid', uid));
  }

  #event(set: ReplicaSet, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.recorder.event(set, type, reason, message);
  }

  async #updateStatus(stored: ReplicaSet, set: ReplicaSet, pods: readonly Pod[], failure: ManageFailure | undefined): Promise<ReplicaSetStatus> {
    const status = replicaSetStatus(set, pods, failure, this.#context.host.clock.nowMs());
    const before = { fullyLabeledReplicas: 0, readyReplicas: 0, availableReplicas: 0, conditions: [], ...stored.status };
    if (deepEqual(before, status)) return status;
    try {
      await this.#context.client.updateStatus(this.#kind.type, { ...stored, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#context.host.log.debug('the object of a status is gone', { key: keyOf(objectKey(stored)) });
    }
    return status;
  }
}
