import { createClientFromTransport, createInformerFactory, resources } from '@coxswain/client';
import { fakeServerWorld } from '@coxswain/client/testing';
import { Simulation } from '@coxswain/host/sim';
import type { ReplicaSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Expectations } from '../common/expectations.ts';
import { slowStart } from '../common/slow-start.ts';
import { defaultConfig } from '../config.ts';
import { startControllerManager } from '../manager.ts';
import { rankForDeletion } from './ranking.ts';
import { replicaSetStatus } from './status.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
type Fields = { node?: string; phase?: string; readySince?: string; created?: string; cost?: string; restarts?: number };
const pod = (name: string, { node = 'n1', phase = 'Running', readySince, created = '2026-01-01T00:00:00Z', cost, restarts = 0 }: Fields = {}): Pod => ({
  metadata: { name, uid: name, creationTimestamp: created, ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }) },
  spec: { containers: [], ...(node === '' ? {} : { nodeName: node }) },
  status: { phase, conditions: readySince === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: readySince }], containerStatuses: [{ name: 'c', image: 'i', imageID: 'i', ready: true, restartCount: restarts }] },
});
const first = (pods: readonly Pod[], related: readonly Pod[] = pods): string | undefined => rankForDeletion(pods, related, nowMs)[0]?.metadata?.name;
const ready = '2026-01-01T00:00:00Z';

test('who goes first, rule by rule', () => {
  expect(first([pod('assigned'), pod('unassigned', { node: '' })])).toBe('unassigned');
  expect(first([pod('running'), pod('pending', { phase: 'Pending' })])).toBe('pending');
  expect(first([pod('ready', { readySince: ready }), pod('unready')])).toBe('unready');
  expect(first([pod('dear', { readySince: ready, cost: '10' }), pod('cheap', { readySince: ready, cost: '-5' })])).toBe('cheap');
  expect(first([pod('alone', { readySince: ready, node: 'n2' }), pod('crowded', { readySince: ready })], [pod('a'), pod('b'), pod('c', { node: 'n2' })])).toBe('crowded');
  expect(first([pod('long', { readySince: ready }), pod('short', { readySince: '2026-01-01T00:59:00Z' })])).toBe('short');
  expect(first([pod('calm'), pod('restarted', { restarts: 3 })])).toBe('restarted');
  expect(first([pod('old'), pod('new', { created: '2026-01-01T00:59:00Z' })])).toBe('new');
  // Nearly the same age counts as the same: the uid decides.
  expect(first([pod('b', { readySince: '2026-01-01T00:00:01Z' }), pod('a', { readySince: ready })])).toBe('a');
});

test('status counts', () => {
  const set: ReplicaSet = { metadata: { name: 's', generation: 4 }, spec: { selector: {}, minReadySeconds: 60, template: { metadata: { labels: { app: 'x' } } } } };
  const pods = [pod('a', { readySince: ready }), pod('b', { readySince: '2026-01-01T00:59:30Z' }), pod('c')];
  (pods[0] as Pod).metadata = { ...pods[0]?.metadata, labels: { app: 'x', more: 'y' } };
  expect(replicaSetStatus(set, pods, undefined, nowMs)).toMatchObject({ replicas: 3, readyReplicas: 2, availableReplicas: 1, fullyLabeledReplicas: 1, observedGeneration: 4, conditions: [] });
  expect(replicaSetStatus(set, [], { reason: 'FailedCreate', message: 'quota' }, nowMs).conditions).toMatchObject([{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }]);
});

test('batches of 1, 2, 4 …, and an end at the first failure', async () => {
  const sizes: number[] = [];
  let under = 0;
  await slowStart(10, async () => { under += 1; if (under === 1) sizes.push(0); await Promise.resolve(); sizes[sizes.length - 1] = under; await Promise.resolve(); under = 0; });
  expect(sizes.filter((size) => size > 0)).toEqual([1, 2, 4, 3]);
  expect(await slowStart(100, async (index) => { if (index === 1) throw new Error('quota'); })).toMatchObject({ attempted: 3, made: 2, error: new Error('quota') });
});

test('expectations hold until all was seen, or five minutes', () => {
  let now = 0;
  const expectations = new Expectations({ nowMs: () => 0, monotonicMs: () => now });
  expectations.expect('k', { creations: 1, deletions: ['a'] });
  expect(expectations.satisfied('k')).toBe(false);
  expectations.creationObserved('k');
  expectations.deletionObserved('k', 'b');
  expect(expectations.satisfied('k')).toBe(false);
  expectations.deletionObserved('k', 'a');
  expect(expectations.satisfied('k')).toBe(true);
  expectations.expect('k', { creations: 1 });
  now = 300_001;
  expect(expectations.satisfied('k')).toBe(true);
});

test('however late the caches, never more pods than asked for, and in the end exactly as many', async () => {
  const steps = fc.array(fc.oneof(fc.record({ scale: fc.integer({ min: 0, max: 6 }) }), fc.record({ wait: fc.integer({ min: 0, max: 3000 }) }), fc.constant({ cut: true }), fc.constant({ heal: true }), fc.constant({ breakWatches: true })), { minLength: 5, maxLength: 25, size: 'max' });
  await fc.assert(fc.asyncProperty(steps, fc.integer({ min: 1, max: 1000 }), async (list, seed) => {
    const { sim, server, beside } = await fakeServerWorld(seed);
    const { host, client } = beside('manager');
    const where = { group: 'apps', resource: 'replicasets', namespace: 'default' };
    server.store.create(where, { metadata: { name: 'rs' }, spec: { replicas: 0, selector: { matchLabels: { app: 'x' } }, template: { metadata: { labels: { app: 'x' } }, spec: { containers: [] } } } });
    let asked = 0;
    let most = 0;
    const pods = (): number => server.store.list('', 'pods', 'default').length;
    server.store.listeners.add((change) => { if (change.key.resource === 'pods') most = Math.max(most, pods() - asked); });
    const manager = await startControllerManager({ ...defaultConfig, leaderElection: { ...defaultConfig.leaderElection, enabled: false }, controllers: ['replicaset-controller'] }, host, { own: client, forAccount: () => client });
    await sim.run(5000);
    for (const step of list) {
      if ('scale' in step) {
        asked = Math.max(asked, step.scale);
        const current = server.store.get({ ...where, name: 'rs' });
        server.store.update({ ...where, name: 'rs' }, { ...current, spec: { ...current['spec'] as object, replicas: step.scale } }, '');
      } else if ('wait' in step) await sim.run(step.wait);
      else if ('cut' in step) sim.cut('manager', 'server');
      else if ('heal' in step) sim.heal();
      else server.breakWatches();
    }
    sim.heal();
    const wanted = (server.store.get({ ...where, name: 'rs' })['spec'] as { replicas: number }).replicas;
    await sim.run(900_000, () => pods() === wanted);
    await sim.run(60_000);
    expect(pods()).toBe(wanted);
    expect(most).toBeLessThanOrEqual(0);
    expect(manager.health()).toBeUndefined();
    sim.stop();
  }), { seed: 9, numRuns: 25 });
}, 60_000);

test('informers are shared', () => {
  const client = createClientFromTransport(async () => { throw new Error('not called'); }, { userAgent: 'u' });
  const factory = createInformerFactory(new Simulation({ seed: 1 }).start('m', 'p').host, client);
  expect(factory.informer(resources.pods)).toBe(factory.informer(resources.pods));
});
