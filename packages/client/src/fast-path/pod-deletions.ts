import { utf8 } from '@coxswain/host';
import { termHeaders, type LeaseTerm } from '../lease-term.ts';
import { resources } from '../resources.ts';
import type { Client } from '../types.ts';
import type { FastPathItem } from './messages.ts';
import { patchPodStatus, statusPatchBody, statusPatchType, type PodStatusPatch } from './pod-status-patches.ts';
import { Together } from './together.ts';

export interface PodDeletion {
  readonly namespace: string;
  readonly name: string;
  /** Another pod of this name is neither deleted nor patched. */
  readonly uid: string;
  /** A strategic merge patch that its status gets before; if that is refused, nothing is deleted. */
  readonly status?: unknown;
}

/** What comes before; undefined: nothing. */
function patchBefore({ status, ...pod }: PodDeletion): PodStatusPatch | undefined {
  return status === undefined ? undefined : { ...pod, status };
}

function itemOf(deletion: PodDeletion): FastPathItem {
  const { namespace, name, uid } = deletion;
  const patch = patchBefore(deletion);
  const before = patch === undefined ? {} : { status: statusPatchBody(patch), statusPatchType };
  return { namespace, name, delete: { apiVersion: 'v1', resource: 'pods', body: utf8(JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } })), ...before } };
}

/** Deletions of pods with the grace that they ask for themselves, many to a call; `term` as the `Binder`'s, of the patch before as well. */
export class PodDeletions {
  readonly #deletions: Together<PodDeletion>;

  constructor(client: Client, term?: () => LeaseTerm | undefined) {
    this.#deletions = new Together(client, {
      itemOf,
      single: async (deletion) => {
        const { namespace, name, uid } = deletion;
        const patch = patchBefore(deletion);
        if (patch !== undefined) await patchPodStatus(client, patch, termHeaders(term));
        await client.delete(resources.pods, { namespace, name }, { preconditions: { uid } }, termHeaders(term));
      },
      headers: () => termHeaders(term),
    });
  }

  delete(one: PodDeletion): Promise<void> {
    return this.#deletions.write(one);
  }
}
