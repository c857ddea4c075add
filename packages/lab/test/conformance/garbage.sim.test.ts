import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

const podSpec = { containers: [{ name: 'nginx', image: 'example.com/nginx:1' }] };

async function controller(t: Stage, name: string, replicas: number): Promise<Any> {
  const labels = { name };
  const made = await t.create(t.path('v1', 'replicationcontrollers'), { metadata: { name }, spec: { replicas, selector: labels, template: { metadata: { labels }, spec: podSpec } } });
  await t.eventually('its pods are made', async () => (await podsOf(t, name)).length === replicas, 120_000);
  return made;
}

async function podsOf(t: Stage, name: string): Promise<Any[]> {
  return (await t.get(`${t.path('v1', 'pods')}?labelSelector=name=${name}`)).items as Any[];
}

async function deployment(t: Stage): Promise<Any> {
  const labels = { name: 'web' };
  const made = await t.create(t.path('apps/v1', 'deployments'), { metadata: { name: 'web' }, spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } } });
  await t.eventually('its replica set is made', async () => (await t.get(t.path('apps/v1', 'replicasets'))).items.length === 1);
  return made;
}

function isGone(t: Stage, path: string): () => Promise<boolean> {
  return async () => (await t.call('GET', path)).status === 404;
}

area('garbage collection', (conformance) => {
  conformance('[sig-api-machinery] Garbage collector should delete pods created by rc when not orphaning [Conformance]', async (t) => {
    const rc = await controller(t, 'simpletest', 10);
    await t.delete(t.path('v1', 'replicationcontrollers', 'simpletest'), { preconditions: { uid: rc.metadata.uid }, propagationPolicy: 'Background' });
    await t.eventually('its pods are gone', async () => (await podsOf(t, 'simpletest')).length === 0, 120_000);
  });

  conformance('[sig-api-machinery] Garbage collector should orphan pods created by rc if delete options say so [Conformance]', async (t) => {
    const rc = await controller(t, 'orphaned', 10);
    const path = t.path('v1', 'replicationcontrollers', 'orphaned');
    await t.delete(path, { preconditions: { uid: rc.metadata.uid }, propagationPolicy: 'Orphan' });
    await t.eventually('the controller is gone', isGone(t, path));
    await t.sleep(30_000);
    const pods = await podsOf(t, 'orphaned');
    expect(pods).toHaveLength(10);
    for (const pod of pods) expect(pod.metadata.ownerReferences ?? []).toEqual([]);
  });

  conformance('[sig-api-machinery] Garbage collector should delete RS created by deployment when not orphaning [Conformance]', async (t) => {
    const made = await deployment(t);
    await t.delete(t.path('apps/v1', 'deployments', 'web'), { preconditions: { uid: made.metadata.uid }, propagationPolicy: 'Background' });
    await t.eventually('its replica set is gone', async () => (await t.get(t.path('apps/v1', 'replicasets'))).items.length === 0);
  });

  conformance('[sig-api-machinery] Garbage collector should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan [Conformance]', async (t) => {
    const made = await deployment(t);
    const path = t.path('apps/v1', 'deployments', 'web');
    await t.delete(path, { preconditions: { uid: made.metadata.uid }, propagationPolicy: 'Orphan' });
    await t.eventually('the deployment is gone', isGone(t, path));
    await t.sleep(30_000);
    const sets = (await t.get(t.path('apps/v1', 'replicasets'))).items as Any[];
    expect(sets).toHaveLength(1);
    expect(sets[0].metadata.ownerReferences ?? []).toEqual([]);
  });

  conformance('[sig-api-machinery] Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions says so [Conformance]', async (t) => {
    const rc = await controller(t, 'foreground', 10);
    const path = t.path('v1', 'replicationcontrollers', 'foreground');
    const watch = await t.watch('v1', 'replicationcontrollers', { namespace: t.namespace });
    await t.delete(path, { preconditions: { uid: rc.metadata.uid }, propagationPolicy: 'Foreground' });
    const waiting = await watch.until('MODIFIED', (seen) => seen.metadata.deletionTimestamp !== undefined);
    expect(waiting.metadata.finalizers).toContain('foregroundDeletion');
    await watch.until('DELETED');
    watch.stop();
    expect((await podsOf(t, 'foreground')).filter((pod) => pod.metadata.deletionTimestamp === undefined)).toEqual([]);
  });

  conformance('[sig-api-machinery] Garbage collector should not delete dependents that have both valid owner and owner that\'s waiting for dependents to be deleted [Conformance]', async (t) => {
    const leaving = await controller(t, 'leaving', 10);
    const staying = await t.create(t.path('v1', 'replicationcontrollers'), { metadata: { name: 'staying' }, spec: { replicas: 0, selector: { name: 'staying' }, template: { metadata: { labels: { name: 'staying' } }, spec: podSpec } } });
    const pods = await podsOf(t, 'leaving');
    const shared = pods.slice(0, 5).map((pod) => pod.metadata.name as string);
    for (const name of shared) {
      await readAndUpdate(t, t.path('v1', 'pods', name), (pod) => { pod.metadata.ownerReferences.push({ apiVersion: 'v1', kind: 'ReplicationController', name: 'staying', uid: staying.metadata.uid }); });
    }
    await t.delete(t.path('v1', 'replicationcontrollers', 'leaving'), { preconditions: { uid: leaving.metadata.uid }, propagationPolicy: 'Foreground' });
    await t.eventually('the controller is gone', isGone(t, t.path('v1', 'replicationcontrollers', 'leaving')), 120_000);
    const left = await podsOf(t, 'leaving');
    expect(left.filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => String(pod.metadata.name)).toSorted()).toEqual(shared.toSorted());
    for (const pod of left) expect(pod.metadata.ownerReferences.map((owner: Any) => owner.name)).toEqual(['staying']);
  });

  conformance('[sig-api-machinery] Garbage collector should not be blocked by dependency circle [Conformance]', async (t) => {
    const pods = t.path('v1', 'pods');
    const [one, two, three] = await Promise.all(['pod1', 'pod2', 'pod3'].map((name) => t.create(pods, { metadata: { name }, spec: podSpec }))) as [Any, Any, Any];
    const owned = (pod: Any, owner: Any): Promise<Any> => t.patch(`${pods}/${pod.metadata.name as string}`, { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: owner.metadata.name, uid: owner.metadata.uid, controller: true, blockOwnerDeletion: true }] } });
    await owned(one, three);
    await owned(two, one);
    await owned(three, two);
    await t.delete(`${pods}/pod1`, { propagationPolicy: 'Foreground' });
    await t.eventually('all three are gone', async () => (await t.get(pods)).items.length === 0, 120_000);
  });
});
