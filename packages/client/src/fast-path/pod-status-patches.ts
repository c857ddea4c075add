import { utf8 } from '@coxswain/host';
import { resources } from '../resources.ts';
import type { Client } from '../types.ts';
import { Together } from './together.ts';

/** A strategic merge patch of a pod's status. */
export interface PodStatusPatch {
  readonly namespace: string;
  readonly name: string;
  /** Another pod of this name is not patched. */
  readonly uid: string;
  readonly status: unknown;
}

/** Patches of pods' statuses, many to a call. */
export class PodStatusPatches {
  readonly #patches: Together<PodStatusPatch>;

  constructor(client: Client) {
    const patchOf = ({ uid, status }: PodStatusPatch): object => ({ metadata: { uid }, status });
    this.#patches = new Together(client, {
      itemOf: (one) => ({ namespace: one.namespace, name: one.name, status: { apiVersion: 'v1', resource: 'pods', patchType: 'application/strategic-merge-patch+json', body: utf8(JSON.stringify(patchOf(one))) } }),
      single: async (one) => { await client.patch(resources.pods, { namespace: one.namespace, name: one.name }, 'strategic', patchOf(one), { subresource: 'status' }); },
    });
  }

  patch(one: PodStatusPatch): Promise<void> {
    return this.#patches.write(one);
  }
}
