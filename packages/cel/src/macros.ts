import { accumulator, operators, type Expr } from './ast.ts';
import type { SourceError } from './source-error.ts';

type Expansion = Expr | SourceError | undefined;
type Expand = (offset: number, target: Expr | undefined, args: readonly Expr[]) => Expansion;
/** By `name:arguments:receiver`. */
export type MacroSet = ReadonlyMap<string, Expand>;

export function expandMacro(macros: MacroSet, name: string, offset: number, target: Expr | undefined, args: readonly Expr[]): Expansion {
  return macros.get(`${name}:${args.length}:${target !== undefined}`)?.(offset, target, args);
}

/** A copy whose nodes are its own: what is found out about a node is kept by the node. */
function copy(expr: Expr): Expr {
  switch (expr.kind) {
    case 'literal': case 'ident': return { ...expr };
    case 'select': return { ...expr, operand: copy(expr.operand) };
    case 'call': return { ...expr, target: expr.target === undefined ? undefined : copy(expr.target), args: expr.args.map(copy) };
    case 'list': return { ...expr, elements: expr.elements.map(copy) };
    case 'map': return { ...expr, entries: expr.entries.map((entry) => ({ ...entry, key: copy(entry.key), value: copy(entry.value) })) };
    case 'struct': return { ...expr, fields: expr.fields.map((field) => ({ ...field, value: copy(field.value) })) };
    case 'comprehension':
      return { ...expr, range: copy(expr.range), accuInit: copy(expr.accuInit), condition: copy(expr.condition), step: copy(expr.step), result: copy(expr.result) };
  }
}

/** Builds nodes at the place of the macro's call. */
function builder(offset: number): {
  readonly call: (name: string, ...args: Expr[]) => Expr;
  readonly literal: (value: bigint | boolean) => Expr;
  readonly accu: () => Expr;
  readonly list: (...elements: Expr[]) => Expr;
  readonly ident: (name: string) => Expr;
  readonly member: (name: string, target: Expr) => Expr;
  readonly map: () => Expr;
} {
  return {
    call: (name, ...args) => ({ kind: 'call', offset, name, args }),
    literal: (value) => ({ kind: 'literal', offset, value }),
    accu: () => ({ kind: 'ident', offset, name: accumulator }),
    ident: (name) => ({ kind: 'ident', offset, name }),
    list: (...elements) => ({ kind: 'list', offset, elements, optional: new Set() }),
    map: () => ({ kind: 'map', offset, entries: [] }),
    member: (name, target) => ({ kind: 'call', offset, name, target, args: [] }),
  };
}

const identOf = (expr: Expr | undefined): string | undefined => (expr?.kind === 'ident' ? expr.name : undefined);

const has: Expand = (offset, _target, [operand]) => (operand?.kind === 'select'
  ? { kind: 'select', offset, operand: operand.operand, field: operand.field, testOnly: true }
  : { offset: operand?.offset ?? offset, message: 'invalid argument to has() macro' });

type Quantifier = 'all' | 'exists' | 'exists_one';

function quantified(kind: Quantifier, offset: number, predicate: Expr): { readonly accuInit: Expr; readonly condition: Expr; readonly step: Expr; readonly result: Expr } {
  const { call, literal, accu } = builder(offset);
  switch (kind) {
    case 'all': return { accuInit: literal(true), condition: call(operators.notStrictlyFalse, accu()), step: call(operators.and, accu(), predicate), result: accu() };
    case 'exists':
      return { accuInit: literal(false), condition: call(operators.notStrictlyFalse, call(operators.not, accu())), step: call(operators.or, accu(), predicate), result: accu() };
    case 'exists_one': return {
      accuInit: literal(0n), condition: literal(true), step: call(operators.conditional, predicate, call(operators.add, accu(), literal(1n)), accu()),
      result: call(operators.equals, accu(), literal(1n)),
    };
  }
}

const quantifier = (kind: Quantifier): Expand => (offset, target, [variable, predicate]) => {
  const iterVar = identOf(variable);
  if (iterVar === undefined) return { offset: variable?.offset ?? offset, message: 'argument must be a simple name' };
  return { kind: 'comprehension', offset, range: target as Expr, iterVar, accuVar: accumulator, ...quantified(kind, offset, predicate as Expr) };
};

const map: Expand = (offset, target, args) => {
  const [variable, second, third] = args;
  const iterVar = identOf(variable);
  if (iterVar === undefined) return { offset: variable?.offset ?? offset, message: 'argument is not an identifier' };
  const { call, literal, accu, list } = builder(offset);
  const added = call(operators.add, accu(), list((third ?? second) as Expr));
  return {
    kind: 'comprehension', offset, range: target as Expr, iterVar, accuVar: accumulator, accuInit: list(), condition: literal(true),
    step: third === undefined ? added : call(operators.conditional, second as Expr, added, accu()), result: accu(),
  };
};

const filter: Expand = (offset, target, [variable, predicate]) => {
  const iterVar = identOf(variable);
  if (iterVar === undefined) return { offset: variable?.offset ?? offset, message: 'argument is not an identifier' };
  const { call, literal, accu, list } = builder(offset);
  return {
    kind: 'comprehension', offset, range: target as Expr, iterVar, accuVar: accumulator, accuInit: list(), condition: literal(true),
    step: call(operators.conditional, predicate as Expr, call(operators.add, accu(), list(variable as Expr)), accu()), result: accu(),
  };
};

/** `target.optMap(v, …)`: the body is evaluated with v as the accumulator of a comprehension over nothing. */
const optional = (name: 'optMap' | 'optFlatMap'): Expand => (offset, target, [variable, body]) => {
  const accuVar = identOf(variable);
  if (accuVar === undefined) return { offset: variable?.offset ?? offset, message: `${name}() variable name must be a simple identifier` };
  const { call, literal, list, ident, member } = builder(offset);
  const bound: Expr = {
    kind: 'comprehension', offset, range: list(), iterVar: '#unused', accuVar, accuInit: member('value', copy(target as Expr)), condition: literal(false), step: ident(accuVar), result: body as Expr,
  };
  return call(operators.conditional, member('hasValue', target as Expr), name === 'optMap' ? call('optional.of', bound) : bound, call('optional.none'));
};

/** `cel.bind(v, init, body)`: the same, of any value. */
const bind: Expand = (offset, target, [variable, init, body]) => {
  if (identOf(target) !== 'cel') return undefined;
  const accuVar = identOf(variable);
  if (accuVar === undefined) return { offset: variable?.offset ?? offset, message: 'cel.bind() variable names must be simple identifiers' };
  const { literal, list, ident } = builder(offset);
  return { kind: 'comprehension', offset, range: list(), iterVar: '#unused', accuVar, accuInit: init as Expr, condition: literal(false), step: ident(accuVar), result: body as Expr };
};

function twoVariables(args: readonly Expr[]): { readonly iterVar: string; readonly iterVar2: string } | SourceError {
  const [first, second] = args;
  for (const variable of [first, second]) {
    if (identOf(variable) === undefined) return { offset: variable?.offset ?? -1, message: 'argument must be a simple name' };
  }
  const iterVar = identOf(first) as string;
  const iterVar2 = identOf(second) as string;
  if (iterVar === iterVar2) return { offset: second?.offset ?? -1, message: `duplicate variable name: ${iterVar}` };
  return { iterVar, iterVar2 };
}

const twoVariableQuantifier = (kind: Quantifier): Expand => (offset, target, args) => {
  const variables = twoVariables(args);
  if ('message' in variables) return variables;
  return { kind: 'comprehension', offset, range: target as Expr, ...variables, accuVar: accumulator, ...quantified(kind, offset, args[2] as Expr) };
};

const transform = (into: 'list' | 'map' | 'entries'): Expand => (offset, target, args) => {
  const variables = twoVariables(args);
  if ('message' in variables) return variables;
  const { call, literal, accu, list, ident, map: emptyMap } = builder(offset);
  const body = args.at(-1) as Expr;
  const added = into === 'list' ? call(operators.add, accu(), list(body))
    : into === 'map' ? call('cel.@mapInsert', accu(), ident(variables.iterVar), body)
      : call('cel.@mapInsert', accu(), body);
  return {
    kind: 'comprehension', offset, range: target as Expr, ...variables, accuVar: accumulator, accuInit: into === 'list' ? list() : emptyMap(), condition: literal(true),
    step: args.length === 3 ? added : call(operators.conditional, args[2] as Expr, added, accu()), result: accu(),
  };
};

const standard: readonly (readonly [string, Expand])[] = [
  ['has:1:false', has], ['all:2:true', quantifier('all')], ['exists:2:true', quantifier('exists')], ['exists_one:2:true', quantifier('exists_one')],
  ['map:2:true', map], ['map:3:true', map], ['filter:2:true', filter], ['optMap:2:true', optional('optMap')], ['optFlatMap:2:true', optional('optFlatMap')],
];

const twoVariable: readonly (readonly [string, Expand])[] = [
  ['all:3:true', twoVariableQuantifier('all')], ['exists:3:true', twoVariableQuantifier('exists')],
  ['existsOne:3:true', twoVariableQuantifier('exists_one')], ['exists_one:3:true', twoVariableQuantifier('exists_one')],
  ['transformList:3:true', transform('list')], ['transformList:4:true', transform('list')], ['transformMap:3:true', transform('map')], ['transformMap:4:true', transform('map')],
  ['transformMapEntry:3:true', transform('entries')], ['transformMapEntry:4:true', transform('entries')],
];

/** Upstream's environment of 1.32; comprehensions with two variables are for stored expressions only. */
export const storedMacros: MacroSet = new Map([...standard, ...twoVariable]);
export const newMacros: MacroSet = new Map(standard);
/** Device selectors bind, and know what was new in the release before. */
export const deviceMacros: MacroSet = new Map([...standard, ['bind:3:true', bind]]);
