import { UsageError } from '@coxswain/service';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from '../types.ts';
import type { AuthorizationMode, AuthorizerConfig } from './config.ts';
import { unionAuthorizer } from './union.ts';

export type MakeAuthorizer = (own: AuthorizerConfig) => Authorizer;

/** What stands on what is in the cluster or in other files is made once; the others know nothing but their entry. */
const kept: Readonly<Record<AuthorizationMode, boolean>> = { Node: true, RBAC: true, ABAC: true, Webhook: false, AlwaysAllow: false, AlwaysDeny: false };

/** Authorizers whose order, and whose webhooks, may become others while the server runs. `first` stand before all of them. */
export class LiveChain implements Authorizer {
  readonly #first: readonly Authorizer[];
  readonly #make: MakeAuthorizer;
  readonly #made = new Map<AuthorizationMode, Authorizer>();
  readonly #required: ReadonlySet<AuthorizationMode>;
  #current: Authorizer;

  constructor(first: readonly Authorizer[], configs: readonly AuthorizerConfig[], make: MakeAuthorizer) {
    this.#first = first;
    this.#make = make;
    this.#required = new Set(configs.map(({ type }) => type).filter((type) => type !== 'Webhook'));
    for (const own of configs) if (kept[own.type]) this.#made.set(own.type, make(own));
    this.#current = this.#chain(configs);
  }

  get name(): string {
    return this.#current.name;
  }

  authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    return this.#current.authorize(attributes);
  }

  #chain(configs: readonly AuthorizerConfig[]): Authorizer {
    return unionAuthorizer([...this.#first, ...configs.map((own) => {
      if (!kept[own.type]) return this.#make(own);
      const made = this.#made.get(own.type);
      if (made === undefined) throw new UsageError(`authorizer type ${own.type} is not allowed if it was not enabled at initial server startup`);
      return made;
    })]);
  }

  replace(configs: readonly AuthorizerConfig[]): void {
    const types = new Set(configs.map(({ type }) => type));
    const missing = [...this.#required].filter((type) => !types.has(type)).toSorted();
    if (missing.length > 0) throw new UsageError(`missing required types: [${missing.join(' ')}]`);
    this.#current = this.#chain(configs);
  }
}
