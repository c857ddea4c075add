import { accumulator, type CallExpr, type ComprehensionExpr, type Expr } from './ast.ts';
import { paramsOf, type CheckType } from './check-types.ts';
import type { Checked } from './checker.ts';
import { Range, type CallEstimate, type SizeOf } from './estimate-range.ts';
import { libraryEstimate } from './estimate-library.ts';
import type { CostEstimate, DeclType } from './types.ts';
import { stringSize } from './values.ts';

/** Where sizes come from: the declared type at a path of fields, `@items`, `@keys` and `@values`. */
export type DeclRoot = (variable: string) => DeclType | undefined;

const one = new Range(1, 1);
const zero = new Range(0, 0);

/** What an expression may cost, from the sizes its variables' types allow: the same arithmetic as cel-go's. */
export function estimateCost(expr: Expr, checked: Checked, root: DeclRoot): CostEstimate {
  const { min, max } = new Estimator(checked, root).cost(expr);
  return { min, max };
}

class Estimator {
  readonly #checked: Checked;
  readonly #root: DeclRoot;
  readonly #paths = new Map<Expr, readonly string[]>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #ranges = new Map<string, Expr[]>();

  constructor(checked: Checked, root: DeclRoot) {
    this.#checked = checked;
    this.#root = root;
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal': return zero;
      case 'ident': return this.#ident(expr, expr.name);
      case 'select': return this.#select(expr);
      case 'call': return this.#call(expr);
      case 'list': return this.#sum(expr.elements).add(new Range(10, 10));
      case 'map': return this.#sum(expr.entries.flatMap(({ key, value }) => [key, value])).add(new Range(30, 30));
      case 'struct': return this.#sum(expr.fields.map(({ value }) => value)).add(new Range(40, 40));
      case 'comprehension': return this.#comprehension(expr);
    }
  }

  #sum(exprs: readonly Expr[]): Range {
    return exprs.reduce((total, expr) => total.add(this.cost(expr)), zero);
  }

  #typeOf(expr: Expr): CheckType {
    return this.#checked.types.get(expr) as CheckType;
  }

  #ident(expr: Expr, name: string): Range {
    const range = this.#ranges.get(name)?.at(-1);
    if (range === undefined) this.#paths.set(expr, [name]);
    else {
      const { kind } = this.#typeOf(range);
      if (kind === 'list') this.#paths.set(expr, [...(this.#paths.get(range) ?? []), '@items']);
      else if (kind === 'map') this.#paths.set(expr, [...(this.#paths.get(range) ?? []), '@keys']);
    }
    return one;
  }

  #select(expr: Expr & { readonly kind: 'select' }): Range {
    const name = this.#checked.variables.get(expr) ?? this.#checked.typeNames.get(expr);
    if (name !== undefined) return this.#ident(expr, name);
    if (expr.testOnly) return this.cost(expr.operand);
    let total = this.cost(expr.operand);
    if (['map', 'object', 'param'].includes(this.#typeOf(expr.operand).kind)) total = total.add(one);
    this.#paths.set(expr, [...(this.#paths.get(expr.operand) ?? []), expr.field]);
    return total;
  }

  #call(expr: CallExpr): Range {
    const found = this.#checked.functions.get(expr);
    const name = found?.decl.name ?? expr.name;
    const argCosts = expr.args.map((arg) => this.cost(arg));
    const ids = this.#checked.overloads.get(expr) ?? [];
    if (ids.length === 0) return zero;
    const target = found?.target;
    const total = target === undefined ? zero : this.cost(target);
    let cost: Range | undefined;
    let size: Range | undefined;
    for (const id of ids) {
      const estimate = this.#functionCost(name, id, target, expr.args, argCosts);
      cost = cost === undefined ? estimate.cost : cost.union(estimate.cost);
      if (estimate.size !== undefined) size = size === undefined ? estimate.size : size.union(estimate.size);
      const first = expr.args[0];
      if (id === 'index_list' && first !== undefined) this.#paths.set(expr, [...(this.#paths.get(first) ?? []), '@items']);
      if (id === 'index_map' && first !== undefined) this.#paths.set(expr, [...(this.#paths.get(first) ?? []), '@values']);
    }
    if (size !== undefined) this.#sizes.set(expr, size);
    return total.add(cost as Range);
  }

  #comprehension(expr: ComprehensionExpr): Range {
    const before = this.cost(expr.range).add(this.cost(expr.accuInit));
    const stack = this.#ranges.get(expr.iterVar) ?? [];
    this.#ranges.set(expr.iterVar, [...stack, expr.range]);
    const loop = this.cost(expr.condition);
    const step = this.cost(expr.step);
    this.#ranges.set(expr.iterVar, stack);
    const result = this.cost(expr.result);
    const count = this.#size(expr.range);
    this.#sizes.set(expr, count);
    return before.add(result).add(count.multiply(step.add(loop)));
  }

  #path(expr: Expr): readonly string[] | undefined {
    const path = this.#paths.get(expr);
    return path?.[0] === accumulator ? undefined : path;
  }

  /** A size that follows from the expression alone. */
  #computedSize(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr);
    if (known !== undefined) return known;
    const exact = exactSize(expr);
    return exact === undefined ? undefined : new Range(exact, exact);
  }

  #declaredSize(path: readonly string[] | undefined): Range | undefined {
    const declared = path === undefined || path.length === 0 ? undefined : declAt(this.#root(path[0] as string), path.slice(1));
    if (declared === undefined || (declared.kind === 'dyn' && declared.maxElements === undefined)) return undefined;
    return new Range(0, ('maxElements' in declared ? declared.maxElements : undefined) ?? 0);
  }

  #size(expr: Expr): Range {
    return this.#computedSize(expr) ?? this.#declaredSize(this.#path(expr)) ?? (isScalar(this.#typeOf(expr)) ? one : Range.unknown);
  }

  /** What the libraries of Kubernetes go by: they take scalars for things of unknown size. */
  readonly #libraryView: SizeOf = {
    size: (expr) => this.#computedSize(expr) ?? this.#declaredSize(this.#path(expr)) ?? Range.unknown,
    computed: (expr) => this.#computedSize(expr),
    type: (expr) => this.#typeOf(expr),
    elements: (list) => {
      const element = paramsOf(this.#typeOf(list))[0];
      if (element === undefined) return undefined;
      const path = this.#path(list);
      return { type: element, size: (path === undefined ? undefined : this.#declaredSize([...path, '@items'])) ?? Range.unknown };
    },
  };

  #functionCost(name: string, id: string, target: Expr | undefined, args: readonly Expr[], argCosts: readonly Range[]): CallEstimate {
    const spent = argCosts.reduce((total, cost) => total.add(cost), zero);
    const library = libraryEstimate(name, id, target, args, this.#libraryView);
    if (library !== undefined) return { ...library, cost: library.cost.add(spent) };
    const standard = this.#standardCost(id, target, args, argCosts);
    if (standard === undefined) return { cost: one.add(spent) };
    return standard.whole === true ? standard : { ...standard, cost: standard.cost.add(spent) };
  }

  #standardCost(id: string, target: Expr | undefined, args: readonly Expr[], argCosts: readonly Range[]): (CallEstimate & { readonly whole?: boolean }) | undefined {
    const [first, second, third] = args as readonly [Expr, Expr, Expr];
    switch (id) {
      case 'string_format': return target === undefined ? undefined : { cost: this.#size(target).scale(0.1) };
      case 'string_to_bytes': { const size = this.#size(first); return { cost: size.scale(0.1), size: new Range(size.min, size.max * 4) }; }
      case 'bytes_to_string': { const size = this.#size(first); return { cost: size.scale(0.1), size: new Range(Math.trunc(size.min / 4), size.max) }; }
      case 'strings_quote': { const size = this.#size(first); return { cost: size.scale(0.1), size: new Range(size.min + 2, size.max === Range.unknown.max ? 0 : size.max * 2 + 2) }; }
      case 'starts_with_string': case 'ends_with_string': return { cost: this.#size(first).scale(0.1) };
      case 'in_list': return { cost: this.#size(second).scale(1) };
      case 'matches_string': return { cost: this.#size(target as Expr).add(one).scale(0.1).multiply(this.#size(first).scale(0.25)) };
      case 'contains_string': return { cost: this.#size(target as Expr).scale(0.1).multiply(this.#size(first).scale(0.1)) };
      case 'logical_and': case 'logical_or': {
        const [left, right] = argCosts as readonly [Range, Range];
        return { cost: new Range(left.min, left.add(right).max), whole: true };
      }
      case 'conditional': {
        const [condition, whenTrue, whenFalse] = argCosts as readonly [Range, Range, Range];
        return { cost: condition.add(whenTrue.union(whenFalse)), size: this.#size(second).union(this.#size(third)), whole: true };
      }
      case 'add_list': return { cost: one, size: this.#size(first).add(this.#size(second)) };
      case 'add_string': case 'add_bytes': { const size = this.#size(first).add(this.#size(second)); return { cost: size.scale(0.1), size }; }
      case 'list_sets_contains_list': case 'list_sets_intersects_list': return { cost: this.#setSize(first).multiply(this.#setSize(second)).scale(1).add(one) };
      case 'list_sets_equivalent_list': return { cost: this.#setSize(first).multiply(this.#setSize(second)).scale(2).add(one) };
      default: return comparisons.has(id) ? { cost: this.#smaller(first, second) } : undefined;
    }
  }

  #setSize(expr: Expr): Range {
    return this.#libraryView.size(expr);
  }

  #smaller(left: Expr, right: Expr): Range {
    const max = Math.min(this.#size(left).max, this.#size(right).max);
    return new Range(max > 0 ? 1 : 0, max).scale(0.1);
  }
}

const comparisons = new Set(['equals', 'not_equals', ...['less', 'greater', 'less_equals', 'greater_equals'].flatMap((name) => [`${name}_string`, `${name}_bytes`])]);

const isScalar = (type: CheckType): boolean => ['bool', 'double', 'duration', 'int', 'timestamp', 'uint'].includes(type.kind);

function exactSize(expr: Expr): number | undefined {
  switch (expr.kind) {
    case 'list': return expr.elements.length;
    case 'map': return expr.entries.length;
    case 'literal': return typeof expr.value === 'string' ? stringSize(expr.value) : expr.value instanceof Uint8Array ? expr.value.length : 1;
    default: return undefined;
  }
}

function declAt(root: DeclType | undefined, path: readonly string[]): DeclType | undefined {
  let node = root;
  for (const part of path) {
    if (node === undefined) return undefined;
    if (part === '@items' || part === '@values') node = node.kind === 'list' ? node.element : node.kind === 'map' ? node.value : undefined;
    else if (part === '@keys') node = node.kind === 'map' ? node.key : undefined;
    else node = node.kind === 'object' ? node.fields.get(part)?.type : undefined;
  }
  return node;
}

