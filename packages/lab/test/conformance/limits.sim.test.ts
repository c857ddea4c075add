import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any } from './world.ts';

const container = { name: 'pause', image: 'example.com/pause:1' };

area('limits, priorities, disruption', (conformance) => {
  conformance('[sig-scheduling] LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied. [Conformance]', async (t) => {
    const ranges = t.path('v1', 'limitranges');
    const pods = t.path('v1', 'pods');
    const amounts = (cpu: string, memory: string, storage: string): Any => ({ cpu, memory, 'ephemeral-storage': storage });
    const watch = await t.watch('v1', 'limitranges', { namespace: t.namespace });
    await t.create(ranges, { metadata: { name: 'limit-range' }, spec: { limits: [{
      type: 'Container', min: amounts('50m', '100Mi', '100Gi'), max: amounts('500m', '500Mi', '500Gi'), default: amounts('500m', '500Mi', '500Gi'), defaultRequest: amounts('100m', '200Mi', '200Gi'), maxLimitRequestRatio: {},
    }] } });
    await watch.until('ADDED');
    const pod = (name: string, resources: Any): Any => ({ metadata: { name }, spec: { containers: [{ ...container, resources }] } });
    const none = await t.create(pods, pod('pod-no-resources', {}));
    expect(none.spec.containers[0].resources).toEqual({ limits: amounts('500m', '500Mi', '500Gi'), requests: amounts('100m', '200Mi', '200Gi') });
    const partial = await t.create(pods, pod('pod-partial-resources', { requests: { memory: '150Mi', 'ephemeral-storage': '150Gi' }, limits: { cpu: '300m', 'ephemeral-storage': '500Gi' } }));
    expect(partial.spec.containers[0].resources).toEqual({ limits: amounts('300m', '500Mi', '500Gi'), requests: amounts('300m', '150Mi', '150Gi') });
    expect(await t.refused('POST', pods, pod('too-small', { requests: amounts('10m', '50Mi', '50Gi') }))).toMatchObject({ code: 403 });
    expect(await t.refused('POST', pods, pod('too-large', { limits: amounts('600m', '600Mi', '600Gi') }))).toMatchObject({ code: 403 });
    await readAndUpdate(t, `${ranges}/limit-range`, (range) => { range.spec.limits[0].min = amounts('9m', '49Mi', '49Gi'); });
    await t.eventually('the new minimum holds', async () => (await t.call('POST', pods, pod('small', { requests: amounts('10m', '50Mi', '50Gi') }))).status === 201);
    expect(await t.refused('POST', pods, pod('still-too-large', { limits: amounts('600m', '600Mi', '600Gi') }))).toMatchObject({ code: 403 });
    await t.delete(`${ranges}/limit-range`);
    await watch.until('DELETED');
    watch.stop();
    await t.eventually('nothing limits any more', async () => (await t.call('POST', pods, pod('large', { limits: amounts('600m', '600Mi', '600Gi') }))).status === 201);
  });

  conformance('[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection [Conformance]', async (t) => {
    const ranges = t.path('v1', 'limitranges');
    await t.create(ranges, { metadata: { name: 'e2e-limitrange', labels: { range: t.namespace } }, spec: { limits: [{ type: 'Container', min: { cpu: '50m' }, max: { cpu: '500m' }, default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } }] } });
    expect((await t.get(`/api/v1/limitranges?labelSelector=range=${t.namespace}`)).items).toHaveLength(1);
    const patched = await t.patch(`${ranges}/e2e-limitrange`, { metadata: { labels: { patched: 'yes' } }, spec: { limits: [{ type: 'Container', min: { cpu: '40m' }, max: { cpu: '500m' } }] } }, 'strategic');
    expect([patched.metadata.labels.patched, patched.spec.limits[0].min.cpu]).toEqual(['yes', '40m']);
    await t.delete(`${ranges}?labelSelector=patched=yes`);
    expect((await t.get(`/api/v1/limitranges?labelSelector=range=${t.namespace}`)).items).toHaveLength(0);
  });

  conformance('[sig-scheduling] SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Conformance]', async (t) => {
    const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
    for (const [name, value] of [['p1', 1], ['p2', 2]] as const) await t.create(classes, { metadata: { name: `${t.namespace}-${name}` }, value, description: 'a class' });
    const path = `${classes}/${t.namespace}-p1`;
    expect((await t.refused('PATCH', path, { value: 10 }, { 'content-type': 'application/merge-patch+json' }))).toMatchObject({ code: 422, reason: 'Invalid' });
    const object = await t.get(path);
    const refused = await t.refused('PUT', path, { ...object, value: 10 });
    expect([refused.code, refused.message]).toEqual([422, expect.stringContaining('may not be changed in an update.')]);
    expect((await t.get(path)).value).toBe(1);
    await t.patch(path, { description: 'changed' }, 'strategic');
    expect((await t.get(path)).description).toBe('changed');
    expect((await t.get(classes)).items.map((item: Any) => item.metadata.name)).toEqual(expect.arrayContaining([`${t.namespace}-p1`, `${t.namespace}-p2`]));
    for (const name of ['p1', 'p2']) await t.delete(`${classes}/${t.namespace}-${name}`);
  });

  const budget = (name: string, spec: Any, labels: Any = {}): Any => ({ metadata: { name, labels }, spec });
  const selector = { matchLabels: { foo: 'bar' } };

  conformance('[sig-apps] DisruptionController should create a PodDisruptionBudget [Conformance]', async (t) => {
    const budgets = t.path('policy/v1', 'poddisruptionbudgets');
    await t.create(budgets, budget('foo', { selector, minAvailable: '1%' }));
    await t.eventually('it is observed', async () => (await t.get(`${budgets}/foo`)).status.observedGeneration > 0);
    await readAndUpdate(t, `${budgets}/foo`, (object) => { object.spec.minAvailable = '2%'; });
    expect((await t.get(`${budgets}/foo`)).spec.minAvailable).toBe('2%');
    await t.patch(`${budgets}/foo`, { spec: { minAvailable: '3%' } }, 'strategic');
    expect((await t.get(`${budgets}/foo`)).spec.minAvailable).toBe('3%');
    await t.delete(`${budgets}/foo`);
    expect((await t.call('GET', `${budgets}/foo`)).status).toBe(404);
  });

  conformance('[sig-apps] DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets [Conformance]', async (t) => {
    const budgets = t.path('policy/v1', 'poddisruptionbudgets');
    for (const name of ['foo', 'foo2']) await t.create(budgets, budget(name, { selector, minAvailable: 1 }, { collected: t.namespace }));
    expect((await t.get(`/apis/policy/v1/poddisruptionbudgets?labelSelector=collected=${t.namespace}`)).items).toHaveLength(2);
    await t.delete(`${budgets}?labelSelector=collected=${t.namespace}`);
    expect((await t.get(`/apis/policy/v1/poddisruptionbudgets?labelSelector=collected=${t.namespace}`)).items).toHaveLength(0);
  });

  async function runningPods(t: Parameters<Parameters<typeof conformance>[1]>[0], count: number): Promise<string[]> {
    const pods = t.path('v1', 'pods');
    for (let at = 0; at < count; at += 1) await t.create(pods, { metadata: { name: `pod-${at}`, labels: { foo: 'bar' } }, spec: { containers: [container] } });
    await t.eventually('the pods run', async () => ((await t.get(pods)).items as Any[]).every((pod) => pod.status.phase === 'Running'), 120_000);
    return Array.from({ length: count }, (_, at) => `pod-${at}`);
  }

  conformance('[sig-apps] DisruptionController should observe PodDisruptionBudget status updated [Conformance]', async (t) => {
    const budgets = t.path('policy/v1', 'poddisruptionbudgets');
    await t.create(budgets, budget('foo', { selector, minAvailable: 1 }));
    await runningPods(t, 3);
    await t.eventually('healthy pods are counted', async () => (await t.get(`${budgets}/foo`)).status.currentHealthy === 3, 120_000);
  });

  conformance('[sig-apps] DisruptionController should update/patch PodDisruptionBudget status [Conformance]', async (t) => {
    const path = t.path('policy/v1', 'poddisruptionbudgets', 'foo');
    await t.create(t.path('policy/v1', 'poddisruptionbudgets'), budget('foo', { selector, minAvailable: 1 }));
    await t.eventually('it is observed', async () => (await t.get(path)).status.observedGeneration > 0);
    const updated = await readAndUpdate(t, `${path}/status`, (object) => { object.status.disruptedPods = { 'pod-0': '2026-01-01T00:00:00Z' }; });
    expect(Object.keys(updated.status.disruptedPods)).toEqual(['pod-0']);
    const patched = await t.patch(`${path}/status`, { metadata: { annotations: { patched: 'yes' } }, status: { disruptedPods: { 'pod-0': null, 'pod-1': '2026-01-01T00:00:00Z' } } });
    expect(Object.keys(patched.status.disruptedPods)).toContain('pod-1');
  });

  conformance('[sig-apps] DisruptionController should block an eviction until the PDB is updated to allow it [Conformance]', async (t) => {
    const path = t.path('policy/v1', 'poddisruptionbudgets', 'foo');
    await t.create(t.path('policy/v1', 'poddisruptionbudgets'), budget('foo', { selector, minAvailable: 3 }));
    const [name = ''] = await runningPods(t, 3);
    await t.eventually('all three are needed', async () => { const { status } = await t.get(path); return status.currentHealthy === 3 && status.disruptionsAllowed === 0; }, 120_000);
    const evict = (): ReturnType<typeof t.call> => t.call('POST', t.path('v1', 'pods', name, 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: t.namespace } });
    const refused = await evict();
    expect([refused.status, refused.json.reason, refused.json.details.causes[0].reason]).toEqual([429, 'TooManyRequests', 'DisruptionBudget']);
    await readAndUpdate(t, path, (object) => { object.spec.minAvailable = 2; });
    await t.eventually('one may go', async () => (await evict()).status === 201, 120_000);
    await readAndUpdate(t, path, (object) => { object.spec.minAvailable = 3; });
    await t.delete(path);
    await t.eventually('without a budget all may go', async () => (await t.call('POST', t.path('v1', 'pods', 'pod-1', 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'pod-1', namespace: t.namespace } })).status === 201);
  });
});
