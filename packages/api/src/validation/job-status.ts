import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { num, obj, strings } from './access.ts';
import { duplicate, invalidValue } from './errors.ts';

const counters = ['active', 'succeeded', 'failed', 'ready', 'terminating'];

/** A pod is counted once, whatever became of it. */
function uncounted(status: JsonObject | undefined): FieldError[] {
  const pods = obj(status, 'uncountedTerminatedPods');
  const seen = new Set<string>();
  return ['succeeded', 'failed'].flatMap((list) => strings(pods, list).flatMap((uid, index) => {
    const field = `status.uncountedTerminatedPods.${list}[${index}]`;
    if (uid === '') return [invalidValue(field, uid, 'must not be empty')];
    if (seen.has(uid)) return [duplicate(field, uid)];
    seen.add(uid);
    return [];
  }));
}

/** What whoever manages a job may say of it: numbers that can be. */
export function jobStatus(job: JsonObject): FieldError[] {
  const status = obj(job, 'status');
  const negative = counters.flatMap((name) => (num(status, name) < 0 ? [invalidValue(`status.${name}`, num(status, name), 'must be greater than or equal to 0')] : []));
  const [active, ready] = [num(status, 'active'), num(status, 'ready')];
  const tooReady = active >= 0 && ready > active ? [invalidValue('status.ready', ready, 'cannot set more ready pods than active')] : [];
  return [...negative, ...uncounted(status), ...tooReady];
}
