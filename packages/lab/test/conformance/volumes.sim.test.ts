import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

interface Pair { readonly volume: string; readonly claim: string }

/** A volume and a claim that fit each other. */
async function pair(t: Stage, name: string): Promise<Pair> {
  const volume = `/api/v1/persistentvolumes/${t.namespace}-${name}`;
  const claim = t.path('v1', 'persistentvolumeclaims', name);
  const shared = { accessModes: ['ReadWriteOnce'], storageClassName: t.namespace };
  const csi = { driver: `inline-driver-${t.namespace}`, volumeHandle: 'e2e-conformance' };
  await t.create('/api/v1/persistentvolumes', { metadata: { name: `${t.namespace}-${name}`, labels: { 'e2e-pv-pool': t.namespace } }, spec: { ...shared, capacity: { storage: '2Gi' }, persistentVolumeReclaimPolicy: 'Retain', csi } });
  await t.create(t.path('v1', 'persistentvolumeclaims'), { metadata: { name }, spec: { ...shared, resources: { requests: { storage: '1Gi' } } } });
  return { volume, claim };
}

area('persistent volumes and claims', (conformance) => {
  conformance('[sig-storage] PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC [Conformance]', async (t) => {
    const volumes = (selector = `e2e-pv-pool=${t.namespace}`): Promise<Any> => t.get(`/api/v1/persistentvolumes?labelSelector=${selector}`);
    const claims = (selector = ''): Promise<Any> => t.get(`${t.path('v1', 'persistentvolumeclaims')}?labelSelector=${selector}`);
    const first = await pair(t, 'pvc-one');
    expect([(await volumes()).items.length, (await claims()).items.length]).toEqual([1, 1]);
    for (const path of [first.volume, first.claim]) {
      const patched = await t.patch(path, { metadata: { labels: { one: 'patched' } } }, 'strategic');
      expect([patched.metadata.labels.one, (await t.get(path)).metadata.uid]).toEqual(['patched', patched.metadata.uid]);
    }
    await t.delete(first.claim);
    await t.eventually('the claim is gone', async () => (await claims()).items.length === 0);
    await t.delete(first.volume);
    await t.eventually('the volume is gone', async () => (await volumes()).items.length === 0);
    const second = await pair(t, 'pvc-two');
    for (const path of [second.volume, second.claim]) {
      const updated = await readAndUpdate(t, path, (object) => { object.metadata.labels = { ...object.metadata.labels, two: t.namespace }; });
      expect(updated.metadata.labels.two).toBe(t.namespace);
    }
    expect((await t.get(`/api/v1/persistentvolumeclaims?labelSelector=two=${t.namespace}`)).items).toHaveLength(1);
    await t.delete(`${t.path('v1', 'persistentvolumeclaims')}?labelSelector=two=${t.namespace}`);
    await t.eventually('the second claim is gone', async () => (await claims(`two=${t.namespace}`)).items.length === 0);
    await t.delete(`/api/v1/persistentvolumes?labelSelector=two=${t.namespace}`);
    await t.eventually('the second volume is gone', async () => (await volumes(`two=${t.namespace}`)).items.length === 0);
  });

  conformance('[sig-storage] PersistentVolumes CSI Conformance should apply changes to a pv/pvc status [Conformance]', async (t) => {
    const { volume, claim } = await pair(t, 'pvc-status');
    expect([(await t.get(`/api/v1/persistentvolumes?labelSelector=e2e-pv-pool=${t.namespace}`)).items.length, (await t.get(t.path('v1', 'persistentvolumeclaims'))).items.length]).toEqual([1, 1]);
    expect(['Pending', 'Bound']).toContain((await t.get(`${claim}/status`)).status.phase);
    expect(['Pending', 'Available', 'Bound']).toContain((await t.get(`${volume}/status`)).status.phase);
    const patched = { type: 'StatusPatched', status: 'True', reason: 'E2E patchedStatus', message: 'Set from e2e test' };
    expect((await t.patch(`${claim}/status`, { status: { conditions: [patched] } })).status.conditions).toEqual([expect.objectContaining(patched)]);
    expect((await t.patch(`${volume}/status`, { status: { message: 'StatusPatched', reason: 'E2E patchStatus' } })).status).toMatchObject({ message: 'StatusPatched', reason: 'E2E patchStatus' });
    const updated = { type: 'StatusUpdated', status: 'True', reason: 'E2E updateStatus', message: 'Set from e2e test' };
    const claimNow = await readAndUpdate(t, claim, (object) => { object.status.conditions.push(updated); }, `${claim}/status`);
    expect(claimNow.status.conditions).toContainEqual(expect.objectContaining(updated));
    const volumeNow = await readAndUpdate(t, volume, (object) => { Object.assign(object.status, { reason: 'E2E updateStatus', message: 'StatusUpdated' }); }, `${volume}/status`);
    expect(volumeNow.status).toMatchObject({ reason: 'E2E updateStatus', message: 'StatusUpdated' });
  });
});
