import type { AuthorizerAttributes, AuthorizerDecision, DecisionSource } from './types.ts';
import { CelError, type CelValue } from './values.ts';

export class CostLimitExceeded extends Error {}

/** The evaluation stops here until the authorizer was asked. */
export class DecisionNeeded extends Error {
  readonly attributes: AuthorizerAttributes;
  constructor(attributes: AuthorizerAttributes) {
    super('the authorizer has to be asked');
    this.attributes = attributes;
  }
}

/** One evaluation: its variables, what comprehensions remember, what it has cost. */
export class Frame {
  cost = 0;
  readonly slots: (CelValue | undefined)[];
  readonly #limit: number;
  readonly #resolve: (name: string) => CelValue | undefined;
  readonly #decisions: DecisionSource | undefined;
  readonly #resolved = new Map<string, CelValue>();

  constructor(slots: number, limit: number, resolve: (name: string) => CelValue | undefined, decisions: DecisionSource | undefined) {
    this.slots = Array.from({ length: slots }, () => undefined);
    this.#limit = limit;
    this.#resolve = resolve;
    this.#decisions = decisions;
  }

  spend(units: number): void {
    this.cost += units;
    if (this.cost > this.#limit) throw new CostLimitExceeded();
  }

  variable(name: string): CelValue {
    const known = this.#resolved.get(name);
    if (known !== undefined) return known;
    const found = this.#resolve(name);
    const value = found === undefined ? new CelError(`no such attribute(s): ${name}`) : found;
    this.#resolved.set(name, value);
    return value;
  }

  readonly ask = (attributes: AuthorizerAttributes): AuthorizerDecision => {
    const decision = this.#decisions?.decide(attributes);
    if (decision === undefined) throw new DecisionNeeded(attributes);
    return decision;
  };
}
