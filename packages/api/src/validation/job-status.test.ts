import { expect, it } from 'vitest';
import { jobStatus } from './job-status.ts';

const fine = 'must be greater than or equal to 0';
const start = '2025-01-01T00:00:00Z';
const end = '2025-01-01T01:00:00Z';
const when = (...types: readonly string[]): object => ({ conditions: types.map((type) => ({ type, status: 'True' })) });
const done = { startTime: start, completionTime: end, ...when('SuccessCriteriaMet', 'Complete') };
const cannot = (text: string): string => `status.conditions: Invalid value: cannot ${text}`;
const indexed = { completionMode: 'Indexed', completions: 5, parallelism: 2, backoffLimitPerIndex: 1 };
const plain = { completionMode: 'NonIndexed', completions: 1, parallelism: 1 };

type Case = readonly [name: string, status: object, said: readonly string[], before?: object, spec?: object];

// What kube-apiserver 1.32.2 says of them.
it.each(([
  ['nothing', {}, []],
  ['as many as there are', { active: 2, ready: 1, succeeded: 1, failed: 0, terminating: 0 }, []],
  ['fewer than none', { active: -1 }, [`status.active: Invalid value: -1: ${fine}`]],
  ['two fewer than none', { failed: -1, ready: -1 }, [`status.failed: Invalid value: -1: ${fine}`, `status.ready: Invalid value: -1: ${fine}`, 'status.failed: Invalid value: -1: cannot decrease the failed counter']],
  ['fewer than none that end', { terminating: -1 }, [`status.terminating: Invalid value: -1: ${fine}`]],
  ['more ready than there are', { active: 1, ready: 2 }, ['status.ready: Invalid value: 2: cannot set more ready pods than active']],
  ['more ready than there are, as before', { active: 1, ready: 2, succeeded: 1 }, [], { active: 1, ready: 2 }],
  ['pods counted twice', { uncountedTerminatedPods: { succeeded: ['a', 'a', ''], failed: ['b', 'b', 'a', ''] } }, [
    'status.uncountedTerminatedPods.succeeded[1]: Duplicate value: "a"', 'status.uncountedTerminatedPods.succeeded[2]: Invalid value: "": must not be empty',
    'status.uncountedTerminatedPods.failed[1]: Duplicate value: "b"', 'status.uncountedTerminatedPods.failed[2]: Duplicate value: "a"', 'status.uncountedTerminatedPods.failed[3]: Invalid value: "": must not be empty',
  ]],
  ['everything that an end needs', done, []],
  ['an end without its reason', { startTime: start, ...when('Complete') }, ['status.completionTime: Required value: completionTime is required for Complete jobs', cannot('set Complete=True condition without the SuccessCriteriaMet=true condition')]],
  ['an end that comes too early', { ...done, startTime: end, completionTime: start }, ['status.completionTime: Invalid value: 2025-01-01 00:00:00 +0000 UTC: completionTime cannot be set before startTime']],
  ['a time of its end before that', { startTime: start, completionTime: end }, ['status.completionTime: Invalid value: 2025-01-01 01:00:00 +0000 UTC: cannot set completionTime when there is no Complete=True condition']],
  ['an end without a beginning', { completionTime: end, ...when('SuccessCriteriaMet', 'Complete') }, ['status.startTime: Required value: startTime is required for finished job']],
  ['a failure without its reason', { startTime: start, ...when('Failed') }, [cannot('set Failed=True condition without the FailureTarget=true condition')]],
  ['a success that fails', { startTime: start, ...when('SuccessCriteriaMet', 'FailureTarget') }, [cannot('set SuccessCriteriaMet=True and FailureTarget=true conditions')]],
  ['an end while pods run', { ...done, active: 1, terminating: 2 }, ['status.active: Invalid value: 1: active>0 is invalid for finished job', 'status.terminating: Invalid value: 2: terminating>0 is invalid for finished job']],
  ['an end while pods are not counted', { ...done, uncountedTerminatedPods: { succeeded: ['a'] } }, ['status.uncountedTerminatedPods: Invalid value: batch.UncountedTerminatedPods{Succeeded:[]types.UID{"a"}, Failed:[]types.UID(nil)}: uncountedTerminatedPods needs to be empty for finished job']],
  ['indexes of another kind of job', { completedIndexes: '0', failedIndexes: '0' }, [
    'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode', 'status.failedIndexes: Invalid value: "0": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    'status.failedIndexes: Invalid value: "0": failedIndexes and completedIndexes overlap at index: 0',
  ]],
  ['indexes that are both', { completedIndexes: '1-3', failedIndexes: '2' }, ['status.failedIndexes: Invalid value: "2": failedIndexes and completedIndexes overlap at index: 2'], {}, indexed],
  ['indexes out of order', { completedIndexes: '3,1' }, ['status.completedIndexes: Invalid value: "3,1": error parsing completedIndexes: non-increasing order, previous: 3, current: 1'], {}, indexed],
  ['an index too many', { completedIndexes: '1,2,4-5' }, ['status.completedIndexes: Invalid value: "1,2,4-5": error parsing completedIndexes: too large index: "5"'], {}, indexed],
  ['an index too many, as before', { completedIndexes: '7', active: 1 }, [], { completedIndexes: '7' }, indexed],
  ['fewer that succeeded', { succeeded: 1 }, ['status.succeeded: Invalid value: 1: cannot decrease the succeeded counter'], { succeeded: 2 }, indexed],
  ['fewer that succeeded after it was scaled down', { succeeded: 1 }, [], { succeeded: 2 }, { ...indexed, parallelism: 5 }],
  ['another beginning', { startTime: end }, ['status.startTime: Required value: startTime cannot be removed for unsuspended job'], { startTime: start }],
  ['another beginning while suspended', { startTime: end }, [], { startTime: start }, { ...plain, suspend: true }],
  ['another end', { ...done, completionTime: '2025-01-01T02:00:00Z' }, ['status.completionTime: Invalid value: 2025-01-01 02:00:00 +0000 UTC: completionTime cannot be mutated'], done],
  ['no end any more', { startTime: start, ...when('SuccessCriteriaMet') }, [cannot('disable the terminal Complete=True condition')], done],
  ['no success any more', { startTime: start }, [cannot('disable the SuccessCriteriaMet=True condition')], { startTime: start, ...when('SuccessCriteriaMet') }],
] satisfies readonly Case[]).map(([name, status, said, before, spec]: Case) => ({ name, status, said, before: before ?? {}, spec: spec ?? plain })))('a job with $name', ({ status, said, before, spec }) => {
  const job = (of: object): never => ({ spec, status: of }) as never;
  expect(jobStatus(job(status), job(before)).map(({ field, message }) => `${field}: ${message}`)).toEqual(said);
});
