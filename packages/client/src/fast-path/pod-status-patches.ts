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

export const statusPatchType = 'application/strategic-merge-patch+json';

function bodyOf({ uid, status }: PodStatusPatch): object {
  return { metadata: { uid }, status };
}

/** As an item has it. */
export function statusPatchBody(one: PodStatusPatch): Uint8Array {
  return utf8(JSON.stringify(bodyOf(one)));
}

/** By itself. */
export async function patchPodStatus(client: Client, one: PodStatusPatch, headers?: Readonly<Record<string, string>>): Promise<void> {
  await client.patch(resources.pods, { namespace: one.namespace, name: one.name }, 'strategic', bodyOf(one), { subresource: 'status' }, headers);
}

/** Patches of pods' statuses, many to a call. */
export class PodStatusPatches {
  readonly #patches: Together<PodStatusPatch>;

  constructor(client: Client) {
    this.#patches = new Together(client, {
      itemOf: (one) => ({ namespace: one.namespace, name: one.name, status: { apiVersion: 'v1', resource: 'pods', patchType: statusPatchType, body: statusPatchBody(one) } }),
      single: (one) => patchPodStatus(client, one),
    });
  }

  patch(one: PodStatusPatch): Promise<void> {
    return this.#patches.write(one);
  }
}
