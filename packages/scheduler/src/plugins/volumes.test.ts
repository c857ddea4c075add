import { Simulation } from '@coxswain/host/sim';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { expect, test } from 'vitest';
import { SchedulerCache } from '../cache/cache.ts';
import { podInfoOf } from '../cache/pod-info.ts';
import { defaultProfile } from '../config.ts';
import { decide } from '../decide.ts';
import { CycleState } from '../framework/cycle-state.ts';
import { fitErrorMessage } from '../framework/diagnosis.ts';
import { makeFramework } from '../profile.ts';
import { Nominations } from '../queue/nominations.ts';
import { testHandle } from '../testing/handle.ts';
import { staticStorage, type StorageObjects } from '../testing/static-storage.ts';

const { host } = new Simulation({ seed: 1 }).start('test', 'test');
const driver = 'disk.example.com';
const zone = 'topology.kubernetes.io/zone';

function node(name: string, labels: Record<string, string> = {}): Node {
  return { metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } }, spec: {}, status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } } };
}

function pod(volumes: Volume[], name = 'p', nodeName?: string): Pod {
  return { metadata: { name, namespace: 'default', uid: `${name}-uid` }, spec: { containers: [{ name: 'c' }], volumes, ...(nodeName === undefined ? {} : { nodeName }) } };
}

function uses(...names: string[]): Volume[] {
  return names.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
}

function claim(name: string, more: { volume?: string; className?: string; size?: string; mode?: string; metadata?: object; status?: object; spec?: object } = {}): PersistentVolumeClaim {
  return {
    metadata: { name, namespace: 'default', uid: `${name}-uid`, annotations: more.volume === undefined ? {} : { 'pv.kubernetes.io/bind-completed': 'yes' }, ...more.metadata },
    spec: {
      accessModes: [more.mode ?? 'ReadWriteOnce'], resources: { requests: { storage: more.size ?? '1Gi' } }, ...(more.volume === undefined ? {} : { volumeName: more.volume }),
      ...(more.className === undefined ? {} : { storageClassName: more.className }), ...more.spec,
    }, status: { ...more.status },
  } as PersistentVolumeClaim;
}

function volume(name: string, more: { on?: string; size?: string; className?: string; csi?: string; metadata?: object; phase?: string; spec?: object } = {}): PersistentVolume {
  const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [more.on ?? ''] }] }] };
  return {
    metadata: { name, ...more.metadata },
    spec: {
      capacity: { storage: more.size ?? '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: more.className ?? 'local', ...(more.on === undefined ? {} : { nodeAffinity: { required } }),
      ...(more.csi === undefined ? {} : { csi: { driver, volumeHandle: more.csi } }), ...more.spec,
    }, status: { phase: more.phase ?? 'Available' },
  } as PersistentVolume;
}

const local: StorageClass = { metadata: { name: 'local' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' };
const fast: StorageClass = { metadata: { name: 'fast' }, provisioner: driver, volumeBindingMode: 'WaitForFirstConsumer' };
const now: StorageClass = { metadata: { name: 'now' }, provisioner: driver, volumeBindingMode: 'Immediate' };

/** The node, or the message that users read. */
function outcome(asked: Pod, nodes: readonly Node[], storage: StorageObjects, placed: readonly Pod[] = []): string {
  const cache = new SchedulerCache();
  for (const other of placed) cache.setPod(other);
  for (const each of nodes) cache.setNode(each);
  const framework = makeFramework(defaultProfile, testHandle(host, { storage: staticStorage({ ...storage, nodes }) }), host.timers);
  const options = { nominator: new Nominations(), nominatedNodeName: '', random: host.random, percentageOfNodesToScore: 0, startIndex: 0 };
  const decision = decide(framework, new CycleState(), podInfoOf(asked), cache.snapshot(), options);
  if (decision.kind === 'placed') return decision.nodeName;
  return decision.kind === 'unfit' ? fitErrorMessage(decision.diagnosis, decision.nodeCount) : decision.kind === 'error' ? `error: ${decision.message}` : decision.kind;
}

const two = [node('n1', { [zone]: 'a' }), node('n2', { [zone]: 'b' })];
const ephemeral: Volume = { name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } } } as Volume;
const bound = volume('v', { on: 'n2', phase: 'Bound' });
const all = '0/2 nodes are available: ';

test.each<[string, Volume[], StorageObjects, string]>([
  ['no such claim', uses('c'), {}, `${all}persistentvolumeclaim "c" not found.`],
  ['an ephemeral claim that is not made yet', [ephemeral], {}, `${all}waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch".`],
  ['an ephemeral claim of somebody else', [ephemeral], { claims: [claim('p-scratch', { volume: 'v' })], volumes: [bound] }, `${all}PVC default/p-scratch was not created for pod default/p (pod is not owner).`],
  ['an ephemeral claim of the pod', [ephemeral], { claims: [claim('p-scratch', { volume: 'v', metadata: { ownerReferences: [{ uid: 'p-uid', controller: true, kind: 'Pod', name: 'p', apiVersion: 'v1' }] } })], volumes: [bound] }, 'n2'],
  ['a lost claim', uses('c'), { claims: [claim('c', { volume: 'v', status: { phase: 'Lost' } })], volumes: [bound] }, `${all}persistentvolumeclaim "c" bound to non-existent persistentvolume "v".`],
  ['a claim that goes', uses('c'), { claims: [claim('c', { volume: 'v', metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })], volumes: [bound] }, `${all}persistentvolumeclaim "c" is being deleted.`],
  ['an immediate claim that is not bound', uses('c'), { claims: [claim('c', { className: 'now' })], classes: [now] }, `${all}pod has unbound immediate PersistentVolumeClaims.`],
  ['a claim whose volume does not know it yet', uses('c'), { claims: [claim('c', { className: 'local', spec: { volumeName: 'v' } })], volumes: [bound], classes: [local] }, `${all}pod has unbound immediate PersistentVolumeClaims.`],
  ['a class without a mode', uses('c'), { claims: [claim('c', { className: 'odd' })], classes: [{ metadata: { name: 'odd' }, provisioner: driver }] }, 'error: running PreFilter plugin "VolumeBinding": VolumeBindingMode not set for StorageClass "odd"'],
  ['a volume that one node reaches', uses('c'), { claims: [claim('c', { volume: 'v' })], volumes: [bound] }, 'n2'],
  ['a volume elsewhere', uses('c'), { claims: [claim('c', { volume: 'v' })], volumes: [volume('v', { on: 'n9', phase: 'Bound' })] }, `${all}2 node(s) had volume node affinity conflict.`],
  ['no such volume', uses('c'), { claims: [claim('c', { volume: 'v' })] }, `${all}persistentvolume "v" not found.`],
  ['volumes in another zone', uses('c'), { claims: [claim('c', { volume: 'v' })], volumes: [volume('v', { phase: 'Bound', metadata: { labels: { [zone]: 'c__d' } } })] }, `${all}2 node(s) had no available volume zone.`],
  ['a volume of several zones', uses('c'), { claims: [claim('c', { volume: 'v' })], volumes: [volume('v', { phase: 'Bound', metadata: { labels: { 'failure-domain.beta.kubernetes.io/zone': 'b__c' } } })] }, 'n2'],
  ['a free local volume', uses('c'), { claims: [claim('c', { className: 'local' })], volumes: [volume('v', { on: 'n2' })], classes: [local] }, 'n2'],
  ['two claims, one volume a node', uses('c', 'd'), { claims: [claim('c', { className: 'local' }), claim('d', { className: 'local' })], volumes: [volume('v', { on: 'n1' }), volume('w', { on: 'n2' })], classes: [local] }, `${all}2 node(s) didn't find available persistent volumes to bind.`],
  ['the small claim leaves the large volume to the large one', uses('c', 'd'), { claims: [claim('c', { className: 'local', size: '5Gi' }), claim('d', { className: 'local' })], volumes: [volume('v', { on: 'n1', size: '5Gi' }), volume('w', { on: 'n1', size: '2Gi' })], classes: [local] }, 'n1'],
  ['too small', uses('c'), { claims: [claim('c', { className: 'local', size: '2Gi' })], volumes: [volume('v')], classes: [local] }, `${all}2 node(s) didn't find available persistent volumes to bind.`],
  ['of the wrong mode', uses('c'), { claims: [claim('c', { className: 'local', mode: 'ReadWriteMany' })], volumes: [volume('v')], classes: [local] }, `${all}2 node(s) didn't find available persistent volumes to bind.`],
  ['a block device', uses('c'), { claims: [claim('c', { className: 'local', spec: { volumeMode: 'Block' } })], volumes: [volume('v')], classes: [local] }, `${all}2 node(s) didn't find available persistent volumes to bind.`],
  ['not selected', uses('c'), { claims: [claim('c', { className: 'local', spec: { selector: { matchLabels: { tier: 'gold' } } } })], volumes: [volume('v')], classes: [local] }, `${all}2 node(s) didn't find available persistent volumes to bind.`],
  ['given to somebody else', uses('c'), { claims: [claim('c', { className: 'local' })], volumes: [volume('v', { spec: { claimRef: { namespace: 'default', name: 'other' } } })], classes: [local] }, `${all}2 node(s) didn't find available persistent volumes to bind.`],
  ['given to the claim, though another one lies nearer', uses('c'), { claims: [claim('c', { className: 'local' })], volumes: [volume('v', { on: 'n2', size: '9Gi', phase: 'Released', spec: { claimRef: { namespace: 'default', name: 'c' } } }), volume('w', { on: 'n1' })], classes: [local] }, 'n2'],
  ['provisioned in an allowed zone', uses('c'), { claims: [claim('c', { className: 'fast' })], classes: [{ ...fast, allowedTopologies: [{ matchLabelExpressions: [{ key: zone, values: ['b'] }] }] }] }, 'n2'],
  ['provisioned nowhere', uses('c'), { claims: [claim('c', { className: 'fast' })], classes: [{ ...fast, allowedTopologies: [{ matchLabelExpressions: [{ key: zone, values: ['z'] }] }] }] }, `${all}2 node(s) didn't find available persistent volumes to bind.`],
  ['promised to a node before', uses('c'), { claims: [claim('c', { className: 'fast', metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } } })], classes: [fast] }, 'n1'],
  ['room in one zone', uses('c'), {
    claims: [claim('c', { className: 'fast', size: '5Gi' })], classes: [fast], csiDrivers: [{ metadata: { name: driver }, spec: { storageCapacity: true } }],
    capacities: [{ metadata: { name: 'a' }, storageClassName: 'fast', capacity: '9Gi', maximumVolumeSize: '4Gi', nodeTopology: { matchLabels: { [zone]: 'a' } } }, { metadata: { name: 'b' }, storageClassName: 'fast', capacity: '9Gi', nodeTopology: { matchLabels: { [zone]: 'b' } } }],
  }, 'n2'],
  ['no room', uses('c'), { claims: [claim('c', { className: 'fast', size: '5Gi' })], classes: [fast], csiDrivers: [{ metadata: { name: driver }, spec: { storageCapacity: true } }] }, `${all}2 node(s) did not have enough free storage.`],
  ['nobody counts the room', uses('c'), { claims: [claim('c', { className: 'fast', size: '5Gi' })], classes: [{ ...fast, allowedTopologies: [{ matchLabelExpressions: [{ key: zone, values: ['a'] }] }] }], csiDrivers: [{ metadata: { name: driver }, spec: {} }] }, 'n1'],
])('%s', (_case, volumes, storage, expected) => {
  expect(outcome(pod(volumes), two, storage)).toBe(expected);
});

test('attributes classes are a feature that is off', () => {
  const storage = { claims: [claim('c', { className: 'fast', spec: { volumeAttributesClassName: 'gold' } })], classes: [fast] };
  expect(() => outcome(pod(uses('c')), two, storage)).toThrow('running "VolumeBinding" filter plugin: unsupported volumeAttributesClassName is set on claim default/c when the feature-gate VolumeAttributesClass is disabled');
});

const disk = (readOnly?: boolean): Volume => ({ name: 'd', gcePersistentDisk: { pdName: 'd', ...(readOnly === undefined ? {} : { readOnly }) } });
const ebs: Volume = { name: 'd', awsElasticBlockStore: { volumeID: 'd', readOnly: true } };
const iscsi = (readOnly: boolean): Volume => ({ name: 'd', iscsi: { iqn: 'q', lun: 0, targetPortal: 't', readOnly } });
const rbd = (monitors: string[], readOnly = false): Volume => ({ name: 'd', rbd: { monitors, image: 'i', readOnly } });
const taken = '0/1 nodes are available: 1 node(s) had no available disk.';

test.each<[string, Volume, Volume, string]>([
  ['one disk twice', disk(), disk(true), taken], ['one disk for reading', disk(true), disk(true), 'n1'], ['EBS even for reading', ebs, ebs, taken],
  ['iSCSI for writing', iscsi(false), iscsi(true), taken], ['iSCSI for reading', iscsi(true), iscsi(true), 'n1'],
  ['an image of a common monitor', rbd(['a', 'b']), rbd(['b']), taken], ['an image of other monitors', rbd(['a']), rbd(['b']), 'n1'], ['an image for reading', rbd(['a'], true), rbd(['a'], true), 'n1'],
])('%s on a node', (_case, mine, other, expected) => {
  expect(outcome(pod([mine]), [node('n1')], {}, [pod([other], 'other', 'n1')])).toBe(expected);
});

test('a claim for one pod only is not given to a second one, wherever', () => {
  const storage = { claims: [claim('c', { volume: 'v', mode: 'ReadWriteOncePod' })], volumes: [volume('v', { phase: 'Bound' })] };
  expect(outcome(pod(uses('c')), two, storage, [pod(uses('c'), 'other', 'n1')])).toBe(`${all}2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.`);
  expect(outcome(pod(uses('c')), [node('n1')], storage)).toBe('n1');
});

test.each<[string, string[], string]>([
  ['a new volume past the limit', ['v3'], '0/1 nodes are available: 1 node(s) exceed max volume count.'],
  ['a volume that is there already', ['v1'], 'n1'],
  ['a volume still to be provisioned', ['open'], '0/1 nodes are available: 1 node(s) exceed max volume count.'],
  ['a volume of no driver', ['plain'], 'n1'],
])('a driver that attaches two volumes a node: %s', (_case, claimed, expected) => {
  const names = ['v1', 'v2', 'v3'];
  const storage: StorageObjects = {
    claims: [...names.map((name) => claim(name, { volume: name })), claim('open', { className: 'fast' }), claim('plain', { volume: 'plain' })],
    volumes: [...names.map((name) => volume(name, { csi: name, phase: 'Bound' })), volume('plain', { phase: 'Bound' })], classes: [fast],
    csiNodes: [{ metadata: { name: 'n1' }, spec: { drivers: [{ name: driver, nodeID: 'n1', allocatable: { count: 2 } }] } }],
    // One is used by a pod, the other is attached for nobody.
    attachments: [{ metadata: { name: 'a' }, spec: { attacher: driver, nodeName: 'n1', source: { persistentVolumeName: 'v2' } } }],
  };
  expect(outcome(pod(uses(...claimed)), [node('n1')], storage, [pod(uses('v1'), 'other', 'n1')])).toBe(expected);
});
