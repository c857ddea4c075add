import { expect, it } from 'vitest';
import { jobStatus } from './job-status.ts';

const fine = 'must be greater than or equal to 0';

// What kube-apiserver 1.32.2 says of them.
it.each<readonly [name: string, status: Record<string, unknown>, said: readonly string[]]>([
  ['nothing', {}, []],
  ['as many as there are', { active: 2, ready: 1, succeeded: 1, failed: 0, terminating: 0 }, []],
  ['fewer than none', { active: -1 }, [`status.active: Invalid value: -1: ${fine}`]],
  ['two fewer than none', { failed: -1, ready: -1 }, [`status.failed: Invalid value: -1: ${fine}`, `status.ready: Invalid value: -1: ${fine}`]],
  ['fewer than none that end', { terminating: -1 }, [`status.terminating: Invalid value: -1: ${fine}`]],
  ['more ready than there are', { active: 1, ready: 2 }, ['status.ready: Invalid value: 2: cannot set more ready pods than active']],
  ['pods counted twice', { uncountedTerminatedPods: { succeeded: ['a', 'a', ''], failed: ['b', 'b', 'a', ''] } }, [
    'status.uncountedTerminatedPods.succeeded[1]: Duplicate value: "a"', 'status.uncountedTerminatedPods.succeeded[2]: Invalid value: "": must not be empty',
    'status.uncountedTerminatedPods.failed[1]: Duplicate value: "b"', 'status.uncountedTerminatedPods.failed[2]: Duplicate value: "a"', 'status.uncountedTerminatedPods.failed[3]: Invalid value: "": must not be empty',
  ]],
])('a job with %s', (_name, status, said) => {
  expect(jobStatus({ status: status as never }).map(({ field, message }) => `${field}: ${message}`)).toEqual(said);
});
