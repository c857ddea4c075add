import { PodDeletions, writeItems, type FastPathItem } from '@coxswain/client/fast-path';
import { isFenced, type Client } from '@coxswain/client';
import { fromUtf8, utf8 } from '@coxswain/host';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdLease, startWorld, terms, withoutFastPath, type World } from '../testing/fast-path-world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
  await world.call('POST', '/api/v1/namespaces', { metadata: { name: 'work' } });
});
afterEach(() => world.stop());

const deletion = (name: string, options?: object): FastPathItem => ({ namespace: 'work', name, delete: { apiVersion: 'v1', resource: 'pods', body: options === undefined ? new Uint8Array(0) : utf8(JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', ...options })) } });
const create = async (name: string, spec: object = {}): Promise<string> => {
  const { json } = await world.call('POST', '/api/v1/namespaces/work/pods', { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });
  return (json['metadata'] as { uid: string }).uid;
};
const left = async (): Promise<readonly (readonly [string, number | undefined])[]> =>
  ((await world.call('GET', '/api/v1/namespaces/work/pods')).json['items'] as { metadata: { name: string; deletionGracePeriodSeconds?: number } }[]).map(({ metadata }) => [metadata.name, metadata.deletionGracePeriodSeconds] as const);

test('share transactions; each is for the pod of its uid, and pods on a node keep their grace', async () => {
  await world.server.cache.whenReady();
  const uids: string[] = [];
  for (let at = 0; at < 20; at += 1) uids.push(await create(`p${at}`, at < 10 ? { nodeName: 'n', terminationGracePeriodSeconds: at < 5 ? 0 : 30 } : {}));
  const before = world.transactions;
  const deletions = new PodDeletions(world.client);
  const outcomes = await Promise.allSettled(uids.map((uid, at) => deletions.delete({ namespace: 'work', name: `p${at}`, uid: at === 19 ? 'another' : uid })));
  expect(outcomes.map(({ status }) => status)).toEqual([...Array.from({ length: 19 }, () => 'fulfilled'), 'rejected']);
  expect((outcomes[19] as PromiseRejectedResult).reason).toMatchObject({ code: 409, reason: 'Conflict', message: expect.stringContaining('the UID in the precondition (another) does not match the UID in record') as string });
  expect(world.transactions - before).toBeLessThan(8);
  expect(await left()).toEqual([['p19', undefined], ['p5', 30], ['p6', 30], ['p7', 30], ['p8', 30], ['p9', 30]]);
});

test('one that comes right behind a change by another client is of the state that stands', async () => {
  const uid = await create('p', { nodeName: 'n', terminationGracePeriodSeconds: 30 });
  await world.server.cache.whenReady();
  const [changed, gone] = await Promise.all([
    writeItems(world.client, [{ namespace: 'work', name: 'p', status: { apiVersion: 'v1', resource: 'pods', patchType: 'application/merge-patch+json', body: utf8('{"status":{"phase":"Failed"}}') } }]),
    writeItems(world.client, [deletion('p', { preconditions: { uid } })]),
  ]);
  expect([...changed ?? [], ...gone ?? []].map(({ code }) => code)).toEqual([200, 200]);
  const [answer] = await writeItems(world.client, [deletion('p', { gracePeriodSeconds: 0 })]) ?? [];
  expect([answer?.code, await left()]).toEqual([200, []]);
  const [again] = await writeItems(world.client, [deletion('p')]) ?? [];
  expect([again?.code, JSON.parse(fromUtf8(again?.body ?? new Uint8Array(0)))]).toMatchObject([404, { reason: 'NotFound', message: 'pods "p" not found' }]);
});

interface Shown {
  readonly metadata: { readonly name: string; readonly resourceVersion: string; readonly deletionTimestamp?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string }[] };
}
const condition = { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: 'room is needed' }] };
const pods = async (): Promise<readonly Shown[]> => (await world.call('GET', '/api/v1/namespaces/work/pods')).json['items'] as Shown[];
const conditionsOf = ({ conditions = [] }: Shown['status']): readonly string[] => conditions.map(({ type }) => type);

test.each([['the fast path', (client: Client): Client => client], ['REST', withoutFastPath]] as const)('over %s a status is patched before, which all who watch are told; a refusal ends it', async (_way, over) => {
  await world.server.cache.whenReady();
  const [grace, none] = [await create('grace', { nodeName: 'n', terminationGracePeriodSeconds: 30 }), await create('none', { nodeName: 'n', terminationGracePeriodSeconds: 0 })];
  const other = await create('other', { nodeName: 'n', terminationGracePeriodSeconds: 0 });
  const from = Math.max(...(await pods()).map(({ metadata }) => Number(metadata.resourceVersion)));
  const deletions = new PodDeletions(over(world.client));
  const remove = (name: string, uid: string, status: unknown = condition): Promise<unknown> => deletions.delete({ namespace: 'work', name, uid, status }).then(() => 'deleted', ({ code }: { code: number }) => code);
  expect(await Promise.all([remove('grace', grace), remove('none', none), remove('other', none), remove('other', other, { phase: 7 }), remove('absent', none)])).toEqual(['deleted', 'deleted', 422, 422, 404]);
  expect((await pods()).map(({ metadata, status }) => [metadata.name, metadata.deletionTimestamp !== undefined, conditionsOf(status)])).toEqual([['grace', true, ['DisruptionTarget']], ['other', false, []]]);
  const watched = await world.call('GET', `/api/v1/namespaces/work/pods?watch=true&timeoutSeconds=1&resourceVersion=${from}`);
  const seen = watched.text.trim().split('\n').map((line) => JSON.parse(line) as { type: string; object: Shown });
  const of = (name: string): unknown => seen.filter(({ object }) => object.metadata.name === name).map(({ type, object }) => [type, conditionsOf(object.status)]);
  expect(of('none')).toEqual([['MODIFIED', ['DisruptionTarget']], ['DELETED', ['DisruptionTarget']]]);
  expect(of('other')).toEqual([]);
});

test.each([['the fast path', (client: Client): Client => client], ['REST', withoutFastPath]] as const)('deletions over %s, of pods that go at once and of those that get time, are refused once it has moved on', async (_way, over) => {
  const spec = (terminationGracePeriodSeconds: number): object => ({ nodeName: 'n', terminationGracePeriodSeconds, containers: [{ name: 'c', image: 'i' }] });
  const uids = new Map<string, string>();
  for (const [name, graceSeconds] of [['p0', 30], ['p1', 0], ['p2', 30], ['p3', 0]] as const) {
    const { json } = await world.call('POST', '/api/v1/namespaces/work/pods', { metadata: { name }, spec: spec(graceSeconds) });
    uids.set(name, (json['metadata'] as { uid: string }).uid);
  }
  const deletions = new PodDeletions(over(world.client), () => terms.a);
  const remove = (name: string): Promise<unknown> => deletions.delete({ namespace: 'work', name, uid: uids.get(name) ?? '', status: condition }).then(() => 'deleted', (error: unknown) => error);
  const left = async (): Promise<unknown> => (await pods()).map(({ metadata, status }) => [metadata.name, metadata.deletionTimestamp !== undefined, conditionsOf(status)]);
  await holdLease(world, terms.a);
  expect(await Promise.all([remove('p0'), remove('p1')])).toEqual(['deleted', 'deleted']);
  await holdLease(world, terms.b);
  const refused = await Promise.all([remove('p2'), remove('p3')]);
  expect(refused.map(isFenced)).toEqual([true, true]);
  expect(refused[0]).toMatchObject({ code: 409, message: 'Operation cannot be fulfilled on pods "p2": the Lease work/lead, under which this was decided, is not "a/1"\'s any more' });
  expect(await left()).toEqual([['p0', true, ['DisruptionTarget']], ['p2', false, []], ['p3', false, []]]);
});
