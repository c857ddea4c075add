import type { Steps } from '../apply/steps.ts';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import type { StrategyContext } from '../strategy.ts';

/** Semantic rules of one kind; metadata and the types of fields were checked before. */
export interface Validator {
  create(object: JsonObject, context: StrategyContext): FieldError[];
  /** The same, where it takes long about large objects. */
  readonly createInSteps?: (object: JsonObject, context: StrategyContext) => Steps<FieldError[]>;
  /** Absent: the rules of create. */
  update?(object: JsonObject, old: JsonObject, context: StrategyContext): FieldError[];
  /** Of the status subresource. Absent: nothing is checked. */
  updateStatus?(object: JsonObject, old: JsonObject): FieldError[];
}
