import { termHeaders, type LeaseTerm } from '../lease-term.ts';
import { resources } from '../resources.ts';
import type { Client } from '../types.ts';
import { Together } from './together.ts';

export interface Binding {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  /** Who is bound together, as far as one call may hold them: a writer that ends leaves none of them out. */
  readonly gang?: string | undefined;
}

/**
 * Binds pods, many to a call. `term`: of a leader, whose bindings are refused (`isFenced`) when it has ended: by a server that knows
 * what a term is also those that come late, by others only those that were not sent yet.
 */
export class Binder {
  readonly #bindings: Together<Binding>;

  constructor(client: Client, term?: () => LeaseTerm | undefined) {
    this.#bindings = new Together(client, {
      itemOf: ({ namespace, name, uid, node }) => ({ namespace, name, bind: { uid, node } }),
      single: async ({ namespace, name, uid, node }) => {
        const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { kind: 'Node', name: node } };
        await client.createSubresource(resources.pods, { namespace, name }, 'binding', body, termHeaders(term));
      },
      calls: 2, headers: () => termHeaders(term), groupOf: ({ gang }) => gang,
    });
  }

  bind(binding: Binding): Promise<void> {
    return this.#bindings.write(binding);
  }
}
