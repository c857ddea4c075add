import { resources } from '@coxswain/client';
import type { Job } from 'kubernetes-types/batch/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { startHollowNodes, type HollowNodes } from '../testing/hollow-nodes.ts';
import { freeIndexes, indexesText, indexOf, parseIndexes } from './indexes.ts';
import { backoffMs, countSettled, judge, wantedActive } from './judge.ts';
import { failureAnnotations, failedIndexes, indexWaitMs, judgeIndexes, lastFailed } from './per-index.ts';
import { failureMatch, successMatch } from './policy.ts';
import { expiryMs } from './ttl.ts';

const job = (spec: Partial<NonNullable<Job['spec']>>, status: Job['status'] = {}): Job => ({ metadata: { name: 'j' }, spec: { template: {}, ...spec }, status });

test('indexes as text and back', () => {
  expect(indexesText(new Set([1, 3, 4, 5, 7, 8]))).toBe('1,3-5,7,8');
  expect([...parseIndexes('1,3-5,9', 6)]).toEqual([1, 3, 4, 5]);
  expect(freeIndexes(new Set([0]), new Set([2]), 5, 2)).toEqual([1, 3]);
});

test('what becomes of a job', () => {
  const counts = { active: 0, succeeded: 0, failed: 0 };
  expect(judge(job({ completions: 2 }), { ...counts, succeeded: 2 }, [], 0)).toMatchObject({ kind: 'complete', reason: 'CompletionsReached' });
  expect(judge(job({}), { ...counts, succeeded: 1, active: 1 }, [], 0)).toEqual({ kind: 'goes-on' });
  expect(judge(job({ backoffLimit: 2 }), { ...counts, failed: 2 }, [], 0)).toEqual({ kind: 'goes-on' });
  expect(judge(job({ backoffLimit: 2 }), { ...counts, failed: 3 }, [], 0)).toMatchObject({ kind: 'failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' });
  const late = job({ activeDeadlineSeconds: 10 }, { startTime: '1970-01-01T00:00:00Z' });
  expect(judge(late, counts, [], 9_999)).toEqual({ kind: 'goes-on' });
  expect(judge(late, counts, [], 10_000)).toMatchObject({ kind: 'failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' });
});

test('how many run, and how long a new one waits', () => {
  expect(wantedActive(job({ completions: 5, parallelism: 3 }), { active: 0, succeeded: 3, failed: 0 })).toBe(2);
  expect(wantedActive(job({ parallelism: 3 }), { active: 2, succeeded: 1, failed: 0 })).toBe(2);
  expect(wantedActive(job({ completions: 5, parallelism: 3, suspend: true }), { active: 0, succeeded: 0, failed: 0 })).toBe(0);
  expect([0, 1, 2, 3, 10].map(backoffMs)).toEqual([0, 10_000, 20_000, 40_000, 360_000]);
});

test('a noted pod counts once, when its finalizer is off', () => {
  const status = { succeeded: 2, failed: 1, uncountedTerminatedPods: { succeeded: ['a', 'b'], failed: ['c'] } };
  expect(countSettled(status, new Set(['b']))).toEqual({ succeeded: 3, failed: 2, uncounted: { succeeded: ['b'], failed: [] } });
});

test('a finished job expires', () => {
  const finished = job({ ttlSecondsAfterFinished: 5 }, { conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: '1970-01-01T00:00:10Z' }] });
  expect(expiryMs(finished)).toBe(15_000);
  expect(expiryMs(job({ ttlSecondsAfterFinished: 5 }))).toBeUndefined();
});

test('policies for failure: the first rule that fits', () => {
  const rules = [
    { action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'In', values: [42] } },
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
  ];
  const failed = (name: string, exitCode: number, condition?: string): Pod => ({
    metadata: { namespace: 'n', name: 'p' },
    status: { containerStatuses: [{ name, image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode } } }], ...(condition === undefined ? {} : { conditions: [{ type: condition, status: 'True' }] }) },
  });
  const policed = job({ podFailurePolicy: { rules } } as Partial<NonNullable<Job['spec']>>);
  expect(failureMatch(policed, failed('main', 42))).toEqual({ action: 'FailJob', message: 'Container main for pod n/p failed with exit code 42 matching FailJob rule at index 0' });
  expect(failureMatch(policed, failed('side', 42))).toBeUndefined();
  expect(failureMatch(policed, failed('main', 1, 'DisruptionTarget'))).toEqual({ action: 'Ignore', message: 'Pod n/p has condition DisruptionTarget matching Ignore rule at index 1' });
  const notZero = job({ podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [1] } }] } } as Partial<NonNullable<Job['spec']>>);
  expect([failureMatch(notZero, failed('main', 0)), failureMatch(notZero, failed('main', 1)), failureMatch(notZero, failed('main', 2))?.action]).toEqual([undefined, undefined, 'FailJob']);
});

test('policies for success: by which indexes, by how many, by both', () => {
  const met = (rule: object, ...completed: readonly number[]): string | undefined => successMatch(job({ completions: 6, successPolicy: { rules: [rule] } } as Partial<NonNullable<Job['spec']>>), new Set(completed));
  expect([met({ succeededIndexes: '0,2-3' }, 0, 2), met({ succeededIndexes: '0,2-3' }, 0, 2, 3)]).toEqual([undefined, 'Matched rules at index 0']);
  expect([met({ succeededCount: 2 }, 5), met({ succeededCount: 2 }, 4, 5)]).toEqual([undefined, 'Matched rules at index 0']);
  expect([met({ succeededIndexes: '0-2', succeededCount: 1 }, 4, 5), met({ succeededIndexes: '0-2', succeededCount: 1 }, 2)]).toEqual([undefined, 'Matched rules at index 0']);
});

const perIndex = job({ completions: 4, completionMode: 'Indexed', backoffLimitPerIndex: 1, maxFailedIndexes: 2, podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [42] } }, { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }] } } as Partial<NonNullable<Job['spec']>>);
const failedAt = (index: number, second: number, count: number, more: { exitCode?: number; disrupted?: boolean } = {}): Pod => ({
  metadata: { name: `p${index}-${count}`, uid: `${index}-${count}`, annotations: { 'batch.kubernetes.io/job-completion-index': String(index), 'batch.kubernetes.io/job-index-failure-count': String(count) } },
  status: {
    phase: 'Failed', ...(more.disrupted === true ? { conditions: [{ type: 'DisruptionTarget', status: 'True' }] } : {}),
    containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: more.exitCode ?? 1, finishedAt: `1970-01-01T00:00:${String(second).padStart(2, '0')}Z` } } }],
  },
});

test('an index fails for good when its own limit is reached, or when a policy says so', () => {
  expect([...failedIndexes(perIndex, [failedAt(0, 1, 0), failedAt(1, 1, 1), failedAt(2, 1, 0, { exitCode: 42 }), failedAt(3, 1, 1, { disrupted: true }), failedAt(9, 1, 5)])]).toEqual([1, 2]);
  expect([...failedIndexes({ ...perIndex, status: { failedIndexes: '3' } }, [])]).toEqual([3]);
});

test('the last pod of an index is kept until another has taken over what it knows', () => {
  const kept = lastFailed(perIndex, [failedAt(0, 1, 0), failedAt(0, 5, 1), failedAt(1, 1, 0), failedAt(2, 1, 0)], new Set([1]), new Set([2]));
  expect([...kept].map(([index, pod]) => [index, pod.metadata?.name])).toEqual([[0, 'p0-1']]);
  expect(failureAnnotations(perIndex, undefined)).toEqual({ 'batch.kubernetes.io/job-index-failure-count': '0' });
  expect(failureAnnotations(perIndex, failedAt(0, 1, 2))).toEqual({ 'batch.kubernetes.io/job-index-failure-count': '3' });
  expect(failureAnnotations(perIndex, failedAt(0, 1, 2, { disrupted: true }))).toEqual({ 'batch.kubernetes.io/job-index-failure-count': '2', 'batch.kubernetes.io/job-index-ignored-failure-count': '1' });
});

test('each index waits by its own failures: ten seconds, twenty, …', () => {
  expect([indexWaitMs(undefined, 0), indexWaitMs(failedAt(0, 5, 0), 6000), indexWaitMs(failedAt(0, 5, 1), 6000), indexWaitMs(failedAt(0, 5, 0), 15_000)]).toEqual([0, 9000, 19_000, 0]);
});

test('what failed indexes mean for the job', () => {
  const judged = (completed: readonly number[], failed: readonly number[]): string | undefined => judgeIndexes(perIndex, new Set(completed), new Set(failed))?.reason;
  expect([judged([0, 1], [2]), judged([0, 1, 2, 3], []), judged([0, 1, 2], [3]), judged([0], [1, 2, 3])]).toEqual([undefined, undefined, 'FailedIndexes', 'MaxFailedIndexesExceeded']);
});

describe('in a cluster', () => {
  let cluster: TestCluster;
  let nodes: HollowNodes;
  beforeAll(async () => {
    cluster = await startTestCluster();
    nodes = await startHollowNodes(cluster.host, cluster.admin, ['n1'], cluster.signal);
    await cluster.startManager();
    await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.length > 0);
  });
  afterAll(async () => { await cluster.stop(); });

  const run = async (name: string, spec: Partial<NonNullable<Job['spec']>>): Promise<Job> => {
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
    await cluster.admin.create(resources.jobs, { metadata: { name, namespace: 'default' }, spec: { template, ...spec } });
    const ended = await cluster.until(resources.jobs, { namespace: 'default', name }, (found) => found?.status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed') === true);
    return ended as Job;
  };
  const podsOf = async (name: string): Promise<readonly Pod[]> => (await cluster.admin.list(resources.pods, { namespace: 'default', labelSelector: `batch.kubernetes.io/job-name=${name}` })).items;

  test('completions in parallel', async () => {
    nodes.endsAs = () => 'Succeeded';
    const ended = await run('many', { completions: 5, parallelism: 2 });
    expect(ended.status).toMatchObject({ succeeded: 5 });
    expect(ended.status?.conditions?.map(({ type, reason }) => [type, reason])).toEqual([['SuccessCriteriaMet', 'CompletionsReached'], ['Complete', 'CompletionsReached']]);
    expect(ended.status?.completionTime).toBeDefined();
    const pods = await podsOf('many');
    expect(pods).toHaveLength(5);
    for (const pod of pods) expect(pod.metadata?.finalizers).toBeUndefined();
  });

  test('indexed', async () => {
    nodes.endsAs = () => 'Succeeded';
    const ended = await run('indexed', { completions: 4, parallelism: 4, completionMode: 'Indexed' });
    expect(ended.status).toMatchObject({ succeeded: 4, completedIndexes: '0-3' });
    expect(new Set((await podsOf('indexed')).map(indexOf))).toEqual(new Set([0, 1, 2, 3]));
  });

  test('too many failures', async () => {
    nodes.endsAs = () => 'Failed';
    const ended = await run('bad', { backoffLimit: 0 });
    expect(ended.status).toMatchObject({ failed: 1 });
    expect(ended.status?.conditions?.at(-1)).toMatchObject({ type: 'Failed', reason: 'BackoffLimitExceeded' });
  });

  test('a policy fails it at the first pod that fits, or has it succeed before all indexes do', async () => {
    nodes.endsAs = () => 'Failed';
    const failed = await run('policed', { backoffLimit: 6, podFailurePolicy: { rules: [{ action: 'FailJob', onPodConditions: [{ type: 'ContainersReady', status: 'False' }] }] } });
    expect(failed.status?.conditions?.map(({ type, reason }) => [type, reason])).toEqual([['FailureTarget', 'PodFailurePolicy'], ['Failed', 'PodFailurePolicy']]);
    expect(await podsOf('policed')).toHaveLength(1);
    nodes.endsAs = (pod) => (indexOf(pod) === 1 ? 'Succeeded' : undefined);
    const led = await run('led', { completions: 3, parallelism: 3, completionMode: 'Indexed', successPolicy: { rules: [{ succeededIndexes: '1' }] } });
    expect(led.status?.conditions?.map(({ type, reason }) => [type, reason])).toEqual([['SuccessCriteriaMet', 'SuccessPolicy'], ['Complete', 'SuccessPolicy']]);
    expect(led.status?.completedIndexes).toBe('1');
  });

  test('all indexes are worked on though some fail, unless too many do', async () => {
    nodes.endsAs = (pod) => ((indexOf(pod) ?? 0) % 2 === 0 ? 'Failed' : 'Succeeded');
    const ended = await run('despite', { completions: 4, parallelism: 2, completionMode: 'Indexed', backoffLimitPerIndex: 0 });
    expect(ended.status).toMatchObject({ failedIndexes: '0,2', completedIndexes: '1,3', failed: 2, succeeded: 2 });
    expect(ended.status?.conditions?.map(({ type, reason, message }) => [type, reason, message])).toEqual([['FailureTarget', 'FailedIndexes', 'Job has failed indexes'], ['Failed', 'FailedIndexes', 'Job has failed indexes']]);
    const stopped = await run('stopped', { completions: 9, parallelism: 1, completionMode: 'Indexed', backoffLimitPerIndex: 0, maxFailedIndexes: 0 });
    expect(stopped.status).toMatchObject({ failedIndexes: '0', failed: 1 });
    expect(stopped.status?.conditions?.at(-1)).toMatchObject({ type: 'Failed', reason: 'MaxFailedIndexesExceeded', message: 'Job has exceeded the specified maximal number of failed indexes' });
  });

  test('an index is tried again as often as its limit says, and its pods know how often', async () => {
    nodes.endsAs = () => undefined;
    const ended = run('again', { completions: 1, parallelism: 1, completionMode: 'Indexed', backoffLimitPerIndex: 1 });
    for (const count of ['0', '1']) {
      const runs = ({ metadata, status }: Pod): boolean => metadata?.name?.startsWith('again-0-') === true && status?.phase === 'Running' && metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'] === count;
      const pod = (await cluster.untilAll(resources.pods, 'default', (all) => all.some(runs))).find(runs);
      // Long ago, so that nobody waits.
      const state = { terminated: { exitCode: 1, finishedAt: '2020-01-01T00:00:00Z' } };
      await cluster.admin.patch(resources.pods, { namespace: 'default', name: pod?.metadata?.name ?? '' }, 'merge', { status: { phase: 'Failed', containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, state }] } }, { subresource: 'status' });
    }
    expect((await ended).status).toMatchObject({ failed: 2, failedIndexes: '0' });
    for (const pod of await podsOf('again')) expect(pod.metadata?.finalizers).toBeUndefined();
  });

  test('gone after its time to live', async () => {
    nodes.endsAs = () => 'Succeeded';
    await run('brief', { ttlSecondsAfterFinished: 1 });
    await cluster.until(resources.jobs, { namespace: 'default', name: 'brief' }, (found) => found === undefined);
  });
});
