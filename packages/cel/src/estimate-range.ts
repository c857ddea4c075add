import type { Expr } from './ast.ts';
import type { CheckType } from './check-types.ts';

const most = 2 ** 64;

/** From at least to at most; never beyond 2^64. */
export class Range {
  static readonly unknown: Range = new Range(0, most);
  readonly min: number;
  readonly max: number;

  constructor(min: number, max: number) {
    this.min = Math.min(min, most);
    this.max = Math.min(max, most);
  }

  add(other: Range): Range {
    return new Range(this.min + other.min, this.max + other.max);
  }

  multiply(other: Range): Range {
    return new Range(this.min * other.min, this.max * other.max);
  }

  scale(factor: number): Range {
    return new Range(Math.ceil(this.min * factor), Math.ceil(this.max * factor));
  }

  union(other: Range): Range {
    return new Range(Math.min(this.min, other.min), Math.max(this.max, other.max));
  }
}

export interface CallEstimate {
  readonly cost: Range;
  /** Of the result, where it is a text, list or map. */
  readonly size?: Range;
}

/** What is known of the sizes of a call's arguments. */
export interface SizeOf {
  size(expr: Expr): Range;
  computed(expr: Expr): Range | undefined;
  type(expr: Expr): CheckType;
  elements(list: Expr): { readonly type: CheckType; readonly size: Range } | undefined;
}
