import { correlatedItem, correlatedMember, equalJson, type Correlation, type FieldError, type Json, type JsonObject, type Structural } from '@coxswain/api';
import { maxMessageExpressionBytes, perCallLimit, runtimeCostBudget, type Evaluation } from '@coxswain/cel';
import { utf8 } from '@coxswain/host';
import { isObject, text } from '../../registry/object.ts';
import { compileRules, declTypeOf, rulesOf, type CompiledRule } from './compile.ts';
import type { CelTimes } from './times.ts';

/** The rules of a schema, where they stand in it. */
interface RuleNode {
  readonly schema: Structural;
  readonly rules: readonly CompiledRule[];
  readonly items: RuleNode | undefined;
  readonly additional: RuleNode | undefined;
  readonly properties: ReadonlyMap<string, RuleNode>;
}

function hasRules(schema: Structural): boolean {
  return rulesOf(schema.raw).length > 0 || (schema.items !== undefined && hasRules(schema.items)) || (typeof schema.additional === 'object' && hasRules(schema.additional))
    || [...schema.properties.values()].some(hasRules);
}

function nodeOf(schema: Structural, isRoot: boolean, times: CelTimes): RuleNode | undefined {
  if (!hasRules(schema)) return undefined;
  const type = declTypeOf(schema.raw, isRoot);
  if (type === undefined) return undefined;
  const rules = rulesOf(schema.raw).length === 0 ? [] : times.compilation(() => compileRules(schema.raw, type, () => 'stored'));
  const properties = [...schema.properties].flatMap(([name, property]): [string, RuleNode][] => {
    const node = nodeOf(property, false, times);
    return node === undefined ? [] : [[name, node]];
  });
  return {
    schema, rules, items: schema.items === undefined ? undefined : nodeOf(schema.items, false, times),
    additional: typeof schema.additional === 'object' ? nodeOf(schema.additional, false, times) : undefined, properties: new Map(properties),
  };
}

/** Where a value stood before, and the nearest place above it that can be matched with one of before. */
interface Ratchet {
  readonly current: Correlation | undefined;
  readonly above: { readonly value: Json; readonly old: Json } | undefined;
}

const noRatchet: Ratchet = { current: undefined, above: undefined };

function below(ratchet: Ratchet, value: Json, next: Correlation | undefined): Ratchet {
  return ratchet.current === undefined ? ratchet : { current: next, above: { value, old: ratchet.current.value } };
}

function shown(rule: JsonObject): string {
  return (text(rule, 'message') || text(rule, 'rule')).trim();
}

function placed(field: string, path: string): string {
  const joined = path === '' ? field : field === '' ? path : `${field}.${path}`;
  return joined === '' ? '<nil>' : joined;
}

function child(field: string, key: string): string {
  return field === '' ? key : `${field}.${key}`;
}

/** Evaluation of one object's rules within one budget. */
class Run {
  readonly errors: FieldError[] = [];
  /** Errors that were there before and have not changed. */
  readonly ratcheted: string[] = [];
  #budget = runtimeCostBudget;
  #over = false;

  visit(node: RuleNode, value: Json, old: Json | undefined, field: string, ratchet: Ratchet): void {
    if (this.#over || value === null) return;
    this.#rules(node, value, old ?? undefined, field, ratchet);
    if (Array.isArray(value)) this.#array(node, value, old, field, ratchet);
    else if (isObject(value)) this.#object(node, value, old, field, ratchet);
  }

  #array(node: RuleNode, value: readonly Json[], old: Json | undefined, field: string, ratchet: Ratchet): void {
    if (node.items === undefined) return;
    const before: Correlation | undefined = Array.isArray(old) ? { value: old, schema: node.schema } : undefined;
    for (const [index, item] of value.entries()) {
      this.visit(node.items, item, correlatedItem(before, value, index)?.value, `${field}[${index}]`, below(ratchet, value as Json, correlatedItem(ratchet.current, value, index)));
    }
  }

  #object(node: RuleNode, value: JsonObject, old: Json | undefined, field: string, ratchet: Ratchet): void {
    const oldObject = isObject(old) ? old : {};
    for (const key of Object.keys(value).toSorted()) {
      const property = node.properties.get(key);
      const next = property ?? (node.schema.properties.has(key) ? undefined : node.additional);
      if (next === undefined) continue;
      const before = Object.hasOwn(oldObject, key) ? oldObject[key] : undefined;
      this.visit(next, value[key] as Json, before, property === undefined ? `${field}[${key}]` : child(field, key), below(ratchet, value, correlatedMember(ratchet.current, field, key)));
    }
  }

  #invalid(node: RuleNode, field: string, why: string): void {
    this.errors.push({ type: 'Invalid', field: placed(field, ''), message: `Invalid value: ${JSON.stringify(node.schema.type)}: ${why}` });
  }

  #rules(node: RuleNode, value: Json, old: Json | undefined, field: string, ratchet: Ratchet): void {
    if (node.rules.length === 0) return;
    if (this.#budget <= 0) {
      this.#outOfBudget(node, field);
      return;
    }
    for (const rule of node.rules) {
      if (this.#over) return;
      if (rule.trouble !== undefined) this.#invalid(node, field, `rule compile error: ${rule.trouble}`);
      else if (rule.program !== undefined && !(rule.usesOldSelf && old === undefined && !rule.optionalOldSelf)) this.#one(node, rule, value, old, field, ratchet);
    }
  }

  #outOfBudget(node: RuleNode, field: string): void {
    this.#invalid(node, field, 'validation failed due to running out of cost budget, no further validation rules will be run');
    this.#over = true;
  }

  #one(node: RuleNode, rule: CompiledRule, value: Json, old: Json | undefined, field: string, ratchet: Ratchet): void {
    const result = rule.program?.evaluate({ self: value, oldSelf: old }, { costLimit: perCallLimit }) as Evaluation;
    if (result.cost > this.#budget) {
      this.#outOfBudget(node, field);
      return;
    }
    this.#budget -= result.cost;
    if (result.kind === 'error') this.#failed(node, rule, result, field);
    else if (result.kind !== 'value' || result.value.scalar !== true) this.#refuse(node, rule, value, old, field, ratchet);
  }

  #failed(node: RuleNode, rule: CompiledRule, { message, overLimit }: Extract<Evaluation, { kind: 'error' }>, field: string): void {
    if (message.startsWith('no such overload')) this.#invalid(node, field, `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown(rule.rule)}`);
    else if (overLimit) {
      this.#invalid(node, field, `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown(rule.rule)}`);
      this.#over = true;
    } else this.#invalid(node, field, `${message} evaluating rule: ${shown(rule.rule)}`);
  }

  #refuse(node: RuleNode, rule: CompiledRule, value: Json, old: Json | undefined, field: string, ratchet: Ratchet): void {
    const type = JSON.stringify(node.schema.type);
    const at = placed(field, rule.fieldPath);
    const message = this.#message(rule, value, old);
    const error: FieldError = typeof message === 'string' ? refusal(at, type, message, text(rule.rule, 'reason')) : { type: 'Invalid', field: at, message: `Invalid value: ${type}: ${message.fatal}` };
    const same = ratchet.current === undefined ? ratchet.above !== undefined && equalJson(ratchet.above.value, ratchet.above.old) : equalJson(ratchet.current.value, value);
    if (!rule.usesOldSelf && same) this.ratcheted.push(`${error.field}: ${error.message}`);
    else this.errors.push(error);
  }

  #message({ rule, message }: CompiledRule, value: Json, old: Json | undefined): string | { readonly fatal: string } {
    const fixed = text(rule, 'message') === '' ? `failed rule: ${shown(rule)}` : text(rule, 'message').trim();
    if (message === undefined) return fixed;
    const result = message.evaluate({ self: value, oldSelf: old }, { costLimit: perCallLimit });
    if (result.cost > this.#budget) {
      this.#over = true;
      return { fatal: 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run' };
    }
    this.#budget -= result.cost;
    if (result.kind === 'error' && result.overLimit) {
      this.#over = true;
      return { fatal: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(text(rule, 'messageExpression'))}` };
    }
    const made = result.kind === 'value' && typeof result.value.scalar === 'string' ? result.value.scalar.trim() : '';
    return made === '' || made.includes('\n') || utf8(made).length > maxMessageExpressionBytes ? fixed : made;
  }
}

function refusal(field: string, type: string, message: string, reason: string): FieldError {
  switch (reason) {
    case 'FieldValueRequired': return { type: 'Required', field, message: `Required value: ${message}` };
    case 'FieldValueForbidden': return { type: 'Forbidden', field, message: `Forbidden: ${message}` };
    case 'FieldValueDuplicate': return { type: 'Duplicate', field, message: `Duplicate value: ${type}` };
    default: return { type: 'Invalid', field, message: `Invalid value: ${type}: ${message}` };
  }
}

export interface RuleFindings {
  readonly errors: FieldError[];
  /** What is wrong and was so before: told, not refused. */
  readonly ratcheted: readonly string[];
}

/** The rules of one schema, compiled when first needed. */
export class SchemaRules {
  readonly #node: RuleNode | undefined;
  readonly #schema: Structural;
  readonly #times: CelTimes;

  constructor(schema: Structural, isRoot: boolean, times: CelTimes) {
    this.#schema = schema;
    this.#times = times;
    this.#node = nodeOf(schema, isRoot, times);
  }

  get isEmpty(): boolean {
    return this.#node === undefined;
  }

  /** `old`: what stood there before an update. `ratchet`: what was wrong before and has not changed may stay. */
  check(value: Json, field: string, old: Json | undefined, ratchet: boolean): RuleFindings {
    const run = new Run();
    const node = this.#node;
    if (node !== undefined) this.#times.evaluation(() => run.visit(node, value, old, field, ratchet && old !== undefined ? { current: { value: old, schema: this.#schema }, above: undefined } : noRatchet));
    return { errors: run.errors, ratcheted: run.ratcheted };
  }
}
