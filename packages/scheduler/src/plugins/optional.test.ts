import { Simulation } from '@coxswain/host/sim';
import type { PersistentVolume, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { SchedulerCache } from '../cache/cache.ts';
import { podInfoOf } from '../cache/pod-info.ts';
import { Candidates } from '../framework/candidates.ts';
import { CycleState } from '../framework/cycle-state.ts';
import { staticStorage } from '../testing/static-storage.ts';
import { node } from '../testing/world.ts';
import { dataLocality, datasetsAnnotation, datasetsOf } from './data-locality/data-locality.ts';
import { deadline, deadlineAnnotation, latestStartMs, runtimeAnnotation } from './deadline/deadline.ts';

const zone = (name: string): Record<string, string> => ({ 'topology.kubernetes.io/zone': name });
const annotated = (annotations: Readonly<Record<string, string>>, priority = 0, name = 'p'): Pod =>
  ({ metadata: { name, namespace: 'x', uid: name, annotations: { ...annotations }, creationTimestamp: '2026-01-01T00:00:00Z' }, spec: { containers: [], priority } });

/** n1 holds images itself, n2 by a volume, n3 is in n1's zone, n4 in none. */
const nodes = [
  node('n1', { labels: { ...zone('a'), 'dataset.coxswain.dev/images': '' } }), node('n2', { labels: zone('b') }), node('n3', { labels: zone('a') }), node('n4'),
];
const volume: PersistentVolume = {
  metadata: { name: 'v', labels: { 'dataset.coxswain.dev/text': 'yes' } },
  spec: { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n2'] }] }] } } },
};
const nowhere: PersistentVolume = { metadata: { name: 'w', labels: { 'dataset.coxswain.dev/images': '' } }, spec: {} };

test.each<[string, number, readonly number[] | 'skipped']>([
  ['', 50, 'skipped'],
  ['images', 50, [100, 0, 50, 0]],
  ['images', 0, [100, 0, 0, 0]],
  ['text', 50, [0, 100, 0, 0]],
  ['images, text', 50, [50, 50, 25, 0]],
  ['images=3Gi, text=1Gi', 50, [75, 25, 37, 0]],
  ['unknown', 50, [0, 0, 0, 0]],
])('data sets %j, of which those in the zone count %d percent', (datasets, zoneScorePercent, expected) => {
  const cache = new SchedulerCache();
  for (const each of nodes) cache.setNode(each);
  const snapshot = cache.snapshot();
  const [state, info] = [new CycleState(), podInfoOf(annotated(datasets === '' ? {} : { [datasetsAnnotation]: datasets }))];
  const plugin = dataLocality({ zoneScorePercent }, staticStorage({ volumes: [volume, nowhere] }));
  const pre = plugin.preScore(state, info, new Candidates(snapshot.table, snapshot.rows, snapshot.nodes.length), snapshot);
  expect(pre.code).toBe(expected === 'skipped' ? 'Skip' : 'Success');
  if (expected !== 'skipped') expect(['n1', 'n2', 'n3', 'n4'].map((name) => plugin.score(state, info, snapshot.node(name) as never))).toEqual(expected);
});

test('sizes that cannot be read count as none', () => {
  expect(datasetsOf(annotated({ [datasetsAnnotation]: ' a = 2Ki ,b=lots,, c ' }))).toEqual([{ name: 'a', size: 2048 }, { name: 'b', size: 1 }, { name: 'c', size: 1 }]);
});

const minutes = (count: number): number => Date.parse('2026-01-01T00:00:00Z') + count * 60_000;

test.each<[Readonly<Record<string, string>>, number]>([
  [{}, 60],
  [{ [deadlineAnnotation]: '2026-01-01T00:30:00Z' }, 30],
  [{ [deadlineAnnotation]: '45m' }, 45],
  [{ [deadlineAnnotation]: '45m', [runtimeAnnotation]: '15m' }, 30],
  [{ [deadlineAnnotation]: '2026-01-01T02:00:00+01:00', [runtimeAnnotation]: '1h30m' }, -30],
  [{ [deadlineAnnotation]: 'soon', [runtimeAnnotation]: '15m' }, 60],
])('%j must begin %d minutes after its creation', (annotations, expected) => {
  expect(latestStartMs(annotated(annotations), { defaultLaxityMs: 3_600_000 })).toBe(minutes(expected));
});

test('the queue: priority, then the least laxity, then who came first', () => {
  const { clock } = new Simulation({ seed: 1 }).start('m', 'm').host;
  const queued = (name: string, priority: number, end: string, timestampMs: number): { podInfo: ReturnType<typeof podInfoOf>; timestampMs: number } =>
    ({ podInfo: podInfoOf(annotated(end === '' ? {} : { [deadlineAnnotation]: end }, priority, name)), timestampMs: clock.monotonicMs() + timestampMs });
  const plugin = deadline({ defaultLaxityMs: 3_600_000 });
  const order = [queued('late', 0, '90m', 0), queued('none', 0, '', 1), queued('second', 0, '10m', 3), queued('first', 0, '10m', 2), queued('important', 9, '', 4)];
  expect(order.toSorted((a, b) => (plugin.less(a, b) ? -1 : 1)).map(({ podInfo }) => podInfo.name)).toEqual(['important', 'first', 'second', 'none', 'late']);
});
