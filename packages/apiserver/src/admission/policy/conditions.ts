import { matchConditionsCostBudget } from '@coxswain/cel';
import { Activation, Budget, OutOfBudget, type Seen } from './activation.ts';
import type { Compiled } from './compile.ts';
import type { Decisions } from './decisions.ts';

export type ConditionsResult = { readonly kind: 'match' } | { readonly kind: 'no-match' } | { readonly kind: 'error'; readonly message: string };

const joined = (messages: readonly string[]): string => {
  const distinct = [...new Set(messages)];
  return distinct.length === 1 ? distinct[0] as string : `[${distinct.join(', ')}]`;
};

/** One that is false decides, whatever the others are; else errors do, by the failure policy. */
export async function evaluateConditions(conditions: readonly Compiled[], seen: Seen, decisions: Decisions, failurePolicy: 'Fail' | 'Ignore'): Promise<ConditionsResult> {
  if (conditions.length === 0) return { kind: 'match' };
  const activation = new Activation({ ...seen, namespace: undefined }, [], decisions);
  const budget = new Budget(matchConditionsCostBudget);
  const errors: string[] = [];
  let isFalse = false;
  try {
    for (const condition of conditions) {
      const result = await activation.evaluate(condition, budget);
      if ('error' in result) errors.push(result.error);
      else if (result.value.scalar === false) isFalse = true;
    }
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return failurePolicy === 'Fail' ? { kind: 'error', message: error.message } : { kind: 'no-match' };
  }
  if (isFalse) return { kind: 'no-match' };
  if (errors.length === 0) return { kind: 'match' };
  return failurePolicy === 'Fail' ? { kind: 'error', message: joined(errors) } : { kind: 'no-match' };
}
