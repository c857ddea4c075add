import type { Job, PodFailurePolicyRule } from 'kubernetes-types/batch/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { keyOfObject } from '@coxswain/client';
import { parseIndexes } from './indexes.ts';

export type FailureAction = 'FailJob' | 'FailIndex' | 'Ignore' | 'Count';

export interface Matched { readonly action: FailureAction; readonly message: string }

function exitCodeMatches(rule: PodFailurePolicyRule, pod: Pod, index: number, action: FailureAction): Matched | undefined {
  const wanted = rule.onExitCodes;
  if (wanted === undefined) return undefined;
  for (const status of [...pod.status?.initContainerStatuses ?? [], ...pod.status?.containerStatuses ?? []]) {
    const code = status.state?.terminated?.exitCode;
    // Zero is no failure, whatever a rule says.
    if (code === undefined || code === 0 || (wanted.containerName !== undefined && wanted.containerName !== status.name)) continue;
    const listed = wanted.values.includes(code);
    if (listed === (wanted.operator === 'In')) {
      return { action, message: `Container ${status.name} for pod ${keyOfObject(pod)} failed with exit code ${code} matching ${rule.action} rule at index ${index}` };
    }
  }
  return undefined;
}

function conditionMatches(rule: PodFailurePolicyRule, pod: Pod, index: number, action: FailureAction): Matched | undefined {
  const found = pod.status?.conditions?.find(({ type, status }) => (rule.onPodConditions ?? []).some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status));
  return found === undefined ? undefined : { action, message: `Pod ${keyOfObject(pod)} has condition ${found.type} matching ${rule.action} rule at index ${index}` };
}

/** What the first rule that fits says of a failed pod; undefined: the usual. */
export function failureMatch(job: Job, pod: Pod): Matched | undefined {
  const rules = job.spec?.podFailurePolicy?.rules ?? [];
  for (const [index, rule] of rules.entries()) {
    const action = rule.action as FailureAction;
    const matched = exitCodeMatches(rule, pod, index, action) ?? conditionMatches(rule, pod, index, action);
    if (matched !== undefined) return matched;
  }
  return undefined;
}

/** Text for the first success rule that is met; undefined: none, or none is asked for. */
export function successMatch(job: Job, completed: ReadonlySet<number>): string | undefined {
  const rules = job.spec?.successPolicy?.rules ?? [];
  const index = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    const among = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, job.spec?.completions ?? 0);
    const met = among === undefined ? completed.size : [...among].filter((one) => completed.has(one)).length;
    return met >= (succeededCount ?? among?.size ?? Infinity);
  });
  return index < 0 ? undefined : `Matched rules at index ${index}`;
}
