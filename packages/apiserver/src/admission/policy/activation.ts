import type { JsonObject } from '@coxswain/api';
import { authorizerValue, lazyFields, perCallLimit, requestResourceValue, untypedBinding, type Binding, type Bindings, type CelResult, type Evaluation } from '@coxswain/cel';
import type { AdmissionAttributes, AdmissionVersion } from '../../types.ts';
import { userInfoJson } from '../webhook/review.ts';
import { evaluateAsking, type Decisions } from './decisions.ts';
import type { Compiled, CompiledVariable } from './compile.ts';

export const outOfBudgetText = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** The rest of a policy's budget is gone: nothing more of it is evaluated. */
export class OutOfBudget extends Error {
  constructor() {
    super(outOfBudgetText);
  }
}

/** A request as one policy sees it: its objects in the version that matched. */
export interface Seen {
  readonly attributes: AdmissionAttributes;
  readonly version: AdmissionVersion;
  readonly object: JsonObject | undefined;
  readonly oldObject: JsonObject | undefined;
  readonly namespace: JsonObject | undefined;
  readonly params: JsonObject | undefined;
}

const present = (key: string, value: string): JsonObject => (value === '' ? {} : { [key]: value });

function requestJson({ attributes: a, version }: Seen): JsonObject {
  const { group, resource, version: asked } = a.resource;
  const kind = a.objectKind ?? a.resource;
  return {
    kind: { group: version.kind.group, version: version.kind.version, kind: version.kind.kind }, resource: { group: version.group, version: version.version, resource: version.resource },
    ...present('subResource', a.subresource), requestKind: { group: kind.group, version: kind.version, kind: kind.kind }, requestResource: { group, version: asked, resource },
    ...present('requestSubResource', a.subresource), ...present('name', a.name), ...present('namespace', a.namespace), operation: a.operation, userInfo: userInfoJson(a.user), dryRun: a.dryRun,
    options: Object.keys(a.options).length === 0 ? null : { ...a.options },
  };
}

const namespaceFields = ['name', 'generateName', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'labels', 'annotations', 'finalizers'];

function namespaceJson(namespace: JsonObject): JsonObject {
  const metadata = (namespace['metadata'] ?? {}) as JsonObject;
  return {
    metadata: Object.fromEntries(namespaceFields.flatMap((key) => (metadata[key] === undefined ? [] : [[key, metadata[key]]]))), spec: namespace['spec'] ?? {}, status: namespace['status'] ?? {},
  };
}

const orNull = (json: JsonObject | undefined): Binding => (json === undefined ? null : untypedBinding(json));

/** The variables of one evaluation of a policy's expressions, with the budget that they share. */
export class Activation {
  readonly #bindings: Bindings;
  readonly #decisions: Decisions;
  #variableCost = 0;

  constructor(seen: Seen, variables: readonly CompiledVariable[], decisions: Decisions, extra: Bindings = {}) {
    this.#decisions = decisions;
    const { attributes: a } = seen;
    const plain: Record<string, Binding> = {
      object: orNull(seen.object), oldObject: orNull(seen.oldObject), request: untypedBinding(requestJson(seen)), namespaceObject: seen.namespace === undefined ? null : untypedBinding(namespaceJson(seen.namespace)),
      params: orNull(seen.params), authorizer: authorizerValue,
      'authorizer.requestResource': requestResourceValue({ group: a.resource.group, resource: a.resource.resource, subresource: a.subresource, namespace: a.namespace, name: a.name }),
      ...extra,
    };
    if (variables.length > 0) plain['variables'] = lazyFields(new Map(variables.map((variable) => [variable.name, () => this.#variable(variable)])));
    this.#bindings = plain;
  }

  #variable({ name, compiled }: CompiledVariable): Evaluation {
    if (!compiled.ok) return { kind: 'error', message: `composited variable ${JSON.stringify(name)} fails to compile: ${compiled.message}`, overLimit: false, cost: 0 };
    const evaluation = compiled.program.evaluate(this.#bindings, { costLimit: perCallLimit, authorizer: this.#decisions, nested: true });
    if (evaluation.kind === 'ask') return evaluation;
    this.#variableCost += evaluation.cost;
    return evaluation.kind === 'value' ? evaluation : { ...evaluation, message: `composited variable ${JSON.stringify(name)} fails to evaluate: ${evaluation.message}` };
  }

  /** Throws OutOfBudget. */
  async evaluate(compiled: Compiled, budget: Budget): Promise<{ readonly value: CelResult } | { readonly error: string }> {
    if (!compiled.ok) return { error: `compilation error: ${compiled.message}` };
    this.#variableCost = 0;
    const evaluation = await evaluateAsking(compiled.program, this.#bindings, perCallLimit, this.#decisions);
    budget.spend(this.#variableCost);
    budget.spend(evaluation.cost);
    return evaluation.kind === 'value' ? { value: evaluation.value } : { error: `expression '${compiled.expression}' resulted in error: ${evaluation.message}` };
  }
}

export class Budget {
  #left: number;
  constructor(units: number) {
    this.#left = units;
  }
  get left(): number {
    return this.#left;
  }
  spend(units: number): void {
    if (units > this.#left) throw new OutOfBudget();
    this.#left -= units;
  }
}
