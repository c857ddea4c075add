import { objectKey, resources, type Lister } from '@coxswain/client';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { isDeleting, messageOf, nameOf } from '../common/object.ts';
import type { ControllerContext } from '../types.ts';
import { claimsFor, ordinalOf, podName } from './identity.ts';
import { claimOwners, isStale } from './retention.ts';

/** A claim of an earlier pod is still there: the pod has to wait until it is gone. */
export class StaleClaim extends Error {}

/** The claims of pods, written as the set's controller. */
export class Claims {
  readonly #context: ControllerContext;
  readonly #lister: Lister<PersistentVolumeClaim>;

  constructor(context: ControllerContext, lister: Lister<PersistentVolumeClaim>) {
    this.#context = context;
    this.#lister = lister;
  }

  /** Makes what is missing for the pod of this ordinal. Throws StaleClaim if it has to wait. */
  async ensure(set: StatefulSet, ordinal: number, pod: Pod | undefined): Promise<void> {
    for (const wanted of claimsFor(set, ordinal)) {
      const found = this.#lister.get(objectKey(wanted));
      if (found === undefined) await this.#create(set, wanted, podName(set, ordinal));
      else if (isDeleting(found) || isStale(found, podName(set, ordinal), pod)) throw new StaleClaim(`claim ${nameOf(found)} is being deleted`);
    }
  }

  async #create(set: StatefulSet, claim: PersistentVolumeClaim, pod: string): Promise<void> {
    const what = `create Claim ${nameOf(claim)} Pod ${pod} in StatefulSet ${nameOf(set)}`;
    try {
      await this.#context.client.create(resources.persistentvolumeclaims, claim);
      this.#context.recorder.event(set, 'Normal', 'SuccessfulCreate', `${what} success`);
    } catch (error) {
      this.#context.recorder.event(set, 'Warning', 'FailedCreate', `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }

  /** Gives the pod's claims the owners that the retention policy asks for. */
  async own(set: StatefulSet, pod: Pod, condemned: boolean): Promise<void> {
    for (const { metadata } of claimsFor(set, ordinalOf(set, pod) ?? 0)) {
      const claim = this.#lister.get(objectKey({ metadata }));
      if (claim === undefined || isStale(claim, nameOf(pod), pod)) continue;
      const ownerReferences = claimOwners(set, pod, claim, condemned);
      if (ownerReferences !== undefined) await this.#context.client.update(resources.persistentvolumeclaims, { ...claim, metadata: { ...claim.metadata, ownerReferences } });
    }
  }
}
