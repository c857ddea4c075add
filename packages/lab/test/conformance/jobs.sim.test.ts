import { expect } from 'vitest';
import { apiOperations, readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

function job(name: string, spec: Any, pod: Any = {}, command: readonly string[] = ['end', '1000', '0']): Any {
  return { metadata: { name }, spec: { backoffLimit: 6, ...spec, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'example.com/i:1', command }], ...pod } } } };
}

async function podsOf(t: Stage, name: string): Promise<Any[]> {
  return (await t.get(`${t.path('v1', 'pods')}?labelSelector=job-name=${name}`)).items as Any[];
}

async function finished(t: Stage, name: string, type: 'Complete' | 'Failed'): Promise<Any> {
  await t.eventually(`${name} is ${type}`, async () => ((await t.get(t.path('batch/v1', 'jobs', name))).status.conditions ?? []).some((one: Any) => one.type === type && one.status === 'True'), 600_000);
  return t.get(t.path('batch/v1', 'jobs', name));
}

const cronSpec = { schedule: '*/1 * * * ?', jobTemplate: { spec: { template: { spec: { restartPolicy: 'OnFailure', containers: [{ name: 'c', image: 'example.com/i:1' }] } } } } };

async function cron(t: Stage, spec: Any): Promise<void> {
  await t.create(t.path('batch/v1', 'cronjobs'), { metadata: { name: 'cron' }, spec: { ...cronSpec, ...spec } });
}

async function active(t: Stage): Promise<string[]> {
  return (((await t.get(t.path('batch/v1', 'cronjobs', 'cron'))).status.active ?? []) as Any[]).map((one) => one.name as string);
}

area('jobs', (conformance) => {
  conformance('[sig-apps] Job should create pods for an Indexed job with completion indexes and specified hostname [Conformance]', async (t) => {
    await t.create(t.path('batch/v1', 'jobs'), job('indexed', { parallelism: 2, completions: 4, completionMode: 'Indexed' }));
    const done = await finished(t, 'indexed', 'Complete');
    expect([done.status.succeeded, done.status.completedIndexes]).toEqual([4, '0-3']);
    const pods = (await podsOf(t, 'indexed')).filter((pod) => pod.status.phase === 'Succeeded');
    expect(pods.map((pod) => pod.metadata.annotations['batch.kubernetes.io/job-completion-index']).toSorted((a, b) => Number(a) - Number(b))).toEqual(['0', '1', '2', '3']);
    for (const pod of pods) {
      const index = pod.metadata.annotations['batch.kubernetes.io/job-completion-index'] as string;
      expect([pod.spec.hostname, pod.metadata.labels['batch.kubernetes.io/job-completion-index']]).toEqual([`indexed-${index}`, index]);
    }
  });

  conformance('[sig-apps] Job should delete a job [Conformance]', async (t) => {
    await t.create(t.path('batch/v1', 'jobs'), job('foo', { parallelism: 2, completions: 4 }, {}, ['forever']));
    await t.eventually('its pods run', async () => (await podsOf(t, 'foo')).filter((pod) => pod.status.phase === 'Running').length === 2, 120_000);
    await t.delete(t.path('batch/v1', 'jobs', 'foo'), { propagationPolicy: 'Background' });
    await t.eventually('all is gone', async () => (await t.call('GET', t.path('batch/v1', 'jobs', 'foo'))).status === 404 && (await podsOf(t, 'foo')).length === 0, 120_000);
  });

  conformance('[sig-apps] Job should adopt matching orphans and release non-matching pods [Conformance]', async (t) => {
    await t.create(t.path('batch/v1', 'jobs'), job('adopt-release', { parallelism: 2, completions: 4 }, {}, ['forever']));
    await t.eventually('its pods run', async () => (await podsOf(t, 'adopt-release')).filter((pod) => pod.status.phase === 'Running').length === 2, 120_000);
    const [pod] = await podsOf(t, 'adopt-release');
    const path = t.path('v1', 'pods', pod.metadata.name as string);
    await readAndUpdate(t, path, (object) => { object.metadata.ownerReferences = []; });
    await t.eventually('it is adopted', async () => (await t.get(path)).metadata.ownerReferences?.[0]?.name === 'adopt-release');
    await readAndUpdate(t, path, (object) => { object.metadata.labels = {}; });
    await t.eventually('it is released', async () => ((await t.get(path)).metadata.ownerReferences ?? []).length === 0);
  });

  conformance('[sig-apps] Job should manage the lifecycle of a job [Conformance]', async (t) => {
    const jobs = t.path('batch/v1', 'jobs');
    const watch = await t.watch('batch/v1', 'jobs', { namespace: t.namespace });
    await t.create(jobs, job('life', { suspend: true, parallelism: 2, completions: 2 }));
    await watch.until('ADDED');
    await t.patch(`${jobs}/life`, { metadata: { labels: { patched: 'true' } } }, 'strategic');
    await readAndUpdate(t, `${jobs}/life`, (object) => { object.metadata.annotations = { ...object.metadata.annotations, updated: 'true' }; object.spec.suspend = false; });
    await watch.until('MODIFIED', (seen) => seen.metadata.annotations?.updated === 'true');
    await finished(t, 'life', 'Complete');
    expect((await t.get('/apis/batch/v1/jobs?labelSelector=patched=true')).items).toHaveLength(1);
    await t.delete(`${jobs}?labelSelector=patched=true`, { propagationPolicy: 'Background' });
    await watch.until('DELETED');
    watch.stop();
  });

  conformance('[sig-apps] Job should allow to use the pod failure policy on exit code to fail the job early [Conformance]', async (t) => {
    const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } }] };
    await t.create(t.path('batch/v1', 'jobs'), job('early', { parallelism: 1, completions: 1, podFailurePolicy }, {}, ['end', '500', '1']));
    const failed = await finished(t, 'early', 'Failed');
    expect((failed.status.conditions as Any[]).find((one) => one.type === 'Failed').reason).toBe('PodFailurePolicy');
    expect(await podsOf(t, 'early')).toHaveLength(1);
  });

  conformance('[sig-apps] Job should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition [Conformance]', async (t) => {
    const podFailurePolicy = { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }] };
    await t.create(t.path('batch/v1', 'jobs'), job('evicted', { parallelism: 3, completions: 3, completionMode: 'Indexed', backoffLimit: 2, podFailurePolicy }, { terminationGracePeriodSeconds: 0, nodeSelector: { 'kubernetes.io/hostname': 'node-1' } }, ['wait']));
    await t.eventually('all are ready', async () => (await t.get(t.path('batch/v1', 'jobs', 'evicted'))).status.ready === 3, 120_000);
    const first = await podsOf(t, 'evicted');
    expect(first.map((pod) => pod.status.phase)).toEqual(['Running', 'Running', 'Running']);
    t.release();
    for (const { metadata } of first) await t.create(t.path('v1', 'pods', metadata.name as string, 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata.name, namespace: t.namespace } });
    for (const { metadata } of first) await t.eventually(`${String(metadata.name)} is gone`, async () => (await t.call('GET', t.path('v1', 'pods', metadata.name as string))).status === 404, 120_000);
    const done = await finished(t, 'evicted', 'Complete');
    expect([done.status.succeeded, done.status.failed ?? 0]).toEqual([3, 0]);
  });

  conformance('[sig-apps] Job should run a job to completion when tasks sometimes fail and are locally restarted [Conformance]', async (t) => {
    await t.create(t.path('batch/v1', 'jobs'), job('fail-once-local', { parallelism: 2, completions: 4 }, { restartPolicy: 'OnFailure' }, ['fail-once']));
    const done = await finished(t, 'fail-once-local', 'Complete');
    expect([done.status.succeeded, done.status.failed ?? 0]).toEqual([4, 0]);
    const pods = await podsOf(t, 'fail-once-local');
    expect(pods.map((pod) => [pod.status.phase, pod.status.containerStatuses[0].restartCount])).toEqual([0, 1, 2, 3].map(() => ['Succeeded', 1]));
  });

  conformance('[sig-apps] CronJob should support CronJob API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'batch/v1', resource: 'cronjobs', namespaced: true, object: { spec: { ...cronSpec, schedule: '1 1 1 1 *' } }, change: { path: ['spec', 'suspend'], value: true },
    status: { patch: { lastScheduleTime: '2026-01-01T00:00:00Z' }, update: { lastScheduleTime: '2026-01-02T00:00:00Z' } },
  }));

  conformance('[sig-apps] CronJob should schedule multiple jobs concurrently [Conformance]', async (t) => {
    await cron(t, { concurrencyPolicy: 'Allow' });
    await t.eventually('two run at once', async () => (await active(t)).length >= 2, 300_000);
    expect(((await t.get(t.path('batch/v1', 'jobs'))).items as Any[]).filter((one) => one.metadata.ownerReferences?.[0]?.name === 'cron').length).toBeGreaterThanOrEqual(2);
  });

  conformance('[sig-apps] CronJob should not schedule jobs when suspended [Slow] [Conformance]', async (t) => {
    await cron(t, { suspend: true });
    await t.sleep(300_000);
    expect(await active(t)).toEqual([]);
    expect((await t.get(t.path('batch/v1', 'jobs'))).items).toEqual([]);
  });

  conformance('[sig-apps] CronJob should not schedule new jobs when ForbidConcurrent [Slow] [Conformance]', async (t) => {
    await cron(t, { concurrencyPolicy: 'Forbid' });
    await t.eventually('one runs', async () => (await active(t)).length === 1, 180_000);
    const [first] = await active(t);
    await t.sleep(180_000);
    expect(await active(t)).toEqual([first]);
  });

  conformance('[sig-apps] CronJob should replace jobs when ReplaceConcurrent [Conformance]', async (t) => {
    await cron(t, { concurrencyPolicy: 'Replace' });
    await t.eventually('one runs', async () => (await active(t)).length === 1, 180_000);
    const [first] = await active(t);
    await t.eventually('another took its place', async () => { const now = await active(t); return now.length === 1 && now[0] !== first; }, 180_000);
  });
});
