import { operators, type CallExpr, type ComprehensionExpr, type Expr } from './ast.ts';
import type { Checked } from './checker.ts';
import { equal } from './equality.ts';
import type { Frame } from './frame.ts';
import { callFunction, type FunctionDecl } from './functions.ts';
import { compilePattern } from './lib/regex.ts';
import { badQualifier, qualify, qualifyIfPresent } from './qualify.ts';
import { callCost, costs } from './runtime-cost.ts';
import {
  ArrayList, CelError, EntryMap, GrowingList, ListValue, MapValue, OptionalValue, TypeValue, Uint, isError, mapKey, noSuchOverload, optionalNone, typeNameOf, type CelValue,
} from './values.ts';
import { goText } from './lib/go-text.ts';
import { work } from './work.ts';

/** A step of an evaluation. What it costs is added to the frame as it runs, when and as upstream counts it. */
export type Step = (frame: Frame) => CelValue;

/** A field or index of what comes before it. */
interface Qualifier {
  readonly optional: boolean;
  key(frame: Frame): CelValue;
  readonly testOnly: boolean;
}

/** A name, or a value, with fields and indexes: read as one, costed by its links. */
interface Attribute {
  readonly kind: 'attribute';
  /** A root that is no name is evaluated as a step. */
  readonly root: Step;
  readonly qualifiers: Qualifier[];
  testOnly: boolean;
  readonly branches?: readonly [Step, Planned, Planned];
}

type Planned = Attribute | { readonly kind: 'constant'; readonly value: CelValue } | { readonly kind: 'step'; readonly run: Step };

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

function asStep(planned: Planned): Step {
  switch (planned.kind) {
    case 'step': return planned.run;
    case 'constant': {
      const { value } = planned;
      return () => value;
    }
    case 'attribute': return (frame) => {
      const resolved = resolve(planned, frame);
      const value = planned.testOnly && resolved instanceof OptionalValue ? resolved.value !== undefined : resolved;
      // A ternary costs what its parts cost, has() one less than reading would.
      frame.spend((planned.branches === undefined ? costs.ident : 0) - (planned.testOnly ? costs.ident : 0));
      return value;
    };
  }
}

function resolve(attribute: Attribute, frame: Frame): CelValue {
  if (attribute.branches === undefined) return applyQualifiers(attribute.root(frame), attribute.qualifiers, frame);
  const [condition, whenTrue, whenFalse] = attribute.branches;
  const value = condition(frame);
  if (typeof value !== 'boolean') return isError(value) ? value : noSuchOverload;
  return resolveBranch(value ? whenTrue : whenFalse, attribute.qualifiers, frame);
}

/** The branch of a ternary with what was selected from the ternary. */
function resolveBranch(branch: Planned, qualifiers: readonly Qualifier[], frame: Frame): CelValue {
  switch (branch.kind) {
    case 'constant': return applyQualifiers(branch.value, qualifiers, frame);
    case 'step': return applyQualifiers(branch.run(frame), qualifiers, frame);
    case 'attribute':
      if (qualifiers.length === 0) return resolve(branch, frame);
      return resolve({ ...branch, qualifiers: [...branch.qualifiers, ...qualifiers] }, frame);
  }
}

function applyQualifiers(root: CelValue, qualifiers: readonly Qualifier[], frame: Frame): CelValue {
  if (qualifiers.length === 0 || isError(root)) return root;
  let optional = false;
  let value: CelValue = root;
  if (root instanceof OptionalValue) {
    if (root.value === undefined) return root;
    value = root.value;
    optional = true;
  }
  for (const qualifier of qualifiers) {
    const given = qualifier.key(frame);
    const key = isError(given) ? given : badQualifier(given) ?? given;
    optional ||= qualifier.optional;
    if (isError(key)) {
      // What may be missing costs nothing where it fails.
      if (!optional) frame.spend(costs.ident);
      return key;
    }
    if (qualifier.testOnly) {
      const present = qualifyIfPresent(value, key);
      if (present !== undefined || !optional) frame.spend(costs.ident);
      if (isError(present as CelValue)) return present as CelError;
      return present !== undefined;
    }
    const next = optional ? qualifyIfPresent(value, key) : qualify(value, key);
    if (next === undefined) return optionalNone;
    if (!optional || !isError(next)) frame.spend(costs.ident);
    if (isError(next)) return next;
    value = next;
  }
  return optional ? new OptionalValue(value) : value;
}

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

const runtimeTypeNames: Readonly<Record<string, string>> = { timestamp: 'google.protobuf.Timestamp', duration: 'google.protobuf.Duration' };

const isConstant = (planned: Planned): boolean => planned.kind === 'constant';

/** Evaluated when it is planned; it needs nothing of a frame. */
function constantOf(run: Step): Planned {
  const value = run({ spend: () => undefined } as unknown as Frame);
  return { kind: 'constant', value };
}

const costed = (run: Step, cost: number): Step => (frame) => {
  const value = run(frame);
  frame.spend(cost);
  return value;
};

/** An index that is itself a name with fields costs its links only. */
function indexKey(index: Planned): (frame: Frame) => CelValue {
  return index.kind === 'attribute' ? (frame) => resolve(index, frame) : asStep(index);
}

function logical(left: Step, right: Step, decides: boolean): Step {
  return (frame) => {
    const first = left(frame);
    if (first === decides) return decides;
    const second = right(frame);
    if (second === decides) return decides;
    if (typeof first !== 'boolean') return isError(first) ? first : noSuchOverload;
    if (typeof second !== 'boolean') return isError(second) ? second : noSuchOverload;
    return !decides;
  };
}

function equality(name: string, left: Step, right: Step): Step {
  const cost = callCost(name, name === operators.equals ? 'equals' : 'not_equals');
  return (frame) => {
    const first = left(frame);
    const second = right(frame);
    // What is too dear is not begun.
    frame.spend(cost([first, second], null));
    if (isError(first) || isError(second)) return isError(first) ? first : second;
    return cannotEqual(first, second) ? noSuchOverload : equal(first, second) === (name === operators.equals);
  };
}

/** Lists and objects with a schema refuse to be compared with what is none. */
const cannotEqual = (left: CelValue, right: CelValue): boolean => (left instanceof ListValue && left.typed === true && !(right instanceof ListValue)) || (left instanceof MapValue && left.typed === true && !(right instanceof MapValue));

function alternative(name: 'or' | 'orValue', left: Step, right: Step): Step {
  return (frame) => {
    const value = left(frame);
    if (!(value instanceof OptionalValue)) return value;
    if (value.value === undefined) return right(frame);
    return name === 'or' ? value : value.value;
  };
}

/** Looking through a list is cheaper than a step. */
const listWork = 8;

function functionStep(decl: FunctionDecl, overload: string, args: readonly Step[]): Step {
  const cost = callCost(decl.name, overload);
  const id = overload === '' ? undefined : overload;
  const strict = decl.name !== operators.notStrictlyFalse;
  const many = args.length > 2;
  const costByResult = decl.name === 'join';
  return (frame) => {
    const values: CelValue[] = [];
    let error: CelError | undefined;
    for (const arg of args) {
      const value = arg(frame);
      values.push(value);
      if (!strict || !isError(value)) continue;
      error ??= value;
      // With more than two arguments upstream stops at the first error, and then the call has no cost.
      if (many && values.length < args.length) return value;
    }
    for (const value of values) if (value instanceof ListValue) work(value.size / listWork);
    if (!costByResult) frame.spend(cost(values, null));
    const result = error ?? callFunction(decl, id, values, frame);
    if (costByResult) frame.spend(cost(values, result));
    return result;
  };
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

function listStep(elements: readonly Step[], optional: ReadonlySet<number>): Step {
  return (frame) => {
    const items: CelValue[] = [];
    for (let index = 0; index < elements.length; index++) {
      const value = (elements[index] as Step)(frame);
      if (isError(value)) return value;
      if (!optional.has(index)) items.push(value);
      else if (!(value instanceof OptionalValue)) return new CelError(`cannot initialize optional list element from non-optional value ${goText(value)}`);
      else if (value.value !== undefined) items.push(value.value);
    }
    return new ArrayList(items);
  };
}

function mapStep(entries: readonly { readonly key: Step; readonly value: Step; readonly optional: boolean }[]): Step {
  return (frame) => {
    const map = new EntryMap();
    for (const { key, value, optional } of entries) {
      const keyValue = key(frame);
      if (isError(keyValue)) return keyValue;
      let entryValue = value(frame);
      if (isError(entryValue)) return entryValue;
      const text = mapKey(keyValue) ?? `?${typeNameOf(keyValue)}${goText(keyValue)}`;
      if (optional) {
        if (!(entryValue instanceof OptionalValue)) return new CelError(`cannot initialize optional entry '${goText(keyValue)}' from non-optional value ${goText(entryValue)}`);
        if (entryValue.value === undefined) {
          map.entries.delete(text);
          continue;
        }
        entryValue = entryValue.value;
      }
      map.entries.set(text, { key: keyValue, value: entryValue });
    }
    return map;
  };
}

/** Empty lists and maps are filled in place while nobody else sees them. */
function growing(value: CelValue): CelValue {
  if (value instanceof ListValue && value.size === 0) return new GrowingList();
  if (value instanceof MapValue && value.size === 0) return new EntryMap();
  return value;
}

/** As Go names the type of a value. */
function goTypeOf(value: CelValue): string {
  const name = typeNameOf(value).replace(/^.*\.|_type$/g, '');
  return `${name === 'optional' || name === 'type' ? '*' : ''}types.${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

interface Fold {
  readonly range: Step;
  readonly condition: Step;
  readonly step: Step;
  readonly result: Step;
  readonly accuSlot: number;
  readonly firstSlot: number;
  readonly secondSlot: number | undefined;
}

function foldStep({ range, condition, step, result, accuSlot, firstSlot, secondSlot }: Fold): Step {
  /** False: the loop is over. */
  const once = (frame: Frame, first: CelValue, second: CelValue): boolean => {
    frame.slots[firstSlot] = first;
    if (secondSlot !== undefined) frame.slots[secondSlot] = second;
    const go = condition(frame);
    if (typeof go === 'boolean' && !go) return false;
    frame.slots[accuSlot] = step(frame);
    return true;
  };
  const loop = (frame: Frame, values: CelValue): CelError | undefined => {
    if (values instanceof ListValue) {
      for (let index = 0; index < values.size; index++) {
        const item = values.at(index);
        if (!once(frame, secondSlot === undefined ? item : BigInt(index), item)) break;
      }
      return undefined;
    }
    if (values instanceof MapValue) {
      for (const key of values.keys()) if (!once(frame, key, secondSlot === undefined ? null : values.find(key) as CelValue)) break;
      return undefined;
    }
    return isError(values) ? values : new CelError(`got '${goTypeOf(values)}', expected iterable type`);
  };
  return (frame) => {
    frame.slots[accuSlot] = undefined;
    const failed = loop(frame, range(frame));
    if (failed !== undefined) return failed;
    const value = result(frame);
    frame.slots[accuSlot] = undefined;
    return value instanceof GrowingList ? new ArrayList(value.items) : value;
  };
}
