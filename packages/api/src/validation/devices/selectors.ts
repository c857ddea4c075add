import { compileDeviceSelector, deviceSizes, type CompileResult } from '@coxswain/cel';
import type { Steps } from '../../apply/steps.ts';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { has, obj, objects, str } from '../access.ts';
import { forbiddenField, invalidValue, required } from '../errors.ts';
import { eachOf, tooLongText } from './names.ts';

const maxSelectors = 32;
const longestExpression = 10 * 1024;
const maxCost = 1_000_000;
/** As many as a claim may have; an update is looked at more than once. */
const maxCompiled = 1024;
const compiled = new Map<string, CompileResult>();

function compile(expression: string): CompileResult {
  const known = compiled.get(expression);
  if (known !== undefined) return known;
  const made = compileDeviceSelector(expression);
  if (compiled.size >= maxCompiled) compiled.clear();
  compiled.set(expression, made);
  return made;
}

function celErrors(cel: JsonObject | undefined, field: string): FieldError[] {
  const at = `${field}.expression`;
  const expression = str(cel, 'expression');
  const long = tooLongText(expression, at, longestExpression);
  if (long.length > 0) return long;
  const result = compile(expression);
  if (!result.ok) return [invalidValue(at, expression, result.message)];
  return result.program.estimateCost(deviceSizes).max > maxCost ? [forbiddenField(at, 'too complex, exceeds cost limit')] : [];
}

export function selectorErrors(owner: JsonObject | undefined, field: string): FieldError[] {
  return eachOf(objects(owner, 'selectors'), `${field}.selectors`, maxSelectors, (selector, at) => (has(selector, 'cel') ? celErrors(obj(selector, 'cel'), `${at}.cel`) : [required(`${at}.cel`)]));
}

/** Compiles what will be asked for, with turns for others between. */
export function* compileInSteps(selectors: readonly JsonObject[]): Steps {
  for (const selector of selectors) {
    const expression = str(obj(selector, 'cel'), 'expression');
    if (expression.length <= longestExpression) compile(expression);
    yield;
  }
}
