import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { has, num, obj, objects, optionalNumber, str } from './access.ts';
import { invalidValue, required, tooLong, tooMany } from './errors.ts';
import { each, nonNegative } from './common.ts';
import { goStruct } from './go-value.ts';

const mostRules = 20;
const longestIndexes = 64 * 1024;

/** How many indexes a text such as `0,2-4` names, or what is wrong with it. */
function countIndexes(text: string, completions: number): number | string {
  if (text === '') return 0;
  let total = 0;
  let last = -1;
  for (const interval of text.split(',')) {
    const limits = interval.split('-');
    if (limits.length > 2) return `the fragment "${interval}" violates the requirement that an index interval can have at most two parts separated by '-'`;
    const numbers = limits.map((limit) => (/^[+-]?[0-9]+$/.test(limit) ? Number(limit) : undefined));
    const wrong = numbers.indexOf(undefined);
    if (wrong >= 0) return `cannot convert string to integer for index: "${limits[wrong] as string}"`;
    const [first = 0, end = first] = numbers as number[];
    if (first >= completions) return `too large index: "${limits[0] as string}"`;
    if (last >= first) return `non-increasing order, previous: ${last}, current: ${first}`;
    if (end >= completions) return `too large index: "${limits[1] as string}"`;
    if (limits.length === 2 && first >= end) return `non-increasing order, previous: ${first}, current: ${end}`;
    total += end - first + 1;
    last = end;
  }
  return total;
}

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
