import type { CelValue } from './values.ts';

/** `offset`: where errors point to, in code points. Types and overloads are kept beside the tree by the checker, by node. */
export type Expr =
  | { readonly kind: 'literal'; readonly offset: number; readonly value: CelValue }
  | { readonly kind: 'ident'; readonly offset: number; readonly name: string }
  | SelectExpr
  | CallExpr
  | { readonly kind: 'list'; readonly offset: number; readonly elements: readonly Expr[]; readonly optional: ReadonlySet<number> }
  | { readonly kind: 'map'; readonly offset: number; readonly entries: readonly MapEntry[] }
  | { readonly kind: 'struct'; readonly offset: number; readonly type: string; readonly fields: readonly FieldEntry[] }
  | ComprehensionExpr;

export interface SelectExpr {
  readonly kind: 'select';
  readonly offset: number;
  readonly operand: Expr;
  readonly field: string;
  /** `has(operand.field)` */
  readonly testOnly: boolean;
}

export interface CallExpr {
  readonly kind: 'call';
  readonly offset: number;
  readonly name: string;
  readonly target?: Expr | undefined;
  readonly args: readonly Expr[];
}

export interface MapEntry {
  readonly key: Expr;
  readonly value: Expr;
  readonly optional: boolean;
}

export interface FieldEntry {
  readonly offset: number;
  readonly field: string;
  readonly value: Expr;
  readonly optional: boolean;
}

/** What the macros become. */
export interface ComprehensionExpr {
  readonly kind: 'comprehension';
  readonly offset: number;
  readonly range: Expr;
  readonly iterVar: string;
  readonly iterVar2?: string | undefined;
  readonly accuVar: string;
  readonly accuInit: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

export const accumulator = '__result__';

/** Operators are calls of these names. */
export const operators = {
  conditional: '_?_:_', and: '_&&_', or: '_||_', not: '!_', negate: '-_', equals: '_==_', notEquals: '_!=_',
  less: '_<_', lessEquals: '_<=_', greater: '_>_', greaterEquals: '_>=_', in: '@in',
  add: '_+_', subtract: '_-_', multiply: '_*_', divide: '_/_', modulo: '_%_',
  index: '_[_]', optionalIndex: '_[?_]', optionalSelect: '_?._', notStrictlyFalse: '@not_strictly_false',
} as const;

/** The parts of `expr` in order, for walks over the tree. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal': case 'ident': return [];
    case 'select': return [expr.operand];
    case 'call': return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    case 'list': return expr.elements;
    case 'map': return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct': return expr.fields.map(({ value }) => value);
    case 'comprehension': return [expr.range, expr.accuInit, expr.condition, expr.step, expr.result];
  }
}

/** `a.b.c` where an expression is only names and dots. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.testOnly) return undefined;
  const prefix = qualifiedName(expr.operand);
  return prefix === undefined ? undefined : `${prefix}.${expr.field}`;
}
