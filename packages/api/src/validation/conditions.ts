/** Conditions of the machinery's own type, as several kinds have them. */
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { num, str } from './access.ts';
import { each, labelName, requireOneOf } from './common.ts';
import { duplicate, invalidValue, required, tooLong } from './errors.ts';
import { regexText } from './formats.ts';

const longestReason = 1024;
const longestMessage = 32 * 1024;
const reasonPattern = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const reasonText = regexText(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  reasonPattern, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB',
);
const reasonFormat = new RegExp(`^${reasonPattern}$`);

function reasonErrors(reason: string, field: string): FieldError[] {
  if (reason === '') return [required(field, 'must be set')];
  return [...(reasonFormat.test(reason.slice(0, longestReason + 1)) ? [] : [invalidValue(field, reason, reasonText)]), ...(reason.length > longestReason ? [tooLong(field, longestReason)] : [])];
}

export function conditionErrors(conditions: readonly JsonObject[], field: string): FieldError[] {
  const seen = new Set<string>();
  return each(conditions, field, (one, at) => {
    const type = str(one, 'type');
    const errors = seen.has(type) ? [duplicate(`${at}.type`, type)] : [];
    seen.add(type);
    const generation = num(one, 'observedGeneration');
    return [
      ...errors, ...labelName(type, `${at}.type`), ...requireOneOf(str(one, 'status'), `${at}.status`, ['False', 'True', 'Unknown'], 'unsupported'),
      ...(generation < 0 ? [invalidValue(`${at}.observedGeneration`, generation, 'must be greater than or equal to zero')] : []),
      ...(str(one, 'lastTransitionTime') === '' ? [required(`${at}.lastTransitionTime`, 'must be set')] : []),
      ...reasonErrors(str(one, 'reason'), `${at}.reason`), ...(str(one, 'message').length > longestMessage ? [tooLong(`${at}.message`, longestMessage)] : []),
    ];
  });
}
