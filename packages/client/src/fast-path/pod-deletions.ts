import { utf8 } from '@coxswain/host';
import { termHeaders, type LeaseTerm } from '../lease-term.ts';
import { resources } from '../resources.ts';
import type { Client } from '../types.ts';
import { Together } from './together.ts';

export interface PodDeletion {
  readonly namespace: string;
  readonly name: string;
  /** Another pod of this name is not deleted. */
  readonly uid: string;
}

/** Deletions of pods with the grace that they ask for themselves, many to a call; `term` as the `Binder`'s. */
export class PodDeletions {
  readonly #deletions: Together<PodDeletion>;

  constructor(client: Client, term?: () => LeaseTerm | undefined) {
    this.#deletions = new Together(client, {
      itemOf: ({ namespace, name, uid }) => ({ namespace, name, delete: { apiVersion: 'v1', resource: 'pods', body: utf8(JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } })) } }),
      single: async ({ namespace, name, uid }) => { await client.delete(resources.pods, { namespace, name }, { preconditions: { uid } }, termHeaders(term)); },
      headers: () => termHeaders(term),
    });
  }

  delete(one: PodDeletion): Promise<void> {
    return this.#deletions.write(one);
  }
}
