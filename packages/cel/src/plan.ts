import { operators, type CallExpr, type ComprehensionExpr, type Expr } from './ast.ts';
import { asStep, indexKey, type Attribute, type Planned, type Step } from './attribute.ts';
import type { Checked } from './checker.ts';
import { foldStep, growing } from './fold.ts';
import type { Frame } from './frame.ts';
import { callFunction, type FunctionDecl } from './functions.ts';
import { goText } from './lib/go-text.ts';
import { compilePattern } from './lib/regex.ts';
import { badQualifier } from './qualify.ts';
import { costs } from './runtime-cost.ts';
import { alternative, costed, equality, functionStep, listStep, logical, mapStep } from './steps.ts';
import { CelError, ListValue, OptionalValue, TypeValue, Uint, isError, mapKey, type CelValue } from './values.ts';

/** The expression cannot become a program: an argument that is constant makes an error. */
export class PlanError extends Error {}

/** Makes objects of the types that expressions may construct. */
export type MakeStruct = (type: string, fields: ReadonlyMap<string, CelValue>) => CelValue;

export interface Plan {
  readonly run: Step;
  /** How many slots its comprehensions need. */
  readonly slots: number;
}

export function plan(expr: Expr, checked: Checked, makeStruct: MakeStruct): Plan {
  const planner = new Planner(checked, makeStruct);
  const planned = planner.plan(expr);
  return { run: asStep(planned), slots: planner.slots };
}

const typeConversions = new Set(['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'uint', 'type']);
const noTools = { ask: (): never => { throw new PlanError('not in a constant'); } };
const runtimeTypeNames: Readonly<Record<string, string>> = { timestamp: 'google.protobuf.Timestamp', duration: 'google.protobuf.Duration' };

class Planner {
  slots = 0;
  readonly #checked: Checked;
  readonly #makeStruct: MakeStruct;
  /** Variables of comprehensions by name, innermost last; the step reads it. */
  readonly #scopes: Map<string, Step>[] = [];

  constructor(checked: Checked, makeStruct: MakeStruct) {
    this.#checked = checked;
    this.#makeStruct = makeStruct;
  }

  plan(expr: Expr): Planned {
    switch (expr.kind) {
      case 'literal': return { kind: 'constant', value: expr.value };
      case 'ident': return this.#name(expr);
      case 'select': return this.#select(expr);
      case 'call': return this.#call(expr);
      case 'list': return this.#list(expr);
      case 'map': return this.#map(expr);
      case 'struct': return this.#struct(expr);
      case 'comprehension': return { kind: 'step', run: this.#comprehension(expr) };
    }
  }

  #name(expr: Expr): Planned {
    const type = this.#checked.typeNames.get(expr);
    if (type !== undefined) return { kind: 'constant', value: new TypeValue(runtimeTypeNames[type] ?? type) };
    const name = this.#checked.variables.get(expr) as string;
    const local = this.#scopes.findLast((scope) => scope.has(name))?.get(name);
    return { kind: 'attribute', root: local ?? ((frame) => frame.variable(name)), qualifiers: [], testOnly: false };
  }

  #asAttribute(planned: Planned): Attribute {
    return planned.kind === 'attribute' ? planned : { kind: 'attribute', root: asStep(planned), qualifiers: [], testOnly: false };
  }

  #select(expr: Expr & { readonly kind: 'select' }): Planned {
    if (this.#checked.variables.has(expr) || this.#checked.typeNames.has(expr)) return this.#name(expr);
    const attribute = this.#asAttribute(this.plan(expr.operand));
    const { field, testOnly } = expr;
    return { ...attribute, qualifiers: [...attribute.qualifiers, { optional: false, testOnly, key: () => field }], testOnly: attribute.testOnly || testOnly };
  }

  #index(operand: Expr, index: Planned, optional: boolean): Planned {
    const attribute = this.#asAttribute(this.plan(operand));
    const bad = index.kind === 'constant' ? badQualifier(index.value) : undefined;
    if (bad !== undefined) throw new PlanError(bad.message);
    return { ...attribute, qualifiers: [...attribute.qualifiers, { optional, testOnly: false, key: indexKey(index) }] };
  }

  #call(expr: CallExpr): Planned {
    const found = this.#checked.functions.get(expr);
    const name = found?.decl.name ?? expr.name;
    const target = found?.target;
    const args = target === undefined ? expr.args : [target, ...expr.args];
    const [first, second, third] = args as readonly [Expr, Expr, Expr];
    switch (name) {
      case operators.and: return { kind: 'step', run: logical(asStep(this.plan(first)), asStep(this.plan(second)), false) };
      case operators.or: return { kind: 'step', run: logical(asStep(this.plan(first)), asStep(this.plan(second)), true) };
      case operators.conditional: return this.#conditional(first, second, third);
      case operators.equals: case operators.notEquals: return { kind: 'step', run: equality(name, asStep(this.plan(first)), asStep(this.plan(second))) };
      case operators.index: return this.#index(first, this.plan(second), false);
      case operators.optionalIndex: case operators.optionalSelect: return this.#index(first, this.plan(second), true);
      case 'or': case 'orValue': return { kind: 'step', run: alternative(name, asStep(this.plan(first)), asStep(this.plan(second))) };
      default: return this.#function(expr, found?.decl as FunctionDecl, args);
    }
  }

  #conditional(condition: Expr, whenTrue: Expr, whenFalse: Expr): Attribute {
    return { kind: 'attribute', root: () => null, qualifiers: [], testOnly: false, branches: [asStep(this.plan(condition)), this.plan(whenTrue), this.plan(whenFalse)] };
  }

  #function(expr: CallExpr, decl: FunctionDecl, args: readonly Expr[]): Planned {
    const ids = this.#checked.overloads.get(expr) ?? [];
    const overload = ids.length === 1 ? ids[0] as string : '';
    const planned = args.map((arg) => this.plan(arg));
    if (decl.name === operators.in && overload === 'in_list') {
      const member = setMembership(planned[0] as Planned, planned[1] as Planned);
      if (member !== undefined) return member;
    }
    const only = planned[0];
    if (typeConversions.has(decl.name) && planned.length === 1 && only?.kind === 'constant') {
      const value = callFunction(decl, overload === '' ? undefined : overload, [only.value], noTools);
      if (isError(value)) throw new PlanError(value.message);
      return { kind: 'constant', value };
    }
    checkConstantPattern(decl.name, planned);
    return { kind: 'step', run: functionStep(decl, overload, planned.map(asStep)) };
  }

  #list(expr: Expr & { readonly kind: 'list' }): Planned {
    const planned = expr.elements.map((element) => this.plan(element));
    const run = listStep(planned.map(asStep), expr.optional);
    return planned.every(isConstant) ? constantOf(run) : { kind: 'step', run: costed(run, costs.list) };
  }

  #map(expr: Expr & { readonly kind: 'map' }): Planned {
    const entries = expr.entries.map(({ key, value, optional }) => ({ key: this.plan(key), value: this.plan(value), optional }));
    const run = mapStep(entries.map(({ key, value, optional }) => ({ key: asStep(key), value: asStep(value), optional })));
    return entries.every(({ key, value }) => isConstant(key) && isConstant(value)) ? constantOf(run) : { kind: 'step', run: costed(run, costs.map) };
  }

  #struct(expr: Expr & { readonly kind: 'struct' }): Planned {
    const type = this.#checked.typeNames.get(expr) as string;
    const fields = expr.fields.map(({ field, value, optional }) => ({ field, value: asStep(this.plan(value)), optional }));
    const make = this.#makeStruct;
    return {
      kind: 'step', run: costed((frame) => {
        const values = new Map<string, CelValue>();
        for (const { field, value, optional } of fields) {
          let result = value(frame);
          if (isError(result)) return result;
          if (optional) {
            if (!(result instanceof OptionalValue)) return new CelError(`cannot initialize optional entry '${field}' from non-optional value ${goText(result)}`);
            if (result.value === undefined) continue;
            result = result.value;
          }
          values.set(field, result);
        }
        return make(type, values);
      }, costs.struct),
    };
  }

  #comprehension(expr: ComprehensionExpr): Step {
    const range = asStep(this.plan(expr.range));
    const init = asStep(this.plan(expr.accuInit));
    const accuSlot = this.slots++;
    const firstSlot = this.slots++;
    const secondSlot = expr.iterVar2 === undefined ? undefined : this.slots++;
    // The accumulator begins when it is first asked for.
    const accu: Step = (frame) => {
      const current = frame.slots[accuSlot];
      if (current !== undefined) return current;
      const begun = growing(init(frame));
      frame.slots[accuSlot] = begun;
      return begun;
    };
    this.#scopes.push(new Map([[expr.accuVar, accu]]));
    const iteration = new Map<string, Step>([[expr.iterVar, (frame) => frame.slots[firstSlot] as CelValue]]);
    if (expr.iterVar2 !== undefined && secondSlot !== undefined) iteration.set(expr.iterVar2, (frame) => frame.slots[secondSlot] as CelValue);
    // In the loop the accumulator's name wins over the variables of the iteration.
    iteration.delete(expr.accuVar);
    this.#scopes.push(iteration);
    const condition = asStep(this.plan(expr.condition));
    const step = asStep(this.plan(expr.step));
    this.#scopes.pop();
    const result = asStep(this.plan(expr.result));
    this.#scopes.pop();
    return foldStep({ range, condition, step, result, accuSlot, firstSlot, secondSlot });
  }
}

const isConstant = (planned: Planned): boolean => planned.kind === 'constant';

/** Evaluated when it is planned; it needs nothing of a frame. */
function constantOf(run: Step): Planned {
  const value = run({ spend: () => undefined } as unknown as Frame);
  return { kind: 'constant', value };
}

/** `x in [constants]` looks up a set, at no cost of its own. */
function setMembership(item: Planned, list: Planned): Planned | undefined {
  if (list.kind !== 'constant' || !(list.value instanceof ListValue)) return undefined;
  if (list.value.size === 0) return { kind: 'constant', value: false };
  const keys = new Set<string>();
  const doubles: number[] = [];
  for (const element of list.value) {
    if (typeof element === 'object' && !(element instanceof Uint)) return undefined;
    const key = mapKey(element);
    if (key !== undefined) keys.add(key);
    else if (typeof element === 'number') doubles.push(element);
  }
  const run = asStep(item);
  return {
    kind: 'step', run: (frame) => {
      const value = run(frame);
      if (isError(value)) return value;
      const key = mapKey(value);
      return key === undefined ? typeof value === 'number' && doubles.includes(value) && !Number.isNaN(value) : keys.has(key);
    },
  };
}

/** Patterns that are constant must be right when the program is made. */
function checkConstantPattern(name: string, args: readonly Planned[]): void {
  const pattern = args[1];
  if (!['matches', 'find', 'findAll'].includes(name) || pattern?.kind !== 'constant' || typeof pattern.value !== 'string') return;
  const compiled = compilePattern(pattern.value);
  if (compiled instanceof CelError) throw new PlanError(compiled.message);
}
