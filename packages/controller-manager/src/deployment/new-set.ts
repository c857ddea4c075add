import { isAlreadyExists, isNamespaceTerminating, objectKey, resources } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { Deployment, DeploymentCondition, ReplicaSet } from 'kubernetes-types/apps/v1';
import { conditionOf } from '../common/conditions.ts';
import { deepEqual, nameOf, namespaceOf } from '../common/object.ts';
import { isControlledBy, newControllerRef } from '../common/owner.ts';
import type { ControllerContext } from '../types.ts';
import { templateHash } from './hash.ts';
import { findNewSet, hashLabel, maxRevision, newSetAnnotations, replicaAnnotations, revisionAnnotation } from './revisions.ts';
import { desiredReplicas, maxSurge, newSetReplicas } from './scaling.ts';
import { hasDeadline, newCondition, reasons, setCondition } from './status.ts';

/** Finds or makes the ReplicaSet of the current template, and keeps its annotations and the deployment's revision right. */
export class NewSet {
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  async get(deployment: Deployment, sets: readonly ReplicaSet[], create: boolean): Promise<ReplicaSet | undefined> {
    const found = findNewSet(deployment, sets);
    const old = sets.filter((set) => set !== found);
    const revision = maxRevision(old) + 1n;
    if (found !== undefined) return await this.#bringUpToDate(deployment, found, revision);
    return create ? await this.#create(deployment, sets, revision) : undefined;
  }

  async #bringUpToDate(deployment: Deployment, set: ReplicaSet, revision: bigint): Promise<ReplicaSet> {
    const annotations = newSetAnnotations(deployment, set.metadata?.annotations ?? {}, revision);
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    let current = set;
    if (!deepEqual(annotations, set.metadata?.annotations ?? {}) || (set.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
      current = await this.#context.client.update(resources.replicasets, {
        ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, selector: set.spec?.selector ?? {}, minReadySeconds },
      });
    }
    await this.#markRevision(deployment, annotations[revisionAnnotation] ?? String(revision));
    if (hasDeadline(deployment) && conditionOf(deployment.status?.conditions, 'Progressing') === undefined) {
      await this.#addCondition(deployment, newCondition('Progressing', 'True', reasons.foundNewSet, `Found new replica set "${nameOf(set)}"`, this.#nowMs()));
    }
    return current;
  }

  #nowMs(): number {
    return this.#context.host.clock.nowMs();
  }

  /** Annotations are metadata: no generation is raised by it. */
  async #markRevision(deployment: Deployment, revision: string): Promise<void> {
    const annotations = deployment.metadata?.annotations ?? {};
    if (annotations[revisionAnnotation] === revision) return;
    const updated = await this.#context.client.update(resources.deployments, {
      ...deployment, metadata: { ...deployment.metadata, annotations: { ...annotations, [revisionAnnotation]: revision } },
    });
    Object.assign(deployment, { metadata: updated.metadata });
  }

  async #addCondition(deployment: Deployment, condition: DeploymentCondition): Promise<void> {
    const conditions = setCondition(deployment.status?.conditions ?? [], condition);
    const updated = await this.#context.client.updateStatus(resources.deployments, { ...deployment, status: { ...deployment.status, conditions } });
    Object.assign(deployment, { metadata: updated.metadata, status: updated.status });
  }

  async #create(deployment: Deployment, sets: readonly ReplicaSet[], revision: bigint): Promise<ReplicaSet | undefined> {
    const set = this.#template(deployment, sets, revision);
    try {
      const created = await this.#context.client.create(resources.replicasets, set);
      const replicas = set.spec?.replicas ?? 0;
      if (replicas > 0) this.#context.recorder.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${nameOf(created)} from 0 to ${replicas}`);
      await this.#markRevision(deployment, String(revision));
      if (hasDeadline(deployment)) {
        await this.#addCondition(deployment, newCondition('Progressing', 'True', reasons.newSetCreated, `Created new replica set "${nameOf(created)}"`, this.#nowMs()));
      }
      return created;
    } catch (error) {
      if (isAlreadyExists(error)) return await this.#collision(deployment, set, revision, error);
      if (isNamespaceTerminating(error)) return undefined;
      const message = `Failed to create new replica set "${nameOf(set)}": ${error instanceof Error ? error.message : String(error)}`;
      if (hasDeadline(deployment)) await this.#addCondition(deployment, newCondition('Progressing', 'False', reasons.createError, message, this.#nowMs()));
      this.#context.recorder.event(deployment, 'Warning', reasons.createError, message);
      throw error;
    }
  }

  /** Either our own cache is behind, or two templates have the same hash. */
  async #collision(deployment: Deployment, wanted: ReplicaSet, revision: bigint, error: unknown): Promise<ReplicaSet> {
    const live = await this.#context.client.get(resources.replicasets, objectKey(wanted));
    if (isControlledBy(live, deployment) && findNewSet(deployment, [live]) !== undefined) return await this.#bringUpToDate(deployment, live, revision);
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await this.#context.client.updateStatus(resources.deployments, { ...deployment, status: { ...deployment.status, collisionCount } });
    this.#context.host.log.info('hash collision, the next try has another name', { deployment: nameOf(deployment), at: rfc3339Seconds(this.#nowMs()) });
    throw error;
  }

  #template(deployment: Deployment, sets: readonly ReplicaSet[], revision: bigint): ReplicaSet {
    const { template, selector, minReadySeconds } = deployment.spec ?? {};
    const hash = templateHash(template, deployment.status?.collisionCount);
    const labels = { ...template?.metadata?.labels, [hashLabel]: hash };
    const replicas = newSetReplicas(deployment, sets, 0);
    return {
      metadata: {
        name: `${nameOf(deployment)}-${hash}`, namespace: namespaceOf(deployment), labels, ownerReferences: [newControllerRef(resources.deployments, deployment)],
        annotations: newSetAnnotations(deployment, replicaAnnotations(desiredReplicas(deployment), desiredReplicas(deployment) + maxSurge(deployment)), revision),
      },
      spec: {
        replicas, ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
        selector: { ...selector, matchLabels: { ...selector?.matchLabels, [hashLabel]: hash } },
        template: { ...template, metadata: { ...template?.metadata, labels } },
      },
    };
  }
}
