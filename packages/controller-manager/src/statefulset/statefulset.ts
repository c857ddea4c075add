import { done, isNotFound, keyOfObject, objectKey, resources, selectorMatches, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import type { ControllerRevision, StatefulSet } from 'kubernetes-types/apps/v1';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { claim } from '../common/claim.ts';
import { currentRevision, templateOf, trimHistory, type Revisions } from '../common/history.ts';
import { deepEqual, isDeleting, messageOf, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { controllerOf } from '../common/owner.ts';
import { podIndex, podsForSelector, watchPods } from '../common/pod-handlers.ts';
import { newLoop, runLoop, type Loop } from '../common/run.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { Claims, StaleClaim } from './claims.ts';
import { identityLabels, ordinalOf, podName, statefulPod } from './identity.ts';
import { placesOf, planSteps, revisionOf, type Revisioned, type Step } from './plan.ts';
import { statefulSetStatus } from './status.ts';

const name = 'statefulset-controller';
const hashLabel = 'controller.kubernetes.io/hash';

export const statefulSetController: Controller = { name, account: name, start: (context) => new StatefulSetController(context).run };

/** Names are fixed, so a cache that lags cannot make it create twice: the server refuses the second. */
class StatefulSetController {
  readonly #context: ControllerContext;
  readonly #sets: Informer<StatefulSet>;
  readonly #pods: Informer<Pod>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #claims: Claims;
  readonly #loop: Loop;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.informer(resources.statefulsets);
    this.#pods = context.informers.informer(resources.pods);
    this.#revisions = context.informers.informer(resources.controllerrevisions);
    const claims = context.informers.informer(resources.persistentvolumeclaims);
    this.#claims = new Claims(context, claims.lister);
    this.#loop = newLoop(context, name);
    this.#watch(claims);
    this.run = runLoop(context, name, this.#loop, (key) => this.#sync(key));
  }

  #watch(claims: Informer<PersistentVolumeClaim>): void {
    const enqueue = (set: StatefulSet): void => this.#loop.enqueue(set);
    this.#sets.addHandler({ added: enqueue, updated: (_before, set) => enqueue(set), deleted: enqueue });
    podIndex(this.#pods);
    watchPods(this.#pods, {
      ownerKey: (pod) => this.#ownerKey(pod),
      matching: (pod) => this.#sets.lister.list({ namespace: namespaceOf(pod) })
        .filter((set) => ordinalOf(set, pod) !== undefined && selectorMatches(set.spec?.selector, pod.metadata?.labels)).map(keyOfObject),
      created: () => undefined, deleted: () => undefined,
      enqueue: (key) => this.#loop.queue.add(key),
      becameReady: (key) => {
        const seconds = this.#sets.lister.get(splitKey(key))?.spec?.minReadySeconds ?? 0;
        if (seconds > 0) this.#loop.queue.addAfter(key, (seconds + 1) * 1000);
      },
    });
    // A pod may wait for an old claim to go, and a claim for a pod that owns it.
    const claimChanged = (changed: PersistentVolumeClaim): void => {
      for (const set of this.#sets.lister.list({ namespace: namespaceOf(changed) })) {
        if ((set.spec?.volumeClaimTemplates ?? []).some((template) => nameOf(changed).startsWith(`${nameOf(template)}-${nameOf(set)}-`))) enqueue(set);
      }
    };
    claims.addHandler({ added: claimChanged, deleted: claimChanged });
  }

  #ownerKey(pod: Pod): string | undefined {
    const reference = controllerOf(pod);
    if (reference?.kind !== 'StatefulSet') return undefined;
    const set = this.#sets.lister.get({ namespace: namespaceOf(pod), name: reference.name });
    return set !== undefined && uidOf(set) === reference.uid ? keyOfObject(set) : undefined;
  }

  async #sync(key: string): Promise<SyncResult> {
    const set = this.#sets.lister.get(splitKey(key));
    if (set === undefined) return done;
    const { selector } = set.spec ?? {};
    if (selector === undefined) return { kind: 'terminal', reason: 'no selector' };
    const candidates = podsForSelector(this.#pods, set).filter((pod) => ordinalOf(set, pod) !== undefined);
    const pods = await claim({ client: this.#context.client, ownerType: resources.statefulsets, owner: set, selector, childType: resources.pods }, candidates);
    const history = await this.#history(set);
    const all = [history.current, ...history.old];
    const current = all.find((revision) => nameOf(revision) === set.status?.currentRevision) ?? history.current;
    const revisions: Revisioned = { current: nameOf(current), update: nameOf(history.current) };
    const error = isDeleting(set) ? undefined : await this.#settle(set, pods, revisions, all);
    const status = await this.#updateStatus(set, pods, revisions);
    if (error !== undefined && !(error instanceof StaleClaim)) throw error;
    const used = new Set([revisions.current, revisions.update, status.currentRevision, ...pods.map(revisionOf)]);
    await trimHistory(this.#context, history.old, set.spec?.revisionHistoryLimit ?? 10, (revision) => used.has(nameOf(revision)));
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    return minReadySeconds > 0 && status.availableReplicas !== status.readyReplicas ? { kind: 'retry-after', delayMs: minReadySeconds * 1000 } : done;
  }

  async #history(set: StatefulSet): Promise<Revisions> {
    const collisionCount = set.status?.collisionCount;
    return await currentRevision(this.#context, {
      type: resources.statefulsets, owner: set, selector: set.spec?.selector ?? {}, template: set.spec?.template, collisionCount, hashLabel,
      collided: () => this.#context.client.updateStatus(resources.statefulsets, { ...set, status: { replicas: 0, ...set.status, collisionCount: (collisionCount ?? 0) + 1 } }),
    }, this.#revisions.lister.list({ namespace: namespaceOf(set) }));
  }

  /** Answers the first error; the status is written whatever happens. */
  async #settle(set: StatefulSet, pods: readonly Pod[], revisions: Revisioned, all: readonly ControllerRevision[]): Promise<unknown> {
    try {
      for (const pod of placesOf(set, pods).wanted) if (pod !== undefined && !isDeleting(pod)) await this.#repair(set, pod);
      const steps = planSteps(set, pods, revisions, this.#context.host.clock.nowMs());
      const results = await Promise.allSettled(steps.map((step) => (step.kind === 'create' ? this.#create(set, step, all) : this.#delete(set, step))));
      return results.find((result) => result.status === 'rejected')?.reason;
    } catch (error) {
      return error;
    }
  }

  /** An adopted pod may lack labels, and one that waits may lack a claim that somebody deleted. */
  async #repair(set: StatefulSet, pod: Pod): Promise<void> {
    const ordinal = ordinalOf(set, pod) ?? 0;
    const labels = identityLabels(set, ordinal);
    if (Object.entries(labels).some(([label, value]) => pod.metadata?.labels?.[label] !== value)) {
      await this.#context.client.patch(resources.pods, objectKey(pod), 'merge', { metadata: { uid: uidOf(pod), labels } });
    }
    if (pod.status?.phase === 'Pending') await this.#claims.ensure(set, ordinal, pod);
    await this.#claims.own(set, pod, false);
  }

  async #create(set: StatefulSet, { ordinal, revision }: Extract<Step, { kind: 'create' }>, all: readonly ControllerRevision[]): Promise<void> {
    const source = all.find((one) => nameOf(one) === revision);
    const template = source === undefined ? set.spec?.template ?? {} : templateOf(source);
    const what = `create Pod ${podName(set, ordinal)} in StatefulSet ${nameOf(set)}`;
    await this.#claims.ensure(set, ordinal, undefined);
    try {
      await this.#context.client.create(resources.pods, statefulPod(set, template, revision, ordinal));
      this.#context.recorder.event(set, 'Normal', 'SuccessfulCreate', `${what} successful`);
    } catch (error) {
      this.#context.recorder.event(set, 'Warning', 'FailedCreate', `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }

  async #delete(set: StatefulSet, { pod, why }: Extract<Step, { kind: 'delete' }>): Promise<void> {
    const what = `delete Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)}`;
    if (why === 'ended') this.#eventOfEnd(set, pod);
    if (why === 'condemned') await this.#claims.own(set, pod, true);
    try {
      await this.#context.client.delete(resources.pods, objectKey(pod), { preconditions: { uid: uidOf(pod) } });
      this.#context.recorder.event(set, 'Normal', 'SuccessfulDelete', `${what} successful`);
    } catch (error) {
      if (isNotFound(error)) return;
      this.#context.recorder.event(set, 'Warning', 'FailedDelete', `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }

  #eventOfEnd(set: StatefulSet, pod: Pod): void {
    const failed = pod.status?.phase === 'Failed';
    this.#context.recorder.event(set, failed ? 'Warning' : 'Normal', failed ? 'RecreatingFailedPod' : 'RecreatingTerminatedPod',
      `StatefulSet ${keyOfObject(set)} is recreating ${failed ? 'failed' : 'terminated'} Pod ${nameOf(pod)}`);
  }

  async #updateStatus(set: StatefulSet, pods: readonly Pod[], revisions: Revisioned): Promise<NonNullable<StatefulSet['status']>> {
    const status = statefulSetStatus(set, pods, revisions, this.#context.host.clock.nowMs());
    const before = { readyReplicas: 0, currentReplicas: 0, updatedReplicas: 0, availableReplicas: 0, ...set.status };
    if (deepEqual(before, status)) return status;
    await this.#context.client.updateStatus(resources.statefulsets, { ...set, status }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    return status;
  }
}
