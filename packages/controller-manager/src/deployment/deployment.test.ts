import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { utf8 } from '@coxswain/host';
import { fnv1a32, safeEncode } from './hash.ts';
import { findNewSet, newSetAnnotations } from './revisions.ts';
import { maxSurge, maxUnavailable, newSetReplicas, proportionalScale, resolveIntOrPercent, shrinkOldSets } from './scaling.ts';
import { isComplete, rolloutStatus } from './status.ts';

const deployment = (replicas: number, rollingUpdate: { maxSurge?: number | string; maxUnavailable?: number | string } = { maxSurge: '25%', maxUnavailable: '25%' }, more: Partial<Deployment> = {}): Deployment => ({
  metadata: { name: 'd', generation: 1 }, ...more, spec: { replicas, selector: { matchLabels: { app: 'd' } }, template: {}, strategy: { type: 'RollingUpdate', rollingUpdate }, progressDeadlineSeconds: 600 },
});
const set = (name: string, replicas: number, available: number, second = 0, annotations: Record<string, string> = {}): ReplicaSet => ({
  metadata: { name, uid: name, creationTimestamp: `2026-01-01T00:00:0${second}Z`, annotations }, spec: { replicas, selector: {} }, status: { replicas, availableReplicas: available, readyReplicas: available },
});

test('FNV-1a has the published values, and digits become letters', () => {
  expect(fnv1a32(utf8(''))).toBe(0x811c9dc5);
  expect(fnv1a32(utf8('a'))).toBe(0xe40c292c);
  expect(fnv1a32(utf8('foobar'))).toBe(0xbf9cf968);
  // Kubernetes' rand.SafeEncodeString: '0' is 48, and 48 % 27 is 21.
  expect(safeEncode('0')).toBe('4');
});

test('surge rounds up, unavailable down, and never both zero', () => {
  expect([resolveIntOrPercent('25%', 10, 'up'), resolveIntOrPercent('25%', 10, 'down'), resolveIntOrPercent(3, 10, 'up')]).toEqual([3, 2, 3]);
  expect([maxSurge(deployment(10)), maxUnavailable(deployment(10))]).toEqual([3, 2]);
  expect(maxUnavailable(deployment(1, { maxSurge: 0, maxUnavailable: '25%' }))).toBe(1);
  expect(maxUnavailable(deployment(2, { maxSurge: 0, maxUnavailable: 5 }))).toBe(2);
});

test('the example of the documentation: ten replicas, surge 3, unavailable 2, half broken', () => {
  // A rollout of 10 with maxSurge=3 and maxUnavailable=2 starts with 8 old and 5 new pods.
  const d = deployment(10, { maxSurge: 3, maxUnavailable: 2 });
  const old = set('old', 10, 10);
  expect(newSetReplicas(d, [old], 0)).toBe(3);
  const fresh = set('new', 3, 0, 1);
  expect(shrinkOldSets(d, fresh, [old]).map(({ replicas }) => replicas)).toEqual([8]);
  expect(newSetReplicas(d, [set('old', 8, 8), fresh], 3)).toBe(5);
});

test('scaled in the middle of a rollout: 15 pods spread in proportion, as documented', () => {
  // From 10 (8 old, 5 new) to 15 with maxSurge 3: 3 of the 5 added go to the old set and 2 to the new one.
  const d = deployment(15, { maxSurge: 3, maxUnavailable: 2 });
  const annotations = { 'deployment.kubernetes.io/max-replicas': '13' };
  const scales = proportionalScale(d, [set('old', 8, 8, 0, annotations), set('new', 5, 0, 1, annotations)]);
  expect(scales.map(({ set: scaled, replicas }) => [scaled.metadata?.name, replicas])).toEqual([['old', 11], ['new', 7]]);
});

test('no step goes below what must be available or above the surge, and every rollout ends', () => {
  const limits = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`));
  fc.assert(fc.property(fc.integer({ min: 0, max: 20 }), limits, limits, (replicas, surge, unavailable) => {
    const d = deployment(replicas, { maxSurge: surge, maxUnavailable: unavailable });
    let [old, fresh] = [replicas, 0];
    for (let step = 0; step < 100 && (old > 0 || fresh < replicas); step += 1) {
      const sets = [set('old', old, old), set('new', fresh, fresh, 1)] as const;
      const target = newSetReplicas(d, sets, fresh);
      if (target === fresh) old = shrinkOldSets(d, sets[1], [sets[0]])[0]?.replicas ?? old;
      else fresh = target;
      expect(old + fresh).toBeLessThanOrEqual(replicas + maxSurge(d));
      expect(old + fresh).toBeGreaterThanOrEqual(replicas - maxUnavailable(d));
    }
    expect([old, fresh]).toEqual([0, replicas]);
  }), { seed: 8 });
});

test('the set of a template is found whatever hash it carries; its annotations tell its story', () => {
  const d: Deployment = { ...deployment(1), metadata: { name: 'd', annotations: { team: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } } };
  const labelled = { ...set('a', 1, 1), spec: { selector: {}, template: { metadata: { labels: { 'pod-template-hash': 'zzz' } } } } };
  expect(findNewSet({ ...d, spec: { ...d.spec as NonNullable<Deployment['spec']>, template: { metadata: { labels: {} } } } }, [labelled])?.metadata?.name).toBe('a');
  expect(newSetAnnotations(d, { 'deployment.kubernetes.io/revision': '2', 'deployment.kubernetes.io/revision-history': '1' }, 4n)).toEqual({
    team: 'x', 'deployment.kubernetes.io/revision': '4', 'deployment.kubernetes.io/revision-history': '1,2',
  });
});

test('progress, its deadline and its end', () => {
  const nowMs = Date.parse('2026-01-01T00:20:00Z');
  const progressing = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: '', lastUpdateTime: '2026-01-01T00:05:00Z', lastTransitionTime: '2026-01-01T00:05:00Z' };
  const stuck = deployment(2, {}, { status: { updatedReplicas: 1, replicas: 1, conditions: [progressing] } });
  const fresh = set('d-abc', 1, 0);
  const find = (status: ReturnType<typeof rolloutStatus>): unknown => status.conditions?.find(({ type }) => type === 'Progressing');
  expect(find(rolloutStatus(stuck, [fresh], fresh, nowMs))).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded', message: 'ReplicaSet "d-abc" has timed out progressing.' });
  expect(find(rolloutStatus(stuck, [fresh], fresh, nowMs - 6 * 60_000))).toEqual(progressing);
  const whole = set('d-abc', 2, 2);
  const status = rolloutStatus(stuck, [whole], whole, nowMs);
  expect(isComplete(stuck, status)).toBe(true);
  expect(find(status)).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable', message: 'ReplicaSet "d-abc" has successfully progressed.', lastTransitionTime: '2026-01-01T00:05:00Z' });
});
