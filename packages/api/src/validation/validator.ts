import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import type { StrategyContext } from '../strategy.ts';

/** Semantic rules of one kind; metadata and the types of fields were checked before. */
export interface Validator {
  create(object: JsonObject, context: StrategyContext): FieldError[];
  /** Absent: the rules of create. */
  update?(object: JsonObject, old: JsonObject, context: StrategyContext): FieldError[];
  /** Of the status subresource. Absent: nothing is checked. */
  updateStatus?(object: JsonObject, old: JsonObject): FieldError[];
}
