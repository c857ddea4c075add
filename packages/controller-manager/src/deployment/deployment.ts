import { done, isEmptySelector, isNotFound, objectKey, resources, selectorMatches, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import type { Deployment, DeploymentStatus, ReplicaSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { claim } from '../common/claim.ts';
import { conditionOf } from '../common/conditions.ts';
import { byCreation, deepEqual, generationOf, isDeleting, nameOf, namespaceOf, sum, uidOf } from '../common/object.ts';
import { controllerOf } from '../common/owner.ts';
import { podIndex } from '../common/pod-handlers.ts';
import { isPodTerminal } from '../common/pods.ts';
import { newLoop, runLoop, type Loop } from '../common/run.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { NewSet } from './new-set.ts';
import { desiredAnnotation, maxAnnotation, replicaAnnotations, revisionOf } from './revisions.ts';
import { desiredReplicas, isScalingEvent, maxSurge, newSetReplicas, proportionalScale, replicasOf, shrinkOldSets } from './scaling.ts';
import { countStatus, deadlineMs, hasDeadline, isComplete, newCondition, reasons, rolloutStatus, setCondition } from './status.ts';

const name = 'deployment-controller';

export const deploymentController: Controller = { name, account: name, start: (context) => new DeploymentController(context).run };

/** All sets of one deployment, in the state in which this pass found or put them. */
interface Sets { readonly newSet: ReplicaSet | undefined; readonly old: readonly ReplicaSet[] }

class DeploymentController {
  readonly #context: ControllerContext;
  readonly #deployments: Informer<Deployment>;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #loop: Loop;
  readonly #newSet: NewSet;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#deployments = context.informers.informer(resources.deployments);
    this.#sets = context.informers.informer(resources.replicasets);
    this.#pods = context.informers.informer(resources.pods);
    this.#loop = newLoop(context, name);
    this.#newSet = new NewSet(context);
    podIndex(this.#pods);
    this.#watch();
    this.run = runLoop(context, name, this.#loop, (key) => this.#sync(key));
  }

  #watch(): void {
    const enqueue = (deployment: Deployment): void => this.#loop.enqueue(deployment);
    this.#deployments.addHandler({ added: enqueue, updated: (_before, after) => enqueue(after), deleted: enqueue });
    const ownerOfSet = (set: ReplicaSet): void => {
      const owner = this.#owner(set);
      if (owner !== undefined) enqueue(owner);
      else if (controllerOf(set) === undefined) for (const matching of this.#matching(set)) enqueue(matching);
    };
    this.#sets.addHandler({
      added: ownerOfSet,
      updated: (before, after) => {
        if (controllerOf(before)?.uid !== controllerOf(after)?.uid) ownerOfSet(before);
        ownerOfSet(after);
      },
      deleted: ownerOfSet,
    });
    // Recreate waits for the last old pod.
    this.#pods.addHandler({ deleted: (pod) => {
      const owner = this.#ownerOfPod(pod);
      if (owner?.spec?.strategy?.type === 'Recreate') enqueue(owner);
    } });
  }

  #owner(set: ReplicaSet): Deployment | undefined {
    const reference = controllerOf(set);
    if (reference?.kind !== 'Deployment') return undefined;
    const found = this.#deployments.lister.get({ namespace: namespaceOf(set), name: reference.name });
    return found !== undefined && uidOf(found) === reference.uid ? found : undefined;
  }

  #ownerOfPod(pod: Pod): Deployment | undefined {
    const reference = controllerOf(pod);
    if (reference?.kind !== 'ReplicaSet') return undefined;
    const set = this.#sets.lister.get({ namespace: namespaceOf(pod), name: reference.name });
    return set === undefined ? undefined : this.#owner(set);
  }

  #matching(set: ReplicaSet): Deployment[] {
    return this.#deployments.lister.list({ namespace: namespaceOf(set) })
      .filter((deployment) => !isEmptySelector(deployment.spec?.selector) && selectorMatches(deployment.spec?.selector, set.metadata?.labels));
  }

  async #sync(key: string): Promise<SyncResult> {
    const cached = this.#deployments.lister.get(splitKey(key));
    if (cached === undefined) return done;
    const deployment = structuredClone(cached);
    const { selector } = deployment.spec ?? {};
    if (selector === undefined || isEmptySelector(selector)) {
      this.#context.recorder.event(deployment, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
      return { kind: 'terminal', reason: 'empty selector' };
    }
    const candidates = this.#sets.lister.list({ namespace: namespaceOf(deployment) });
    const sets = await claim({ client: this.#context.client, ownerType: resources.deployments, owner: deployment, selector, childType: resources.replicasets }, candidates);
    if (isDeleting(deployment)) return await this.#finish(deployment, await this.#find(deployment, sets, false), 'count');
    await this.#markPaused(deployment);
    if (deployment.spec?.paused === true || isScalingEvent(deployment, sets)) return await this.#scaleOnly(deployment, sets);
    return deployment.spec?.strategy?.type === 'Recreate' ? await this.#recreate(deployment, sets) : await this.#roll(deployment, sets);
  }

  async #find(deployment: Deployment, sets: readonly ReplicaSet[], create: boolean): Promise<Sets> {
    const newSet = await this.#newSet.get(deployment, sets, create);
    return { newSet, old: sets.filter((set) => uidOf(set) !== (newSet === undefined ? '' : uidOf(newSet))) };
  }

  #all(sets: Sets): ReplicaSet[] {
    return sets.newSet === undefined ? [...sets.old] : [...sets.old, sets.newSet];
  }

  /** Time in which a deployment is paused does not count against its deadline. */
  async #markPaused(deployment: Deployment): Promise<void> {
    const current = conditionOf(deployment.status?.conditions, 'Progressing');
    if (!hasDeadline(deployment) || current?.reason === reasons.timedOut) return;
    const paused = deployment.spec?.paused === true;
    const marked = current?.reason === reasons.paused;
    if (paused === marked) return;
    const next = paused ? newCondition('Progressing', 'Unknown', reasons.paused, 'Deployment is paused', this.#context.host.clock.nowMs())
      : newCondition('Progressing', 'Unknown', reasons.resumed, 'Deployment is resumed', this.#context.host.clock.nowMs());
    const conditions = setCondition(deployment.status?.conditions ?? [], next);
    const updated = await this.#context.client.updateStatus(resources.deployments, { ...deployment, status: { ...deployment.status, conditions } });
    Object.assign(deployment, { metadata: updated.metadata, status: updated.status });
  }

  async #roll(deployment: Deployment, found: readonly ReplicaSet[]): Promise<SyncResult> {
    const sets = await this.#find(deployment, found, true);
    if (sets.newSet === undefined) return done;
    const target = replicasOf(sets.newSet) > desiredReplicas(deployment) ? desiredReplicas(deployment) : newSetReplicas(deployment, this.#all(sets), replicasOf(sets.newSet));
    if (target !== replicasOf(sets.newSet)) {
      const newSet = await this.#scale(deployment, sets.newSet, target);
      return await this.#finish(deployment, { ...sets, newSet }, 'rollout');
    }
    const shrinking = shrinkOldSets(deployment, sets.newSet, sets.old);
    if (shrinking.length > 0) {
      const shrunk = new Map<ReplicaSet, ReplicaSet>();
      for (const { set, replicas } of shrinking) shrunk.set(set, await this.#scale(deployment, set, replicas));
      return await this.#finish(deployment, { ...sets, old: sets.old.map((set) => shrunk.get(set) ?? set) }, 'rollout');
    }
    return await this.#finishWithCleanup(deployment, sets);
  }

  async #recreate(deployment: Deployment, found: readonly ReplicaSet[]): Promise<SyncResult> {
    let sets = await this.#find(deployment, found, false);
    const active = sets.old.filter((set) => replicasOf(set) > 0);
    for (const set of active) await this.#scale(deployment, set, 0);
    if (active.length > 0 || this.#oldPodsRun(sets.old)) return await this.#finish(deployment, sets, 'rollout');
    sets = await this.#find(deployment, found, true);
    if (sets.newSet !== undefined && replicasOf(sets.newSet) !== desiredReplicas(deployment)) {
      sets = { ...sets, newSet: await this.#scale(deployment, sets.newSet, desiredReplicas(deployment)) };
    }
    return await this.#finishWithCleanup(deployment, sets);
  }

  #oldPodsRun(old: readonly ReplicaSet[]): boolean {
    if (sum(old, (set) => set.status?.replicas) > 0) return true;
    return old.some((set) => this.#pods.lister.byIndex('controllerUid', uidOf(set)).some((pod) => !isPodTerminal(pod)));
  }

  async #finishWithCleanup(deployment: Deployment, sets: Sets): Promise<SyncResult> {
    if (isComplete(deployment, countStatus(deployment, this.#all(sets), sets.newSet, this.#context.host.clock.nowMs()))) await this.#cleanUp(deployment, sets.old);
    return await this.#finish(deployment, sets, 'rollout');
  }

  /** Paused, or the size was changed: sizes follow, the template does not. */
  async #scaleOnly(deployment: Deployment, found: readonly ReplicaSet[]): Promise<SyncResult> {
    const sets = await this.#find(deployment, found, false);
    await this.#scaleSets(deployment, sets);
    if (deployment.spec?.paused === true) await this.#cleanUp(deployment, sets.old);
    return await this.#finish(deployment, sets, 'count');
  }

  async #scaleSets(deployment: Deployment, sets: Sets): Promise<void> {
    const desired = desiredReplicas(deployment);
    const active = this.#all(sets).filter((set) => replicasOf(set) > 0);
    const only = active.length === 0 ? sets.newSet ?? sets.old.toSorted(byCreation).at(-1) : active.length === 1 ? active[0] : undefined;
    if (only !== undefined) {
      await this.#scale(deployment, only, desired);
      return;
    }
    if (active.length === 0) return;
    const { newSet } = sets;
    const saturated = newSet !== undefined && replicasOf(newSet) === desired && newSet.metadata?.annotations?.[desiredAnnotation] === String(desired) && newSet.status?.availableReplicas === desired;
    if (saturated) {
      for (const set of sets.old) if (replicasOf(set) > 0) await this.#scale(deployment, set, 0);
      return;
    }
    if (deployment.spec?.strategy?.type === 'Recreate') return;
    for (const { set, replicas } of proportionalScale(deployment, this.#all(sets))) await this.#scale(deployment, set, replicas);
  }

  /** Also renews the annotations, by which a change of the deployment's size is told from a rollout. */
  async #scale(deployment: Deployment, set: ReplicaSet, replicas: number): Promise<ReplicaSet> {
    const before = replicasOf(set);
    const annotations = replicaAnnotations(desiredReplicas(deployment), desiredReplicas(deployment) + maxSurge(deployment));
    const have = set.metadata?.annotations ?? {};
    if (before === replicas && have[desiredAnnotation] === annotations[desiredAnnotation] && have[maxAnnotation] === annotations[maxAnnotation]) return set;
    const scaled = await this.#context.client.update(resources.replicasets, {
      ...set, metadata: { ...set.metadata, annotations: { ...have, ...annotations } }, spec: { ...set.spec, selector: set.spec?.selector ?? {}, replicas },
    });
    if (before !== replicas) {
      this.#context.recorder.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled ${before < replicas ? 'up' : 'down'} replica set ${nameOf(set)} from ${before} to ${replicas}`);
    }
    return scaled;
  }

  async #cleanUp(deployment: Deployment, old: readonly ReplicaSet[]): Promise<void> {
    const limit = deployment.spec?.revisionHistoryLimit ?? 10;
    const alive = old.filter((set) => !isDeleting(set)).toSorted((a, b) => Number(revisionOf(a) - revisionOf(b)) || byCreation(a, b));
    for (const set of alive.slice(0, Math.max(0, alive.length - limit))) {
      if ((set.status?.replicas ?? 0) !== 0 || replicasOf(set) !== 0 || generationOf(set) > (set.status?.observedGeneration ?? 0)) continue;
      await this.#context.client.delete(resources.replicasets, objectKey(set), { preconditions: { uid: uidOf(set) } }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
  }

  /** Writes the status; a rollout also minds its deadline. */
  async #finish(deployment: Deployment, sets: Sets, how: 'count' | 'rollout'): Promise<SyncResult> {
    const nowMs = this.#context.host.clock.nowMs();
    const all = this.#all(sets);
    const status = how === 'count' ? countStatus(deployment, all, sets.newSet, nowMs) : rolloutStatus(deployment, all, sets.newSet, nowMs);
    const changed = !deepEqual(status, withZeros(deployment.status));
    if (changed) await this.#context.client.updateStatus(resources.deployments, { ...deployment, status });
    if (how === 'count' || changed || isComplete(deployment, status)) return done;
    const progress = conditionOf(status.conditions, 'Progressing');
    const deadline = progress?.reason === reasons.timedOut ? undefined : deadlineMs(deployment, progress);
    return deadline === undefined ? done : { kind: 'retry-after', delayMs: Math.max(1000, deadline - nowMs + 1000) };
  }
}

/** The server leaves out what is zero. */
function withZeros(status: DeploymentStatus | undefined): DeploymentStatus {
  return { replicas: 0, updatedReplicas: 0, readyReplicas: 0, availableReplicas: 0, unavailableReplicas: 0, conditions: [], ...status };
}

