import type { Expr } from './ast.ts';
import { runtimeText, typeText, type CheckType } from './check-types.ts';
import type { Checked } from './checker.ts';
import { declOfCheckType } from './decl-types.ts';
import { estimateCost } from './estimate.ts';
import { CostLimitExceeded, DecisionNeeded, Frame } from './frame.ts';
import { toJson, typedValue } from './json-values.ts';
import { perCallLimit } from './limits.ts';
import type { Plan } from './plan.ts';
import { StructValue, misplacedTypes } from './structs.ts';
import type { Binding, Bindings, BoundValue, CelResult, CostEstimate, DeclType, Evaluation, EvaluationLimits, Json, ObjectDeclType, Program, ResultType } from './types.ts';
import { CelError, ListValue, MapValue, OptionalValue, Uint, optionalNone, typeNameOf, type CelValue } from './values.ts';
import { TooMuchWork, beginWork } from './work.ts';

export interface Compiled {
  readonly expression: string;
  readonly expr: Expr;
  readonly checked: Checked;
  readonly plan: Plan;
  readonly variables: ReadonlyMap<string, DeclType>;
  readonly objects: ReadonlyMap<string, ObjectDeclType>;
}

const overLimitText = 'operation cancelled: actual cost limit exceeded';

function resultKind(type: CheckType): ResultType['kind'] {
  switch (type.kind) {
    case 'param': return 'dyn';
    case 'dyn': return type.any === true ? 'any' : 'dyn';
    case 'opaque': return type.name === 'optional_type' ? 'optional' : 'opaque';
    default: return type.kind;
  }
}

export class CelProgram implements Program {
  readonly expression: string;
  readonly resultType: ResultType;
  readonly declaredResult: DeclType | undefined;
  readonly #compiled: Compiled;
  readonly #references: ReadonlySet<string>;

  constructor(compiled: Compiled) {
    this.#compiled = compiled;
    this.expression = compiled.expression;
    const type = compiled.checked.types.get(compiled.expr) as CheckType;
    this.resultType = { kind: resultKind(type), text: typeText(type), runtimeText: runtimeText(type) };
    this.declaredResult = declOfCheckType(type, compiled.objects);
    this.#references = new Set(compiled.checked.variables.values());
  }

  references(variable: string): boolean {
    return this.#references.has(variable);
  }

  estimateCost(root?: DeclType): CostEstimate {
    const { expr, checked, variables } = this.#compiled;
    return estimateCost(expr, checked, root === undefined ? (name) => variables.get(name) : () => root);
  }

  evaluate(bindings: Bindings, limits: EvaluationLimits = {}): Evaluation {
    const { plan, variables } = this.#compiled;
    const limit = limits.costLimit ?? perCallLimit;
    const frame = new Frame(plan.slots, limit, (name) => boundValue(bindings[name], variables.get(name), Object.hasOwn(bindings, name)), limits.authorizer);
    if (limits.nested !== true) beginWork();
    try {
      const value = plan.run(frame);
      if (value instanceof CelError) return { kind: 'error', message: value.message, overLimit: false, cost: frame.cost };
      return { kind: 'value', value: new Result(value), cost: frame.cost };
    } catch (error) {
      if (error instanceof CostLimitExceeded || error instanceof TooMuchWork) return { kind: 'error', message: overLimitText, overLimit: true, cost: frame.cost };
      if (error instanceof DecisionNeeded && limits.nested !== true) return { kind: 'ask', attributes: error.attributes, cost: frame.cost };
      throw error;
    }
  }
}

class Result implements CelResult {
  readonly value: CelValue;
  constructor(value: CelValue) {
    this.value = value;
  }
  get typeName(): string {
    return typeNameOf(this.value);
  }
  get scalar(): boolean | string | bigint | number | null | undefined {
    const { value } = this;
    if (value instanceof Uint) return value.value;
    return typeof value === 'object' && value !== null ? undefined : value;
  }
  get optional(): CelResult | 'none' | undefined {
    if (!(this.value instanceof OptionalValue)) return undefined;
    return this.value.value === undefined ? 'none' : new Result(this.value.value);
  }
  misplacedTypes(): readonly string[] {
    return this.value instanceof StructValue ? misplacedTypes(this.value, this.value.typeName) : [];
  }
  items(): readonly CelResult[] | undefined {
    return this.value instanceof ListValue ? [...this.value].map((item) => new Result(item)) : undefined;
  }
  field(name: string): CelResult | undefined {
    const value = this.value instanceof StructValue ? this.value.fields.get(name) : undefined;
    return value === undefined ? undefined : new Result(value);
  }
  json(): Json | undefined {
    return toJson(this.value);
  }
}

const isBound = (binding: Binding): binding is BoundValue => typeof binding === 'object' && binding !== null && Object.hasOwn(binding, 'boundValue');

function boundValue(binding: Binding, type: DeclType | undefined, given: boolean): CelValue | undefined {
  if (binding === undefined) return type?.kind === 'optional' && given ? optionalNone : undefined;
  if (isBound(binding)) return binding.boundValue instanceof Result ? binding.boundValue.value : binding.boundValue as CelValue;
  return type === undefined ? undefined : typedValue(binding, type);
}

/** A result as a variable of another expression. */
export const resultBinding = (result: CelResult): BoundValue => ({ boundValue: result });

class LazyMap extends MapValue {
  readonly size: number;
  readonly #fields: ReadonlyMap<string, () => Evaluation>;
  readonly #values = new Map<string, CelValue>();
  constructor(fields: ReadonlyMap<string, () => Evaluation>) {
    super();
    this.#fields = fields;
    this.size = fields.size;
  }
  find(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return undefined;
    const known = this.#values.get(key);
    const field = known === undefined ? this.#fields.get(key) : undefined;
    if (field === undefined) return known;
    const value = valueOf(field());
    this.#values.set(key, value);
    return value;
  }
  keys(): Iterable<CelValue> {
    return this.#fields.keys();
  }
}

function valueOf(evaluation: Evaluation): CelValue {
  switch (evaluation.kind) {
    case 'value': return evaluation.value instanceof Result ? evaluation.value.value : new CelError('not a result of this package');
    case 'error': return new CelError(evaluation.message);
    case 'ask': throw new DecisionNeeded(evaluation.attributes);
  }
}

/**
 * An object whose fields are evaluated when they are first read, and remembered: the `variables` of a policy. `fields` may evaluate
 * other programs with `nested: true`, so that a question to the authorizer ends the outer evaluation, which is then repeated as a whole.
 */
export const lazyFields = (fields: ReadonlyMap<string, () => Evaluation>): BoundValue => ({ boundValue: new LazyMap(fields) });
