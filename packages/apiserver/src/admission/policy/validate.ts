import { maxMessageExpressionBytes, runtimeCostBudget, type CelResult } from '@coxswain/cel';
import { Activation, Budget, OutOfBudget, type Seen } from './activation.ts';
import type { CompiledPolicy, CompiledValidation } from './compile.ts';
import { evaluateConditions } from './conditions.ts';
import type { Decisions } from './decisions.ts';

export interface Denial {
  /** Of the validation; 0 where none is to blame. */
  readonly index: number;
  readonly message: string;
  readonly reason: string;
  /** It is an error that the failurePolicy passes over. */
  readonly isIgnored?: boolean;
  /** What the evaluation took. */
  readonly seconds: number;
}

/** In milliseconds. */
export type Stopwatch = () => number;

export interface PolicyOutcome {
  readonly denials: readonly Denial[];
  /** To be published under `POLICY/KEY`. */
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Of audit annotations: they deny whatever the binding's actions are. */
  readonly annotationErrors: readonly string[];
}

const nothing: PolicyOutcome = { denials: [], annotations: [], annotationErrors: [] };

type Result = { readonly value: CelResult } | { readonly error: string };

/** All of a policy's validations against one request with one set of parameters. */
export async function evaluatePolicy(policy: CompiledPolicy, seen: Seen, decisions: Decisions, now: Stopwatch): Promise<PolicyOutcome> {
  const matched = await evaluateConditions(policy.conditions, seen, decisions, policy.failurePolicy);
  const failed = (message: string): PolicyOutcome => ({ ...nothing, denials: [{ index: 0, message, reason: '', seconds: 0, ...ignored(policy) }] });
  if (matched.kind === 'no-match') return nothing;
  if (matched.kind === 'error') return failed(matched.message);
  const activation = new Activation(seen, policy.variables, decisions);
  try {
    const denials = await evaluateValidations(policy, activation, now);
    return { denials, ...await evaluateAnnotations(policy, activation) };
  } catch (error) {
    if (error instanceof OutOfBudget) return failed(error.message);
    throw error;
  }
}

const ignored = ({ failurePolicy }: CompiledPolicy): Pick<Denial, 'isIgnored'> => (failurePolicy === 'Ignore' ? { isIgnored: true } : {});

async function evaluateValidations(policy: CompiledPolicy, activation: Activation, now: Stopwatch): Promise<readonly Denial[]> {
  const budget = new Budget(runtimeCostBudget);
  const results: (Result & { readonly seconds: number })[] = [];
  for (const { expression } of policy.validations) {
    const startMs = now();
    const result = await activation.evaluate(expression, budget);
    results.push({ ...result, seconds: (now() - startMs) / 1000 });
  }
  const messages = await evaluateMessages(policy.validations, activation, budget);
  return policy.validations.flatMap((validation, index) => {
    const result = results[index] as Result & { readonly seconds: number };
    const { seconds } = result;
    const whenFailed = (message: string): Denial[] => [{ index, message, reason: '', seconds, ...ignored(policy) }];
    if ('error' in result) return whenFailed(result.error);
    if (messages === 'out of budget') return whenFailed(`failed messageExpression: ${new OutOfBudget().message}`);
    return result.value.scalar === true ? [] : [{ index, message: denialMessage(validation, messages[index]), reason: validation.reason, seconds }];
  });
}

async function evaluateMessages(validations: readonly CompiledValidation[], activation: Activation, budget: Budget): Promise<readonly (Result | undefined)[] | 'out of budget'> {
  const results: (Result | undefined)[] = [];
  try {
    for (const { messageExpression } of validations) results.push(messageExpression === undefined ? undefined : await activation.evaluate(messageExpression, budget));
  } catch (error) {
    if (error instanceof OutOfBudget) return 'out of budget';
    throw error;
  }
  return results;
}

/** What messageExpression gives if it is one fit line, else the message, else the expression. */
function denialMessage({ expression, message }: CompiledValidation, result: Result | undefined): string {
  const value = result !== undefined && 'value' in result ? result.value.scalar : undefined;
  const made = typeof value === 'string' ? value.trim() : '';
  const fits = made !== '' && !made.includes('\n') && new TextEncoder().encode(made).length <= maxMessageExpressionBytes;
  if (fits) return made;
  return message.trim() === '' ? `failed expression: ${expression.expression.trim()}` : message.trim();
}

async function evaluateAnnotations(policy: CompiledPolicy, activation: Activation): Promise<Pick<PolicyOutcome, 'annotations' | 'annotationErrors'>> {
  const budget = new Budget(runtimeCostBudget);
  const annotations: { readonly key: string; readonly value: string }[] = [];
  const annotationErrors: string[] = [];
  for (const { key, expression } of policy.auditAnnotations) {
    const result = await activation.evaluate(expression, budget);
    if ('error' in result) {
      if (policy.failurePolicy === 'Fail') annotationErrors.push(result.error);
      continue;
    }
    const value = typeof result.value.scalar === 'string' ? result.value.scalar.trim() : '';
    if (value !== '') annotations.push({ key, value });
  }
  return { annotations, annotationErrors };
}
