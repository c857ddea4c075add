import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { describe, expect, test } from 'vitest';
import { claim, storageClass, volume } from '../testing/volumes.ts';
import { decideClaim, type ClaimStep, type ClaimView } from './claim.ts';
import { defaultClass } from './facts.ts';
import { deleterOf, volumeAnnotations, volumeFinalizers } from './in-tree.ts';
import { claimBoundTo, claimInPhase } from './status.ts';
import { decideVolume, isReleased, unbound } from './volume.ts';

const waits: Partial<StorageClass> = { volumeBindingMode: 'WaitForFirstConsumer' };
const bound = { 'pv.kubernetes.io/bind-completed': 'yes' };
const byController = { 'pv.kubernetes.io/bound-by-controller': 'yes' };

interface World {
  readonly volumes?: readonly PersistentVolume[];
  readonly classes?: readonly StorageClass[];
  readonly pods?: readonly string[];
}

function view({ volumes = [], classes = [], pods = [] }: World): ClaimView {
  return {
    volume: (name) => volumes.find(({ metadata }) => metadata?.name === name), candidates: () => volumes, podsWithoutNode: () => pods,
    storageClass: (name) => classes.find(({ metadata }) => metadata?.name === name), defaultClass: () => defaultClass(classes),
  };
}

/** `bind NAME`, `provision BY`, `use-class NAME`, or kind, event reason and message. */
function text(step: ClaimStep): string {
  switch (step.kind) {
    case 'bind': return `bind ${step.volume.metadata?.name ?? ''}`;
    case 'use-class': return `use-class ${step.className}`;
    case 'provision': return `provision ${step.by.kind === 'external' ? step.by.name : step.by.kind}`;
    default: return step.tell === undefined ? step.kind : `${step.kind} ${step.tell.type} ${step.tell.reason}: ${step.tell.message}`;
  }
}

const noVolume = 'pending Normal FailedBinding: no persistent volumes available for this claim and no storage class is set';

type Case = readonly [name: string, claim: PersistentVolumeClaim, world: World, expected: string];

const unboundCases: readonly Case[] = [
  ['one that fits', claim('c'), { volumes: [volume('v')] }, 'bind v'],
  ['too small', claim('c', { size: '10Gi' }), { volumes: [volume('v')] }, noVolume],
  ['the smallest', claim('c'), { volumes: [volume('large', { size: '10Gi' }), volume('small')] }, 'bind small'],
  ['given by name, though a smaller one is free', claim('c'), { volumes: [volume('given', { size: '10Gi', claim: 'c' }), volume('free')] }, 'bind given'],
  ['given by uid', claim('c'), { volumes: [volume('given', { size: '10Gi', claim: 'c', uid: 'c-uid' }), volume('free')] }, 'bind given'],
  ['given to an earlier claim of the name', claim('c'), { volumes: [volume('v', { claim: 'c', uid: 'other' })] }, noVolume],
  ['a given one of another class', claim('c'), { volumes: [volume('v', { claim: 'c', className: 'gold' })] }, 'bind v'],
  ['a given one that is too small', claim('c', { size: '2Gi' }), { volumes: [volume('v', { claim: 'c' })] }, noVolume],
  ['another class', claim('c'), { volumes: [volume('v', { className: 'gold' })] }, noVolume],
  ['not available yet', claim('c'), { volumes: [volume('v', { phase: 'Pending' })] }, noVolume],
  ['labels', claim('c', { spec: { selector: { matchLabels: { disk: 'fast' } } } }), { volumes: [volume('a'), volume('b', { size: '2Gi', labels: { disk: 'fast' } })] }, 'bind b'],
  ['no label', claim('c', { spec: { selector: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['fast'] }] } } }), { volumes: [volume('a')] }, noVolume],
  ['block', claim('c', { spec: { volumeMode: 'Block' } }), { volumes: [volume('file'), volume('block', { size: '5Gi', spec: { volumeMode: 'Block' } })] }, 'bind block'],
  ['access', claim('c', { modes: ['ReadWriteMany'] }), { volumes: [volume('one'), volume('many', { modes: ['ReadWriteOnce', 'ReadWriteMany'] })] }, 'bind many'],
  ['as little access as will do, even if it is larger', claim('c'), { volumes: [volume('both', { modes: ['ReadWriteOnce', 'ReadOnlyMany'] }), volume('one', { size: '8Gi' })] }, 'bind one'],
  ['on its way out', claim('c'), { volumes: [{ ...volume('v'), metadata: { name: 'v', deletionTimestamp: '2026-01-01T00:00:00Z' } }] }, noVolume],
];

const classCases: readonly Case[] = [
  ['the default class, later', claim('c'), { classes: [storageClass('std', 'x', { metadata: { name: 'std', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } })] }, 'use-class std'],
  ['no class on purpose', claim('c', { className: '' }), { classes: [storageClass('std', 'x', { metadata: { name: 'std', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } })] }, noVolume],
  ['a class that is missing', claim('c', { className: 'gold' }), {}, 'refuse Warning ProvisioningFailed: storageclass.storage.k8s.io "gold" not found'],
  ['a provisioner outside', claim('c', { className: 'gold' }), { classes: [storageClass('gold', 'example.com/disk')] }, 'provision example.com/disk'],
  ['an old plugin with a driver', claim('c', { className: 'gold' }), { classes: [storageClass('gold', 'kubernetes.io/gce-pd')] }, 'provision pd.csi.storage.gke.io'],
  ['the host\'s own disk', claim('c', { className: 'gold' }), { classes: [storageClass('gold', 'kubernetes.io/host-path')] }, 'provision host-path'],
  ['no provisioner', claim('c', { className: 'gold' }), { classes: [storageClass('gold', 'kubernetes.io/no-provisioner')] }, 'refuse Warning ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner'],
  ['no pod yet', claim('c', { className: 'gold' }), { classes: [storageClass('gold', 'x', waits)], volumes: [volume('v', { className: 'gold' })] }, 'pending Normal WaitForFirstConsumer: waiting for first consumer to be created before binding'],
  ['a pod without a node', claim('c', { className: 'gold' }), { classes: [storageClass('gold', 'x', waits)], pods: ['p'] }, 'pending Normal WaitForPodScheduled: waiting for pod p to be scheduled'],
  ['pods without a node', claim('c', { className: 'gold' }), { classes: [storageClass('gold', 'x', waits)], pods: ['p', 'q'] }, 'pending Normal WaitForPodScheduled: waiting for pods p,q to be scheduled'],
  ['a node is chosen', claim('c', { className: 'gold', annotations: { 'volume.kubernetes.io/selected-node': 'n1' } }), { classes: [storageClass('gold', 'example.com/disk', waits)] }, 'provision example.com/disk'],
  ['the scheduler gave a volume', claim('c', { className: 'gold' }), { classes: [storageClass('gold', 'x', waits)], volumes: [volume('v', { className: 'gold', claim: 'c', uid: 'c-uid' })] }, 'bind v'],
];

const namedCases: readonly Case[] = [
  ['not there', claim('c', { volume: 'v' }), {}, 'pending'],
  ['free', claim('c', { volume: 'v' }), { volumes: [volume('v')] }, 'bind v'],
  ['too small', claim('c', { volume: 'v', size: '2Gi' }), { volumes: [volume('v')] }, 'pending Warning VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small'],
  ['another class', claim('c', { volume: 'v' }), { volumes: [volume('v', { className: 'gold' })] }, 'pending Warning VolumeMismatch: Cannot bind to requested volume "v": storageClassName does not match'],
  ['another mode', claim('c', { volume: 'v' }), { volumes: [volume('v', { spec: { volumeMode: 'Block' } })] }, 'pending Warning VolumeMismatch: Cannot bind to requested volume "v": incompatible volumeMode'],
  ['less access', claim('c', { volume: 'v', modes: ['ReadWriteMany'] }), { volumes: [volume('v')] }, 'pending Warning VolumeMismatch: Cannot bind to requested volume "v": incompatible accessMode'],
  ['given, whatever it is like', claim('c', { volume: 'v', size: '2Gi' }), { volumes: [volume('v', { claim: 'c' })] }, 'bind v'],
  ['somebody else\'s', claim('c', { volume: 'v' }), { volumes: [volume('v', { claim: 'd', uid: 'd-uid' })] }, 'pending Warning FailedBinding: volume "v" already bound to a different claim.'],
  ['somebody else\'s, though we had bound it', claim('c', { volume: 'v', annotations: byController }), { volumes: [volume('v', { claim: 'd', uid: 'd-uid' })] }, 'refuse Warning FailedBinding: volume "v" already bound to a different claim.'],
];

const boundCases: readonly Case[] = [
  ['no name any more', claim('c', { annotations: bound }), {}, 'lost Warning ClaimLost: Bound claim has lost reference to PersistentVolume. Data on the volume is lost!'],
  ['no volume any more', claim('c', { annotations: bound, volume: 'v' }), {}, 'lost Warning ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!'],
  ['the volume has forgotten it', claim('c', { annotations: bound, volume: 'v' }), { volumes: [volume('v')] }, 'bind v'],
  ['well', claim('c', { annotations: bound, volume: 'v' }), { volumes: [volume('v', { claim: 'c', uid: 'c-uid', phase: 'Bound' })] }, 'bind v'],
  ['somebody else\'s', claim('c', { annotations: bound, volume: 'v' }), { volumes: [volume('v', { claim: 'd', uid: 'd-uid' })] }, 'lost Warning ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly'],
  ['reserved by hand for another', claim('c', { annotations: bound, volume: 'v' }), { volumes: [volume('v', { claim: 'd' })] }, 'lost Warning ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly'],
];

describe('claims', () => {
  test.each(unboundCases)('without a name: %s', (_name, one, world, expected) => expect(text(decideClaim(one, view(world)))).toBe(expected));
  test.each(classCases)('with classes: %s', (_name, one, world, expected) => expect(text(decideClaim(one, view(world)))).toBe(expected));
  test.each(namedCases)('that name their volume: %s', (_name, one, world, expected) => expect(text(decideClaim(one, view(world)))).toBe(expected));
  test.each(boundCases)('that were bound: %s', (_name, one, world, expected) => expect(text(decideClaim(one, view(world)))).toBe(expected));

  test('the newest default class counts, by name where they are of one age', () => {
    const of = (name: string, creationTimestamp: string): StorageClass => storageClass(name, 'x', { metadata: { name, creationTimestamp, annotations: { 'storageclass.beta.kubernetes.io/is-default-class': 'true' } } });
    expect(defaultClass([of('old', '2026-01-01T00:00:00Z'), of('b', '2026-01-02T00:00:00Z'), of('a', '2026-01-02T00:00:00Z'), storageClass('plain', 'x')])?.metadata?.name).toBe('a');
  });

  test('an attributes class is not looked for while the feature is off', () => {
    const asks = claim('c', { spec: { volumeAttributesClassName: 'fast' } as object });
    expect(() => decideClaim(asks, view({ volumes: [volume('v')] }))).toThrow('error finding PV for claim "default/c": unsupported volumeAttributesClassName is set on claim default/c when the feature-gate VolumeAttributesClass is disabled');
  });

  test('what a bound claim says', () => {
    const written = claimBoundTo(claim('c'), volume('v', { size: '5Gi' }));
    expect(written).toMatchObject({ metadata: { annotations: { ...bound, ...byController } }, spec: { volumeName: 'v' } });
    expect(claimBoundTo(claim('c', { volume: 'v' }), volume('v')).metadata?.annotations).toEqual(bound);
    expect(claimBoundTo(written, volume('v'))).toBe(written);
    const status = claimInPhase(written, 'Bound', volume('v', { size: '5Gi', modes: ['ReadWriteOnce', 'ReadOnlyMany'] }));
    expect(status.status).toEqual({ phase: 'Bound', accessModes: ['ReadWriteOnce', 'ReadOnlyMany'], capacity: { storage: '5Gi' } });
    // Once bound, what was written of its size stays.
    expect(claimInPhase(status, 'Bound', volume('v', { size: '9Gi', modes: ['ReadWriteOnce', 'ReadOnlyMany'] }))).toBe(status);
    expect(claimInPhase(status, 'Lost').status).toEqual({ phase: 'Lost' });
  });
});

describe('volumes', () => {
  const provisioned = { 'pv.kubernetes.io/provisioned-by': 'example.com/disk' };
  const owned = { claim: 'c', uid: 'c-uid' };
  const cases: readonly (readonly [string, PersistentVolume, PersistentVolumeClaim | undefined, string])[] = [
    ['unused', volume('v'), undefined, 'phase Available'],
    ['reserved by hand', volume('v', { claim: 'c' }), claim('c'), 'phase Available'],
    ['its claim is gone', volume('v', owned), undefined, 'reclaim'],
    ['its claim does not know yet', volume('v', owned), claim('c'), 'ask-claim'],
    ['its claim wants another mode', volume('v', owned), claim('c', { spec: { volumeMode: 'Block' } }), 'mismatch'],
    ['its claim\'s', volume('v', owned), claim('c', { volume: 'v' }), 'phase Bound'],
    ['its claim has another', volume('v', owned), claim('c', { volume: 'w' }), 'unbind'],
    ['its claim has another, and it was made for it', volume('v', { ...owned, annotations: provisioned, spec: { persistentVolumeReclaimPolicy: 'Delete' } }), claim('c', { volume: 'w' }), 'reclaim'],
    ['the same, to be kept', volume('v', { ...owned, annotations: provisioned }), claim('c', { volume: 'w' }), 'unbind'],
  ];
  test.each(cases)('%s', (_name, one, owner, expected) => {
    const step = decideVolume(one, owner);
    expect(step.kind === 'phase' ? `phase ${step.phase}` : step.kind).toBe(expected);
  });

  test('unbound: ours without a trace, a user\'s still reserved', () => {
    const ours = unbound(volume('v', { ...owned, annotations: byController }));
    expect([ours.metadata, ours.spec?.claimRef]).toEqual([{ name: 'v' }, undefined]);
    expect(unbound(volume('v', owned)).spec?.claimRef).toEqual({ kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'default', name: 'c' });
  });

  test('released: no claim, another of the name, or one that has another volume', () => {
    const one = volume('v', owned);
    expect([undefined, { ...claim('c'), metadata: { ...claim('c').metadata, uid: 'new' } }, claim('c', { volume: 'w' }), claim('c'), claim('c', { volume: 'v' })].map((owner) => isReleased(one, owner)))
      .toEqual([true, true, true, false, false]);
    expect(isReleased(volume('v', { claim: 'c' }), undefined)).toBe(false);
  });

  const sources: readonly (readonly [string, PersistentVolume, string])[] = [
    ['a host path', volume('v'), 'host-path'],
    ['a driver', volume('v', { annotations: provisioned }), 'external'],
    ['CSI made by hand', { ...volume('v'), spec: { csi: { driver: 'd', volumeHandle: 'h' } } }, 'external'],
    ['a local disk', { ...volume('v'), spec: { local: { path: '/d' } } }, 'error getting deleter volume plugin for volume "v": no volume plugin matched'],
    ['NFS', { ...volume('v'), spec: { nfs: { server: 's', path: '/' } } }, 'error getting deleter volume plugin for volume "v": no deletable volume plugin matched'],
    ['an old plugin', volume('v', { annotations: { 'pv.kubernetes.io/provisioned-by': 'kubernetes.io/glusterfs' } }), 'no volume plugin matched name: kubernetes.io/glusterfs'],
  ];
  test.each(sources)('who deletes %s', (_name, one, expected) => {
    const agent = deleterOf(one);
    expect(agent.kind === 'none' ? agent.error : agent.kind).toBe(expected);
  });

  test('finalizers and the driver of an old plugin', () => {
    const by = (provisioner: string, policy: string, finalizers: readonly string[]): readonly string[] =>
      volumeFinalizers(volume('v', { annotations: { 'pv.kubernetes.io/provisioned-by': provisioner }, finalizers, spec: { persistentVolumeReclaimPolicy: policy } }));
    expect(by('kubernetes.io/host-path', 'Delete', ['f', 'external-provisioner.volume.kubernetes.io/finalizer'])).toEqual(['f', 'kubernetes.io/pv-controller']);
    expect(by('kubernetes.io/host-path', 'Retain', ['kubernetes.io/pv-controller'])).toEqual([]);
    expect(by('kubernetes.io/gce-pd', 'Delete', ['kubernetes.io/pv-controller', 'f'])).toEqual(['f']);
    expect(by('example.com/disk', 'Delete', ['external-provisioner.volume.kubernetes.io/finalizer'])).toEqual(['external-provisioner.volume.kubernetes.io/finalizer']);
    expect(volumeAnnotations({ 'pv.kubernetes.io/provisioned-by': 'kubernetes.io/aws-ebs' })).toEqual({ 'pv.kubernetes.io/provisioned-by': 'kubernetes.io/aws-ebs', 'pv.kubernetes.io/migrated-to': 'ebs.csi.aws.com' });
    expect(volumeAnnotations({ 'pv.kubernetes.io/provisioned-by': 'example.com/disk', 'pv.kubernetes.io/migrated-to': 'x' })).toEqual(provisioned);
  });
});
