import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

const labels = { app: 'web' };
const oldImage = 'example.com/httpd:1';
const newImage = 'example.com/httpd:2';
const revisionLabel = 'controller-revision-hash';

/** Its pods are ready while a command in them succeeds, asked each second. */
function statefulSet(name: string, replicas: number, extra: Any = {}): Any {
  const readinessProbe = { exec: { command: ['healthy'] }, periodSeconds: 1, successThreshold: 1, failureThreshold: 1 };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'httpd', image: oldImage, readinessProbe }] } };
  return { metadata: { name }, spec: { replicas, serviceName: 'test', selector: { matchLabels: labels }, template, ...extra } };
}

async function create(t: Stage, object: Any): Promise<string> {
  await t.create(t.path('v1', 'services'), { metadata: { name: 'test' }, spec: { clusterIP: 'None', selector: labels, ports: [{ port: 80 }] } });
  await t.create(t.path('apps/v1', 'statefulsets'), object);
  return t.path('apps/v1', 'statefulsets', object.metadata.name as string);
}

async function podsOf(t: Stage): Promise<Any[]> {
  const pods = (await t.get(`${t.path('v1', 'pods')}?labelSelector=app=web`)).items as Any[];
  return pods.toSorted((a, b) => String(a.metadata.name).localeCompare(String(b.metadata.name)));
}

const ready = (pod: Any): boolean => pod.metadata.deletionTimestamp === undefined && (pod.status.conditions ?? []).some((one: Any) => one.type === 'Ready' && one.status === 'True') === true;

async function allReady(t: Stage, replicas: number): Promise<Any[]> {
  await t.eventually(`${replicas} are running and ready`, async () => { const pods = await podsOf(t); return pods.length === replicas && pods.every(ready); }, 180_000);
  return podsOf(t);
}

/** What the controller says of the generation that is. */
async function statusOf(t: Stage, path: string): Promise<Any> {
  await t.eventually('the controller has seen it', async () => { const { metadata, status } = await t.get(path); return status.observedGeneration === metadata.generation; });
  return (await t.get(path)).status;
}

/** Every pod of the set is unhealthy, and counted so. */
async function breakAll(t: Stage, path: string): Promise<void> {
  for (const pod of await podsOf(t)) t.sick(pod.metadata.uid as string);
  await t.eventually('none is ready', async () => ((await t.get(path)).status.readyReplicas ?? 0) === 0 && (await podsOf(t)).every((pod) => pod.status.phase === 'Running' && !ready(pod)));
}

async function healAll(t: Stage): Promise<void> {
  for (const pod of await podsOf(t)) t.sick(pod.metadata.uid as string, false);
}

const scale = (t: Stage, path: string, replicas: number): Promise<Any> => readAndUpdate(t, path, (object) => { object.spec.replicas = replicas; });
const setImage = (t: Stage, path: string, image: string): Promise<Any> => readAndUpdate(t, path, (object) => { object.spec.template.spec.containers[0].image = image; });

/** Image and revision of each pod in order of ordinals. */
const shape = (pods: readonly Any[]): [string, string][] => pods.map((pod) => [pod.spec.containers[0].image, pod.metadata.labels[revisionLabel]]);

area('stateful sets', (conformance) => {
  conformance('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Scaling should happen in predictable order and halt if any stateful pod is unhealthy [Slow] [Conformance]', async (t) => {
    const watch = await t.watch('v1', 'pods', { namespace: t.namespace, labelSelector: 'app=web' });
    const path = await create(t, statefulSet('ss', 1));
    await allReady(t, 1);
    await breakAll(t, path);
    await scale(t, path, 3);
    await t.sleep(10_000);
    expect(await podsOf(t)).toHaveLength(1);
    await healAll(t);
    await allReady(t, 3);
    await breakAll(t, path);
    await scale(t, path, 0);
    await t.sleep(10_000);
    expect((await podsOf(t)).filter((pod) => pod.metadata.deletionTimestamp === undefined)).toHaveLength(3);
    await healAll(t);
    await t.eventually('none is left', async () => (await podsOf(t)).length === 0 && ((await t.get(path)).status.replicas ?? 0) === 0, 180_000);
    const ordered = (type: string): string[] => watch.events.filter((event) => event.type === type).map((event) => (event.object as Any).metadata.name as string);
    await t.eventually('the watch saw the last go', () => Promise.resolve(ordered('DELETED').length === 3));
    expect([ordered('ADDED'), ordered('DELETED')]).toEqual([['ss-0', 'ss-1', 'ss-2'], ['ss-2', 'ss-1', 'ss-0']]);
    watch.stop();
  });

  conformance('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Burst scaling should run to completion even with unhealthy pods [Slow] [Conformance]', async (t) => {
    const path = await create(t, statefulSet('ss', 1, { podManagementPolicy: 'Parallel' }));
    await allReady(t, 1);
    await breakAll(t, path);
    await scale(t, path, 3);
    await t.eventually('three are there beside the sick one', async () => (await podsOf(t)).length === 3, 10_000);
    await healAll(t);
    await allReady(t, 3);
    await breakAll(t, path);
    await scale(t, path, 0);
    await t.eventually('they go though they are sick', async () => (await podsOf(t)).length === 0, 10_000);
    await t.eventually('the status says so', async () => ((await t.get(path)).status.replicas ?? 0) === 0);
  });

  conformance('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Should recreate evicted statefulset [Conformance]', async (t) => {
    const ports = [{ name: 'conflict', hostPort: 21_017, containerPort: 21_017 }];
    await t.create(t.path('v1', 'pods'), { metadata: { name: 'test-pod' }, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 0, containers: [{ name: 'webserver', image: oldImage, ports }] } });
    await t.eventually('the pod with the port runs', async () => (await t.get(t.path('v1', 'pods', 'test-pod'))).status.phase === 'Running', 120_000);
    const watch = await t.watch('v1', 'pods', { namespace: t.namespace, labelSelector: 'app=web' });
    await create(t, { metadata: { name: 'ss' }, spec: { replicas: 1, serviceName: 'test', selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { nodeName: 'node-1', containers: [{ name: 'httpd', image: oldImage, ports }] } } } });
    const gone = await watch.until('DELETED', (pod) => pod.metadata.name === 'ss-0');
    expect(gone.status).toMatchObject({ phase: 'Failed', reason: 'NodePorts' });
    await t.delete(t.path('v1', 'pods', 'test-pod'), { gracePeriodSeconds: 0 });
    await t.eventually('another runs in its place', async () => {
      const answer = await t.call('GET', t.path('v1', 'pods', 'ss-0'));
      return answer.status === 200 && answer.json.status.phase === 'Running' && answer.json.metadata.uid !== gone.metadata.uid;
    }, 300_000);
    watch.stop();
  });

  conformance('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should perform rolling updates and roll backs of template modifications [Conformance]', async (t) => {
    const path = await create(t, statefulSet('ss2', 3));
    const first = await allReady(t, 3);
    const { currentRevision: old, updateRevision } = await statusOf(t, path);
    expect([updateRevision, shape(first)]).toEqual([old, [0, 1, 2].map(() => [oldImage, old])]);
    for (const [image, back] of [[newImage, false], [oldImage, true]] as const) {
      const middle = (await podsOf(t))[1];
      t.sick(middle.metadata.uid as string);
      await t.eventually('the middle one is not ready', async () => !ready((await podsOf(t))[1]));
      const before = await t.get(path);
      await setImage(t, path, image);
      await t.eventually('there are two revisions', async () => { const status = await statusOf(t, path); return status.currentRevision !== status.updateRevision; });
      const status = await statusOf(t, path);
      expect([status.currentRevision, status.updateRevision === old]).toEqual([before.status.currentRevision, back]);
      const watch = await t.watch('v1', 'pods', { namespace: t.namespace, labelSelector: 'app=web' });
      t.sick(middle.metadata.uid as string, false);
      await t.eventually('the update is complete', async () => { const now = await statusOf(t, path); return now.currentRevision === status.updateRevision && now.updatedReplicas === 3 && now.readyReplicas === 3; }, 300_000);
      expect(shape(await allReady(t, 3))).toEqual([0, 1, 2].map(() => [image, status.updateRevision]));
      // From the last to the first; the last may have gone before the watch began.
      const order = watch.events.filter((event) => event.type === 'DELETED').map((event) => (event.object as Any).metadata.name as string);
      expect(['ss2-2', 'ss2-1', 'ss2-0'].slice(-order.length)).toEqual(order);
      expect(order.length).toBeGreaterThanOrEqual(2);
      watch.stop();
    }
  });

  conformance('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should perform canary updates and phased rolling updates of template modifications [Conformance]', async (t) => {
    const path = await create(t, statefulSet('ss2', 3, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 3 } } }));
    await allReady(t, 3);
    const { currentRevision: old, updateRevision: same } = await statusOf(t, path);
    expect(same).toBe(old);
    await setImage(t, path, newImage);
    await t.eventually('there is a new revision', async () => (await statusOf(t, path)).updateRevision !== old);
    const { updateRevision: fresh } = await statusOf(t, path);
    await t.sleep(5000);
    const expected = (partition: number): [string, string][] => [0, 1, 2].map((ordinal) => (ordinal < partition ? [oldImage, old] : [newImage, fresh]));
    expect(shape(await allReady(t, 3))).toEqual(expected(3));
    const phase = async (partition: number): Promise<void> => {
      await readAndUpdate(t, path, (object) => { object.spec.updateStrategy.rollingUpdate.partition = partition; });
      await t.eventually('as many as may be are updated', async () => ((await statusOf(t, path)).updatedReplicas ?? 0) === 3 - partition && (await podsOf(t)).every(ready), 180_000);
      expect(shape(await allReady(t, 3))).toEqual(expected(partition));
    };
    await phase(2);
    const before = await podsOf(t);
    for (const name of ['ss2-0', 'ss2-2']) await t.delete(t.path('v1', 'pods', name), { gracePeriodSeconds: 0 });
    await t.eventually('both are back', async () => { const pods = await podsOf(t); return pods.length === 3 && pods.every(ready) && [0, 2].every((at) => pods[at].metadata.uid !== before[at].metadata.uid); }, 180_000);
    expect(shape(await podsOf(t))).toEqual(expected(2));
    for (const partition of [1, 0]) await phase(partition);
    await t.eventually('the new revision is current', async () => (await statusOf(t, path)).currentRevision === fresh);
  });
});
