import { matchConditionEnvironment, type JsonObject } from '@coxswain/api';
import { authorizerValue, matchConditionsCostBudget, requestResourceValue, untypedBinding, type Evaluation, type Program } from '@coxswain/cel';
import type { MatchCondition } from 'kubernetes-types/admissionregistration/v1';
import type { AdmissionAttributes, AdmissionVersion, Authorizer } from '../../types.ts';
import { decisionsOf } from './authorizer-decisions.ts';
import { requestObject } from './request-variable.ts';

export type ConditionResult =
  | { readonly kind: 'match' }
  | { readonly kind: 'no-match' }
  /** Not to be told, and the failure policy is Fail. */
  | { readonly kind: 'error'; readonly message: string };

/** The conditions of one webhook, compiled once. */
export interface MatchConditions {
  match(a: AdmissionAttributes, version: AdmissionVersion, authorizer: Authorizer): Promise<ConditionResult>;
}

type Compiled = { readonly expression: string; readonly program: Program } | { readonly expression: string; readonly error: string };

function compile(expression: string): Compiled {
  const result = matchConditionEnvironment('stored').compile(expression);
  if (!result.ok) return { expression, error: `compilation failed: ${result.message}` };
  if (result.program.resultType.kind !== 'bool') return { expression, error: `must evaluate to bool but got ${result.program.resultType.text}` };
  return { expression, program: result.program };
}

const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** Asks the authorizer as often as the expression wants to know. */
async function evaluate(program: Program, bindings: Parameters<Program['evaluate']>[0], decisions: ReturnType<typeof decisionsOf>): Promise<Exclude<Evaluation, { kind: 'ask' }>> {
  for (;;) {
    const result = program.evaluate(bindings, { authorizer: decisions });
    if (result.kind !== 'ask') return result;
    await decisions.ask(result.attributes);
  }
}

type Verdict = 'no-match' | { readonly errors: readonly string[] } | { readonly fatal: string };

async function evaluateAll(compiled: readonly Compiled[], bindings: Parameters<Program['evaluate']>[0], decisions: ReturnType<typeof decisionsOf>): Promise<Verdict> {
  const errors: string[] = [];
  let isFalse = false;
  let budget = matchConditionsCostBudget;
  for (const condition of compiled) {
    if ('error' in condition) { errors.push(`compilation error: ${condition.error}`); continue; }
    const result = await evaluate(condition.program, bindings, decisions);
    budget -= result.cost;
    if (budget < 0) return { fatal: outOfBudget };
    if (result.kind === 'error') errors.push(`expression '${condition.expression}' resulted in error: ${result.message}`);
    else if (result.value.scalar === false) isFalse = true;
  }
  return isFalse ? 'no-match' : { errors };
}

function aggregate(errors: readonly string[]): string {
  const unique = [...new Set(errors)];
  return unique.length === 1 ? unique[0] ?? '' : `[${unique.join(', ')}]`;
}

async function bindingsOf(a: AdmissionAttributes, version: AdmissionVersion): Promise<Parameters<Program['evaluate']>[0]> {
  const convert = async (object: JsonObject | undefined): Promise<JsonObject | null> => (object === undefined ? null : version.from(object));
  return {
    object: await convert(a.object), oldObject: await convert(a.oldObject), namespaceObject: untypedBinding(null), request: requestObject(a, version),
    authorizer: authorizerValue, 'authorizer.requestResource': requestResourceOf(a),
  };
}

function requestResourceOf(a: AdmissionAttributes): ReturnType<typeof requestResourceValue> {
  return requestResourceValue({ group: a.resource.group, resource: a.resource.resource, subresource: a.subresource, namespace: a.namespace, name: a.name });
}

/** undefined: there are none, everything matches. */
export function matchConditions(conditions: readonly MatchCondition[], failOpen: boolean): MatchConditions | undefined {
  if (conditions.length === 0) return undefined;
  let compiled: readonly Compiled[] | undefined;
  return {
    async match(a, version, authorizer) {
      compiled ??= conditions.map(({ expression }) => compile(expression));
      const verdict = await evaluateAll(compiled, await bindingsOf(a, version), decisionsOf(authorizer, a.user));
      if (verdict === 'no-match') return { kind: 'no-match' };
      const message = 'fatal' in verdict ? verdict.fatal : verdict.errors.length === 0 ? undefined : aggregate(verdict.errors);
      if (message === undefined) return { kind: 'match' };
      return failOpen ? { kind: 'no-match' } : { kind: 'error', message };
    },
  };
}
