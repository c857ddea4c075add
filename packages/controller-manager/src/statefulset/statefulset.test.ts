import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { claimsFor, ordinalOf, statefulPod } from './identity.ts';
import { planSteps, type Step } from './plan.ts';
import { claimOwners, isStale } from './retention.ts';
import { statefulSetStatus } from './status.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
const revisions = { current: 'web-old', update: 'web-new' };
const set = (spec: Partial<NonNullable<StatefulSet['spec']>> = {}, status?: StatefulSet['status']): StatefulSet => ({
  metadata: { name: 'web', namespace: 'default', uid: 'set-uid', generation: 3 },
  spec: { replicas: 3, serviceName: 'nginx', selector: { matchLabels: { app: 'web' } }, template: {}, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, ...spec },
  ...(status === undefined ? {} : { status }),
});
type Fields = { ready?: boolean; phase?: string; revision?: string; deleting?: boolean; readySince?: string };
const pod = (ordinal: number, { ready = true, phase = 'Running', revision = 'web-new', deleting = false, readySince = '2026-01-01T00:00:00Z' }: Fields = {}): Pod => ({
  metadata: { name: `web-${ordinal}`, uid: `uid-${ordinal}`, labels: { 'controller-revision-hash': revision }, ...(deleting ? { deletionTimestamp: '2026-01-01T00:30:00Z' } : {}) },
  spec: { containers: [] }, status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: readySince }] },
});
const told = (steps: readonly Step[]): string[] => steps.map((step) => (step.kind === 'create' ? `+${step.ordinal} ${step.revision}` : `-${step.pod.metadata?.name ?? ''} ${step.why}`));
const plan = (of: StatefulSet, ...pods: readonly Pod[]): string[] => told(planSteps(of, pods, revisions, nowMs));

test('one after the other, each when those before it are ready', () => {
  expect(plan(set())).toEqual(['+0 web-new']);
  expect(plan(set(), pod(0, { ready: false }))).toEqual([]);
  expect(plan(set(), pod(0))).toEqual(['+1 web-new']);
  expect(plan(set(), pod(0), pod(2))).toEqual(['+1 web-new']);
  expect(plan(set(), pod(0), pod(1, { deleting: true }), pod(2))).toEqual([]);
  expect(plan(set(), pod(0), pod(1, { phase: 'Failed', ready: false }), pod(2))).toEqual(['-web-1 ended']);
  expect(plan(set({ minReadySeconds: 30 }), pod(0, { readySince: '2026-01-01T00:59:31Z' }))).toEqual([]);
  expect(plan(set({ minReadySeconds: 30 }), pod(0, { readySince: '2026-01-01T00:59:30Z' }))).toEqual(['+1 web-new']);
});

test('scaling down takes the highest, and halts at a pod that is not ready', () => {
  const one = set({ replicas: 1 });
  expect(plan(one, pod(0), pod(1), pod(2))).toEqual(['-web-2 condemned']);
  expect(plan(one, pod(0), pod(1), pod(2, { deleting: true }))).toEqual([]);
  expect(plan(one, pod(0), pod(1, { ready: false }), pod(2))).toEqual(['-web-2 condemned']);
  expect(plan(one, pod(0, { ready: false }), pod(1), pod(2))).toEqual([]);
  expect(plan(one, pod(0), pod(1, { ready: false }))).toEqual(['-web-1 condemned']);
});

test('in parallel nobody waits', () => {
  const parallel = set({ podManagementPolicy: 'Parallel' });
  expect(plan(parallel)).toEqual(['+0 web-new', '+1 web-new', '+2 web-new']);
  expect(plan(set({ podManagementPolicy: 'Parallel', replicas: 1 }), pod(0, { ready: false }), pod(1), pod(2))).toEqual(['-web-2 condemned', '-web-1 condemned']);
  // But an update is still one by one.
  expect(plan(parallel, pod(0, { revision: 'web-old' }), pod(1, { revision: 'web-old' }), pod(2, { revision: 'web-old' }))).toEqual(['-web-2 update']);
});

test('ordinals may start elsewhere', () => {
  const five = set({ ordinals: { start: 5 }, replicas: 2 });
  expect(plan(five, pod(4))).toEqual(['+5 web-new']);
  expect(plan(five, pod(4), pod(5), pod(6))).toEqual(['-web-4 condemned']);
});

test('an update goes from the highest down to the partition', () => {
  const old = { revision: 'web-old' };
  expect(plan(set(), pod(0, old), pod(1, old), pod(2, old))).toEqual(['-web-2 update']);
  expect(plan(set(), pod(0, old), pod(1, old))).toEqual(['+2 web-new']);
  expect(plan(set(), pod(0, old), pod(1, old), pod(2, { ready: false }))).toEqual([]);
  expect(plan(set(), pod(0, old), pod(1, old), pod(2))).toEqual(['-web-1 update']);
  const from2 = set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
  expect(plan(from2, pod(0, old), pod(1, old), pod(2))).toEqual([]);
  expect(plan(from2, pod(0, old), pod(2))).toEqual(['+1 web-old']);
  const onDelete = set({ updateStrategy: { type: 'OnDelete' } });
  expect(plan(onDelete, pod(0, old), pod(1, old), pod(2, old))).toEqual([]);
  expect(plan(onDelete, pod(0, old), pod(2, old))).toEqual(['+1 web-new']);
});

test('the status: an update that reached every pod makes its revision the current one', () => {
  const half = statefulSetStatus(set(), [pod(0, { revision: 'web-old' }), pod(1), pod(2, { ready: false })], revisions, nowMs);
  expect(half).toEqual({ observedGeneration: 3, replicas: 3, readyReplicas: 2, availableReplicas: 2, updatedReplicas: 2, currentReplicas: 1, currentRevision: 'web-old', updateRevision: 'web-new' });
  expect(statefulSetStatus(set(), [pod(0), pod(1), pod(2)], revisions, nowMs)).toMatchObject({ currentRevision: 'web-new', currentReplicas: 3, updatedReplicas: 3 });
  expect(statefulSetStatus(set({ updateStrategy: { type: 'OnDelete' } }), [pod(0), pod(1), pod(2)], revisions, nowMs)).toMatchObject({ currentRevision: 'web-old', updatedReplicas: 3 });
});

test('names, host names, labels and claims of a pod are its ordinal\'s', () => {
  const claims = set({ volumeClaimTemplates: [{ metadata: { name: 'www', labels: { tier: 'x' } }, spec: { accessModes: ['ReadWriteOnce'] } }] });
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c' }], volumes: [{ name: 'www', emptyDir: {} }, { name: 'tmp', emptyDir: {} }] } };
  expect(statefulPod(claims, template, 'web-new', 2)).toMatchObject({
    metadata: { name: 'web-2', labels: { app: 'web', 'statefulset.kubernetes.io/pod-name': 'web-2', 'apps.kubernetes.io/pod-index': '2', 'controller-revision-hash': 'web-new' } },
    spec: { hostname: 'web-2', subdomain: 'nginx', volumes: [{ name: 'www', persistentVolumeClaim: { claimName: 'www-web-2' } }, { name: 'tmp', emptyDir: {} }] },
  });
  expect(claimsFor(claims, 2)).toEqual([{ metadata: { name: 'www-web-2', namespace: 'default', labels: { tier: 'x', app: 'web' } }, spec: { accessModes: ['ReadWriteOnce'] } }]);
  expect(['web-0', 'web-12', 'web-01', 'web', 'web-a', 'webs-1'].map((name) => ordinalOf(claims, { metadata: { name } }))).toEqual([0, 12, undefined, undefined, undefined, undefined]);
});

test('who owns a claim, by the retention policy', () => {
  const owners = (whenDeleted: string, whenScaled: string, condemned: boolean, claim: PersistentVolumeClaim = {}): string[] | undefined =>
    claimOwners({ ...set({ persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } }) }, pod(1), claim, condemned)?.map(({ kind, uid }) => `${kind} ${uid}`);
  expect(owners('Retain', 'Retain', true)).toBeUndefined();
  expect(owners('Delete', 'Retain', false)).toEqual(['StatefulSet set-uid']);
  expect(owners('Delete', 'Retain', true)).toEqual(['StatefulSet set-uid']);
  expect(owners('Retain', 'Delete', false)).toBeUndefined();
  expect(owners('Retain', 'Delete', true)).toEqual(['Pod uid-1']);
  expect(owners('Delete', 'Delete', true)).toEqual(['Pod uid-1']);
  const ownedBySet: PersistentVolumeClaim = { metadata: { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'set-uid', controller: true, blockOwnerDeletion: true }] } };
  expect(owners('Delete', 'Delete', false, ownedBySet)).toBeUndefined();
  expect(owners('Retain', 'Retain', false, ownedBySet)).toEqual([]);
  const foreign: PersistentVolumeClaim = { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Other', name: 'o', uid: 'o', controller: true }] } };
  expect(owners('Delete', 'Delete', true, foreign)).toBeUndefined();
  const ofPod: PersistentVolumeClaim = { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'web-1', uid: 'earlier' }] } };
  expect([isStale(ofPod, 'web-1', undefined), isStale(ofPod, 'web-1', pod(1)), isStale(ofPod, 'web-1', { metadata: { uid: 'earlier' } })]).toEqual([true, true, false]);
});
