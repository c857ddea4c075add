import { statusOf, type FakeObject } from '@coxswain/client/testing';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { defaultProfile, defaultSchedulerConfig } from './config.ts';
import { assigned, node, pod, put, read, whenEvent, whenPod, world, type World } from './testing/world.ts';

const storage = 'storage.k8s.io';
const boundMark = { 'pv.kubernetes.io/bind-completed': 'yes' };

function storageClass(name: string, provisioner = 'kubernetes.io/no-provisioner'): unknown {
  return { metadata: { name }, provisioner, volumeBindingMode: 'WaitForFirstConsumer' };
}

function claim(name: string, className: string): unknown {
  return { metadata: { name, namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: className, resources: { requests: { storage: '1Gi' } } }, status: { phase: 'Pending' } };
}

function localVolume(name: string, on: string): unknown {
  return {
    metadata: { name }, status: { phase: 'Available' },
    spec: {
      capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'local', local: { path: '/disk' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [on] }] }] } },
    },
  };
}

function using(name: string, claimName: string): ReturnType<typeof pod> {
  return pod(name, '100m', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }] });
}

const claimAt = (name: string) => ({ group: '', resource: 'persistentvolumeclaims', namespace: 'default', name });
const volumeAt = (name: string) => ({ group: '', resource: 'persistentvolumes', namespace: '', name });

/** What the volume controller does with a claim that has a volume. */
function complete({ server }: World, claimName: string, volumeName: string): void {
  const found = server.store.get(claimAt(claimName)) as PersistentVolumeClaim;
  const bound = { ...found, metadata: { ...found.metadata, annotations: { ...found.metadata?.annotations, ...boundMark } }, spec: { ...found.spec, volumeName } };
  server.store.update(claimAt(claimName), bound as FakeObject, '');
}

/** When `holds` is true of a stored object. */
function whenStored({ sim, server }: World, what: string, holds: () => boolean): Promise<unknown> {
  return sim.runUntil(new Promise<void>((resolve) => {
    const check = (): void => { if (holds()) resolve(); };
    server.store.listeners.add(check);
    check();
  }), 600_000, what);
}

const claimOf = ({ server }: World, volume: string): PersistentVolume['spec'] => (server.store.get(volumeAt(volume)) as PersistentVolume).spec;

test('a claim that waits for its pod is given a volume where the pod goes, and the pod starts once it is bound', async () => {
  const here = await world();
  const { sim, server, start } = here;
  for (const name of ['n1', 'n2']) put(server, 'nodes', node(name));
  put(server, 'storageclasses', storageClass('local'), storage);
  put(server, 'persistentvolumes', localVolume('disk', 'n2'));
  put(server, 'persistentvolumeclaims', claim('data', 'local'));
  put(server, 'pods', using('db', 'data'));
  await start();
  await whenStored(here, 'claimRef', () => claimOf(here, 'disk')?.claimRef !== undefined);
  expect(claimOf(here, 'disk')?.claimRef).toMatchObject({ kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'default', name: 'data', uid: server.store.get(claimAt('data')).metadata.uid });
  expect(server.store.get(volumeAt('disk')).metadata.annotations).toEqual({ 'pv.kubernetes.io/bound-by-controller': 'yes' });
  // Others are decided meanwhile.
  put(server, 'pods', pod('other'));
  await whenPod(sim, server, 'other', assigned);
  expect(assigned(read(server, 'db'))).toBe(false);
  complete(here, 'data', 'disk');
  await whenPod(sim, server, 'db', assigned);
  expect(read(server, 'db').spec?.nodeName).toBe('n2');
});

test('one volume is promised to one claim, and the other pod is told why it waits', async () => {
  const here = await world();
  const { sim, server, start } = here;
  put(server, 'nodes', node('n1'));
  put(server, 'storageclasses', storageClass('local'), storage);
  put(server, 'persistentvolumes', localVolume('disk', 'n1'));
  for (const name of ['a', 'b']) { put(server, 'persistentvolumeclaims', claim(`claim-${name}`, 'local')); put(server, 'pods', using(name, `claim-${name}`)); }
  await start();
  const event = await whenEvent(sim, server, 'FailedScheduling');
  expect(event.message).toBe("0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.");
  await whenStored(here, 'claimRef', () => claimOf(here, 'disk')?.claimRef !== undefined);
  const owner = claimOf(here, 'disk')?.claimRef?.name as string;
  complete(here, owner, 'disk');
  await whenPod(sim, server, owner.slice('claim-'.length), assigned);
  const other = owner === 'claim-a' ? 'b' : 'a';
  expect(assigned(read(server, other))).toBe(false);
  put(server, 'persistentvolumes', localVolume('disk2', 'n1'));
  await whenStored(here, 'second claimRef', () => claimOf(here, 'disk2')?.claimRef !== undefined);
  complete(here, `claim-${other}`, 'disk2');
  await whenPod(sim, server, other, assigned);
});

test('a provisioner is told the node; when it gives up, the pod is decided anew', async () => {
  const here = await world();
  const { sim, server, start } = here;
  put(server, 'nodes', node('n1'));
  put(server, 'storageclasses', storageClass('fast', 'disk.example.com'), storage);
  put(server, 'persistentvolumeclaims', claim('data', 'fast'));
  put(server, 'pods', using('db', 'data'));
  await start();
  const selected = (): string | undefined => server.store.get(claimAt('data')).metadata.annotations?.['volume.kubernetes.io/selected-node'];
  await whenStored(here, 'selected node', () => selected() === 'n1');
  const found = server.store.get(claimAt('data'));
  server.store.update(claimAt('data'), { ...found, metadata: { ...found.metadata, annotations: {} } }, '');
  expect((await whenEvent(sim, server, 'FailedScheduling')).message).toBe('running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "data"');
  await whenStored(here, 'selected node again', () => selected() === 'n1');
  put(server, 'persistentvolumes', localVolume('made', 'n1'));
  complete(here, 'data', 'made');
  await whenPod(sim, server, 'db', assigned);
});

test('a volume that could not be written is free again', async () => {
  const here = await world();
  const { sim, server, start } = here;
  put(server, 'nodes', node('n1'));
  put(server, 'storageclasses', storageClass('local'), storage);
  put(server, 'persistentvolumes', localVolume('disk', 'n1'));
  put(server, 'persistentvolumeclaims', claim('data', 'local'));
  put(server, 'pods', using('db', 'data'));
  let refused = 0;
  server.intercept = (request) => {
    if (request.method !== 'PUT' || !request.target.includes('/persistentvolumes/') || refused > 0) return undefined;
    refused += 1;
    return statusOf(409, 'Conflict', 'the object has been modified');
  };
  await start();
  expect((await whenEvent(sim, server, 'FailedScheduling')).message).toContain('running PreBind plugin "VolumeBinding": ');
  await whenStored(here, 'claimRef', () => claimOf(here, 'disk')?.claimRef?.name === 'data');
  complete(here, 'data', 'disk');
  await whenPod(sim, server, 'db', assigned);
  expect(refused).toBe(1);
});

test('a claim that comes late wakes its pod; nobody binds it in time, and the pod says so', async () => {
  const here = await world();
  const { sim, server, start } = here;
  put(server, 'nodes', node('n1'));
  put(server, 'storageclasses', storageClass('fast', 'disk.example.com'), storage);
  put(server, 'pods', using('db', 'data'));
  const profile = { ...defaultProfile, args: { ...defaultProfile.args, volumeBinding: { bindTimeoutMs: 5000 } } };
  await start({ ...defaultSchedulerConfig('test'), profiles: [profile] });
  const condition = (text: string) => whenPod(sim, server, 'db', (found) => found.status?.conditions?.some(({ type, message }) => type === 'PodScheduled' && message?.includes(text) === true) === true);
  await condition('0/1 nodes are available: persistentvolumeclaim "data" not found. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.');
  put(server, 'persistentvolumeclaims', claim('data', 'fast'));
  await condition('running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded');
});
