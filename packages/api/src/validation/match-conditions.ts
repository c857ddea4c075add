import { append } from '@coxswain/host';
import { admissionEnvironment, type Environment } from '@coxswain/cel';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { objects, str } from './access.ts';
import { each } from './common.ts';
import { duplicate, eachInvalid, invalidValue, required, tooMany } from './errors.ts';
import { qualifiedNameProblems } from './formats.ts';

/** What the match conditions of webhooks are compiled in. */
export function matchConditionEnvironment(expressions: 'new' | 'stored'): Environment {
  return admissionEnvironment({ params: false, authorizer: true, expressions });
}

/** Why an expression is no condition; undefined: it is one. */
function conditionProblem(environment: Environment, expression: string): string | undefined {
  const result = environment.compile(expression);
  if (!result.ok) return `compilation failed: ${result.message}`;
  return result.program.resultType.kind === 'bool' ? undefined : `must evaluate to bool but got ${result.program.resultType.text}`;
}

const maxConditions = 64;

function expressionErrors(given: string, field: string, stored: ReadonlySet<string>): FieldError[] {
  const expression = given.trim();
  if (expression === '') return [required(field)];
  const problem = conditionProblem(matchConditionEnvironment(stored.has(expression) ? 'stored' : 'new'), expression);
  return problem === undefined ? [] : [invalidValue(field, expression, problem)];
}

/** `stored`: expressions that are there already may use what newer servers know. */
export function validateMatchConditions(owner: JsonObject | undefined, field: string, stored: ReadonlySet<string> = new Set()): FieldError[] {
  const conditions = objects(owner, 'matchConditions');
  const names = new Set<string>();
  const errors: FieldError[] = conditions.length > maxConditions ? [tooMany(field, conditions.length, maxConditions)] : [];
  append(errors, each(conditions, field, (condition, at) => {
    const name = str(condition, 'name');
    const found = expressionErrors(str(condition, 'expression'), `${at}.expression`, stored);
    append(found, (name === '' ? [required(`${at}.name`)] : eachInvalid(`${at}.name`, name, qualifiedNameProblems(name))));
    if (names.has(name) && name !== '') found.push(duplicate(`${at}.name`, name));
    names.add(name);
    return found;
  }));
  return errors;
}
