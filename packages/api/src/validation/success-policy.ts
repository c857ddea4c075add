import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { has, num, obj, objects, optionalNumber, str } from './access.ts';
import { invalidValue, required, tooLong, tooMany } from './errors.ts';
import { each, nonNegative } from './common.ts';
import { goStruct } from './go-value.ts';
import { countIndexes } from './index-intervals.ts';

const mostRules = 20;
const longestIndexes = 64 * 1024;

function rule(one: JsonObject, at: string, completions: number): FieldError[] {
  const count = optionalNumber(one, 'succeededCount');
  const indexes = str(one, 'succeededIndexes');
  const errors: FieldError[] = [];
  if (count === undefined && !has(one, 'succeededIndexes')) errors.push(required(at, 'at least one of succeededCount or succeededIndexes must be specified'));
  const total = has(one, 'succeededIndexes') ? countIndexes(indexes, completions) : 0;
  if (indexes.length > longestIndexes) errors.push(tooLong(`${at}.succeededIndexes`, longestIndexes));
  if (typeof total === 'string') errors.push(invalidValue(`${at}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${total}`));
  if (count === undefined) return errors;
  append(errors, nonNegative(one, 'succeededCount', at));
  if (count > completions) errors.push(invalidValue(`${at}.succeededCount`, count, `must be less than or equal to ${completions} (the number of specified completions)`));
  const named = typeof total === 'number' ? total : 0;
  if (has(one, 'succeededIndexes') && count > named) errors.push(invalidValue(`${at}.succeededCount`, count, `must be less than or equal to ${named} (the number of indexes in the specified succeededIndexes field)`));
  return errors;
}

/** When an indexed job has succeeded although not all of it has. */
export function successPolicy(spec: JsonObject | undefined, field: string): FieldError[] {
  const policy = obj(spec, 'successPolicy');
  if (policy === undefined) return [];
  const at = `${field}.successPolicy`;
  if (str(spec, 'completionMode') !== 'Indexed') return [invalidValue(at, goStruct('io.k8s.api.batch.v1.SuccessPolicy', policy), 'requires indexed completion mode')];
  const rules = objects(policy, 'rules');
  return [
    ...(rules.length === 0 ? [required(`${at}.rules`, 'at least one rules must be specified when the successPolicy is specified')] : []),
    ...(rules.length > mostRules ? [tooMany(`${at}.rules`, rules.length, mostRules)] : []),
    ...each(rules, `${at}.rules`, (one, ruleAt) => rule(one, ruleAt, num(spec, 'completions'))),
  ];
}
