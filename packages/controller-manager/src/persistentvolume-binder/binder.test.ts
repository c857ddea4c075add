import { mkdtempSync } from 'node:fs';
import { createEventRecorder, createInformerFactory, resources, type Client } from '@coxswain/client';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nameOf } from '../common/object.ts';
import { defaultConfig, type VolumesConfig } from '../config.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { claim, storageClass, volume, type ClaimFields } from '../testing/volumes.ts';
import { volumeBinderController } from './binder.ts';

let cluster: TestCluster;
const { persistentvolumes, persistentvolumeclaims } = resources;
const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
const quick: VolumesConfig = { dynamicProvisioning: true, hostPathProvisioner: true, binderSyncPeriodMs: 200 };

/** One without the others, writing through a client of the test's. */
async function startBinder(client: Client, signal: AbortSignal): Promise<void> {
  const informers = createInformerFactory(cluster.host, cluster.admin);
  const recorder = createEventRecorder(cluster.host, cluster.admin, { component: 'persistentvolume-controller' });
  const run = volumeBinderController.start({ host: cluster.host, client, informers, recorder, config: { ...defaultConfig, volumes: { ...quick, binderSyncPeriodMs: 60_000 } } });
  await informers.start(signal);
  const running = run?.(signal);
  running?.catch(() => undefined);
}

/** Dies in the middle: the write after the first `count` never comes back, and neither does any after it. */
function dyingClient(real: Client, count: number): { readonly client: Client; readonly died: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  const guard = <T>(write: () => Promise<T>): Promise<T> => {
    if (left === 0) {
      resolve();
      return new Promise(() => undefined);
    }
    left -= 1;
    return write();
  };
  return { died: promise, client: { ...real, get: (type, at) => real.get(type, at), update: (type, object) => guard(() => real.update(type, object)), updateStatus: (type, object) => guard(() => real.updateStatus(type, object)) } };
}

async function make(one: PersistentVolume): Promise<void> { await cluster.admin.create(persistentvolumes, one); }
async function ask(name: string, fields: ClaimFields = {}): Promise<PersistentVolumeClaim> {
  const { uid: _uid, ...metadata } = claim(name, fields).metadata ?? {};
  return await cluster.admin.create(persistentvolumeclaims, { ...claim(name, fields), metadata });
}
const volumeIn = (name: string, phase: string): Promise<PersistentVolume | undefined> => cluster.until(persistentvolumes, { name }, (one) => one?.status?.phase === phase);
const claimIn = (name: string, phase: string): Promise<PersistentVolumeClaim | undefined> => cluster.until(persistentvolumeclaims, key(name), (one) => one?.status?.phase === phase);
async function told(kind: string, name: string, reason: string): Promise<string> {
  const events = await cluster.untilAll(resources.events, 'default', (all) => all.some((event) => event.involvedObject.kind === kind && event.involvedObject.name === name && event.reason === reason));
  const found = events.find((event) => event.involvedObject.name === name && event.reason === reason);
  return `${found?.source?.component ?? ''} ${found?.type ?? ''} ${found?.message ?? ''}`;
}

beforeAll(async () => { cluster = await startTestCluster(); });
afterAll(async () => { await cluster.stop(); });

test.each([0, 1, 2, 3])('the controller dies after %d of its four writes: the next one finishes', async (count) => {
  const [first, second] = [new AbortController(), new AbortController()];
  const { client, died } = dyingClient(cluster.admin, count);
  const className = `crash-${count}`;
  await make(volume(className, { className, phase: '' }));
  await volumeInWhenReady(className);
  await startBinder(client, first.signal);
  await ask(className, { className });
  await died;
  first.abort();
  await startBinder(cluster.admin, second.signal);
  const bound = await claimIn(className, 'Bound');
  const owner = await volumeIn(className, 'Bound');
  second.abort();
  expect(bound).toMatchObject({ metadata: { annotations: { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' } }, spec: { volumeName: className }, status: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] } });
  expect(owner?.spec?.claimRef).toMatchObject({ kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'default', name: className, uid: bound?.metadata?.uid });
});

/** So that the dying controller's first write is about the claim. */
async function volumeInWhenReady(name: string): Promise<void> {
  await cluster.admin.patch(persistentvolumes, { name }, 'merge', { status: { phase: 'Available' } }, { subresource: 'status' });
}

describe('with the manager', () => {
  beforeAll(async () => { await cluster.startManager({ volumes: quick, controllers: ['persistentvolume-binder-controller', 'persistentvolumeclaim-protection-controller', 'persistentvolume-protection-controller'] }); });

  test('many claims at once: each gets a volume of its own', async () => {
    const names = Array.from({ length: 20 }, (_, at) => `many-${at}`);
    await Promise.all(names.flatMap((name) => [make(volume(name, { className: 'many' })), ask(name, { className: 'many' })]));
    const claims = await cluster.untilAll(persistentvolumeclaims, 'default', (all) => names.every((name) => all.find((one) => nameOf(one) === name)?.status?.phase === 'Bound'));
    const taken = claims.filter((one) => nameOf(one).startsWith('many-')).map((one) => one.spec?.volumeName);
    expect(new Set(taken).size).toBe(names.length);
  });

  test('a claim that was there first gets the volume when it comes', async () => {
    await ask('early', { className: '' });
    expect(await told('PersistentVolumeClaim', 'early', 'FailedBinding')).toBe('persistentvolume-controller Normal no persistent volumes available for this claim and no storage class is set');
    await make(volume('late', { claim: 'early' }));
    expect((await claimIn('early', 'Bound'))?.spec?.volumeName).toBe('late');
    // The user's reference is not the controller's.
    expect((await volumeIn('late', 'Bound'))?.metadata?.annotations).toBeUndefined();
  });

  test('a volume whose claim goes is released, and kept; a claim whose volume goes is lost', async () => {
    await make(volume('kept', { className: 'kept' }));
    await ask('leaves', { className: 'kept' });
    await claimIn('leaves', 'Bound');
    await cluster.admin.delete(persistentvolumeclaims, key('leaves'));
    expect((await volumeIn('kept', 'Released'))?.spec?.claimRef?.name).toBe('leaves');
    await ask('leaves', { className: 'kept', volume: 'kept' });
    expect(await told('PersistentVolumeClaim', 'leaves', 'FailedBinding')).toBe('persistentvolume-controller Warning volume "kept" already bound to a different claim.');

    await make(volume('goes', { className: 'goes' }));
    await ask('loses', { className: 'goes' });
    await claimIn('loses', 'Bound');
    await cluster.admin.delete(persistentvolumes, { name: 'goes' });
    await cluster.admin.patch(persistentvolumes, { name: 'goes' }, 'merge', { metadata: { finalizers: null } });
    expect((await claimIn('loses', 'Lost'))?.status).toEqual({ phase: 'Lost' });
    expect(await told('PersistentVolumeClaim', 'loses', 'ClaimLost')).toBe('persistentvolume-controller Warning Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  });

  test('a class that becomes the default is given to claims that have none', async () => {
    await ask('classless');
    await told('PersistentVolumeClaim', 'classless', 'FailedBinding');
    await cluster.admin.create(resources.storageclasses, storageClass('preset', 'example.com/disk', { metadata: { name: 'preset', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } }));
    const asked = await cluster.until(persistentvolumeclaims, key('classless'), (one) => one?.metadata?.annotations !== undefined);
    expect(asked?.spec?.storageClassName).toBe('preset');
    expect(asked?.metadata?.annotations).toEqual({ 'volume.kubernetes.io/storage-provisioner': 'example.com/disk', 'volume.beta.kubernetes.io/storage-provisioner': 'example.com/disk' });
    expect(await told('PersistentVolumeClaim', 'classless', 'ExternalProvisioning')).toBe("persistentvolume-controller Normal Waiting for a volume to be created either by the external provisioner 'example.com/disk' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.");
    // As the provisioner does it: a volume with the claim's uid, bound by nobody yet.
    await make(volume('made', { className: 'preset', claim: 'classless', uid: asked?.metadata?.uid ?? '', annotations: { 'pv.kubernetes.io/provisioned-by': 'example.com/disk' }, spec: { persistentVolumeReclaimPolicy: 'Delete' } }));
    expect((await claimIn('classless', 'Bound'))?.spec?.volumeName).toBe('made');
    await cluster.admin.delete(persistentvolumeclaims, key('classless'));
    // Deleting it is the provisioner's.
    await volumeIn('made', 'Released');
    await cluster.admin.delete(resources.storageclasses, { name: 'preset' });
  });

  test('volumes of the host\'s own disk are made, and go with their claims', async () => {
    await cluster.admin.create(resources.storageclasses, storageClass('own', 'kubernetes.io/host-path'));
    const { metadata } = await ask('scratch', { className: 'own', size: '3Mi' });
    const bound = await claimIn('scratch', 'Bound');
    expect(bound?.spec?.volumeName).toBe(`pvc-${metadata?.uid ?? ''}`);
    const made = await volumeIn(bound?.spec?.volumeName ?? '', 'Bound');
    expect(made?.metadata).toMatchObject({ annotations: { 'pv.kubernetes.io/provisioned-by': 'kubernetes.io/host-path', 'pv.kubernetes.io/bound-by-controller': 'yes' }, finalizers: ['kubernetes.io/pv-controller', 'kubernetes.io/pv-protection'] });
    const path = made?.spec?.hostPath?.path ?? '';
    expect(await cluster.host.disk.exists(path)).toBe(true);
    await cluster.admin.delete(persistentvolumeclaims, key('scratch'));
    await cluster.until(persistentvolumes, { name: nameOf(made ?? {}) }, (one) => one === undefined);
    expect(await cluster.host.disk.exists(path)).toBe(false);
  });

  test('what is not below /tmp is never removed; what cannot be recycled fails', async () => {
    const [elsewhere, policy] = [mkdtempSync('/var/tmp/kept-'), (persistentVolumeReclaimPolicy: string, path: string) => ({ persistentVolumeReclaimPolicy, hostPath: { path } })];
    await make(volume('precious', { className: 'precious', spec: policy('Delete', elsewhere) }));
    await make(volume('recycled', { className: 'recycled', spec: policy('Recycle', elsewhere) }));
    for (const name of ['precious', 'recycled']) {
      await ask(name, { className: name });
      await claimIn(name, 'Bound');
      await cluster.admin.delete(persistentvolumeclaims, key(name));
    }
    expect((await volumeIn('precious', 'Failed'))?.status?.message).toBe(`host_path deleter only supports /tmp/.+ but received provided ${elsewhere}`);
    expect(await told('PersistentVolume', 'recycled', 'VolumeFailedRecycle')).toBe('persistentvolume-controller Warning No recycler plugin found for the volume!');
    expect((await volumeIn('recycled', 'Failed'))?.status?.message).toBe('No recycler plugin found for the volume!');
    expect(await cluster.host.disk.exists(elsewhere)).toBe(true);
    await cluster.host.disk.remove(elsewhere, { recursive: true });
  });
});
