import { append } from '@coxswain/host';
import type { FieldError, JsonObject, RuleChecker, RulePlace } from '@coxswain/api';
import { maxRequestSizeBytes } from '@coxswain/cel';
import { text } from '../../registry/object.ts';
import { compileRules, declTypeOf, type CompiledRule } from './compile.ts';
import type { CelTimes } from './times.ts';

const perRuleLimit = 10_000_000;
const perSchemaLimit = 100_000_000;
const maxUint64 = 2 ** 64;
const maxShown = 4;

/** How often a value may stand at a place; undefined: nothing bounds it. */
function cardinality(place: RulePlace): number | undefined {
  if (place.parent === undefined) return 1;
  const above = cardinality(place.parent);
  const here = maxElements(place.parent.schema);
  return above === undefined || here === undefined ? undefined : Math.min(above * here, maxUint64);
}

function maxElements(schema: JsonObject): number | undefined {
  const count = (value: unknown): number | undefined => (typeof value === 'number' || typeof value === 'bigint' ? Math.max(Number(value), 0) : undefined);
  switch (schema['type']) {
    case 'object': return schema['additionalProperties'] === undefined ? 1 : count(schema['maxProperties']);
    case 'array': return count(schema['maxItems']);
    default: return 1;
  }
}

function overBudget(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

function forbidden(field: string, why: string): FieldError {
  return { type: 'Forbidden', field, message: `Forbidden: ${why}` };
}

/** Go's `%#v` of a rule. */
function shownRule(rule: JsonObject): string {
  const quoted = (key: string): string => JSON.stringify(text(rule, key));
  const reason = rule['reason'] === undefined ? '(nil)' : '(…)';
  const optional = rule['optionalOldSelf'] === undefined ? '(nil)' : '(…)';
  return `apiextensions.ValidationRule{Rule:${quoted('rule')}, Message:${quoted('message')}, MessageExpression:${quoted('messageExpression')}, Reason:(*apiextensions.FieldValueErrorReason)${reason}, FieldPath:${quoted('fieldPath')}, OptionalOldSelf:(*bool)${optional}}`;
}

export interface CheckOptions {
  /** The schema is as it was stored: what a rule costs by itself was accepted once. */
  readonly unchanged: boolean;
  /** Expressions that stand in what is stored. */
  readonly stored: ReadonlySet<string>;
}

/** Compiles the rules of one schema and adds up what they may cost. */
export class SchemaRuleChecker implements RuleChecker {
  readonly #options: CheckOptions;
  readonly #times: CelTimes;
  readonly #expensive: { readonly field: string; readonly cost: number }[] = [];
  #total = 0;

  constructor(options: CheckOptions, times: CelTimes) {
    this.#options = options;
    this.#times = times;
  }

  check(schema: JsonObject, place: RulePlace, field: string, uncorrelated: string | undefined): FieldError[] {
    const at = `${field}.x-kubernetes-validations`;
    const type = declTypeOf(schema, place.parent === undefined);
    if (type === undefined) return [{ type: 'InternalError', field: at, message: 'Internal error: internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations' }];
    const times = cardinality(place) ?? Math.floor(maxRequestSizeBytes / (type.minSerializedSize + 1));
    const compiled = this.#times.compilation(() => compileRules(schema, type, (expression) => (this.#options.stored.has(expression) ? 'stored' : 'new')));
    return compiled.flatMap((rule, index) => this.#one(rule, `${at}[${index}]`, times, uncorrelated));
  }

  #one(compiled: CompiledRule, at: string, times: number, uncorrelated: string | undefined): FieldError[] {
    const { rule, program, trouble, message, messageTrouble } = compiled;
    const invalid = (key: string, shown: string, why: string): FieldError => ({ type: 'Invalid', field: `${at}.${key}`, message: `Invalid value: ${shown}: ${why}` });
    const errors = this.#cost('estimated rule cost', program === undefined ? 0 : program.estimateCost().max * times, `${at}.rule`);
    if (trouble !== undefined) errors.push(invalid('rule', shownRule(rule), trouble));
    if (messageTrouble !== undefined) errors.push(invalid('messageExpression', shownRule(rule), messageTrouble));
    else if (message !== undefined) append(errors, this.#cost('estimated messageExpression cost', message.estimateCost().max, `${at}.messageExpression`));
    if (compiled.usesOldSelf) {
      if (uncorrelated !== undefined) errors.push(invalid('rule', JSON.stringify(text(rule, 'rule')), `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`));
    } else if (rule['optionalOldSelf'] !== undefined) errors.push(invalid('optionalOldSelf', String(rule['optionalOldSelf'] === true), 'may not be set if oldSelf is not used in rule'));
    return errors;
  }

  #cost(what: string, cost: number, field: string): FieldError[] {
    const bounded = Math.min(cost, maxUint64);
    this.#total = Math.min(this.#total + bounded, maxUint64);
    if (bounded >= perSchemaLimit / 100) {
      this.#expensive.push({ field, cost: bounded });
      this.#expensive.sort((a, b) => b.cost - a.cost).splice(maxShown);
    }
    return !this.#options.unchanged && bounded > perRuleLimit ? [forbidden(field, overBudget(what, bounded, perRuleLimit))] : [];
  }

  finish(field: string): FieldError[] {
    if (this.#total <= perSchemaLimit) return [];
    return [
      ...this.#expensive.map((rule) => forbidden(rule.field, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema')),
      forbidden(field, overBudget('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', this.#total, perSchemaLimit)),
    ];
  }
}
