import type { Simulation } from '@coxswain/host/sim';
import fc from 'fast-check';
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { createInformerFactory } from './informer-factory.ts';
import { resources } from './resources.ts';
import { fakeServerWorld, statusOf, type FakeApiServer } from './testing/index.ts';
import type { Informer } from './types.ts';

interface World { readonly sim: Simulation; readonly server: FakeApiServer; readonly informer: Informer<ConfigMap>; readonly told: string[]; readonly problems: string[] }

async function world(seed: number): Promise<World> {
  const { sim, server, beside } = await fakeServerWorld(seed);
  const { host, client } = beside('client');
  const factory = createInformerFactory(host, client);
  const informer = factory.informer(resources.configmaps);
  const told: string[] = [];
  const problems: string[] = [];
  watchOver(informer, told, problems);
  void factory.start(new AbortController().signal);
  return { sim, server, informer, told, problems };
}

/** Rebuilds the state from what handlers are told, and checks the promises on the way. */
function watchOver(informer: Informer<ConfigMap>, told: string[], problems: string[]): void {
  const known = new Map<string, ConfigMap>();
  const name = (object: ConfigMap): string => object.metadata?.name ?? '';
  const newer = (object: ConfigMap): boolean => Number(object.metadata?.resourceVersion) > Number(known.get(name(object))?.metadata?.resourceVersion ?? 0);
  informer.addHandler({
    added: (object) => {
      if (known.has(name(object))) problems.push(`added twice: ${name(object)}`);
      known.set(name(object), object);
      told.push(`+${name(object)}`);
    },
    updated: (before, after) => {
      if (known.get(name(after)) !== before) problems.push(`before is not what was told: ${name(after)}`);
      if (before.metadata?.uid !== after.metadata?.uid) problems.push(`update over a change of uid: ${name(after)}`);
      if (!newer(after)) problems.push(`went back: ${name(after)}`);
      known.set(name(after), after);
      told.push(`~${name(after)}`);
    },
    deleted: (object) => {
      if (!known.delete(name(object))) problems.push(`deleted but not known: ${name(object)}`);
      told.push(`-${name(object)}`);
    },
  });
}

const where = { group: '', resource: 'configmaps', namespace: 'default' };

test('whatever breaks, the cache ends where the server is and handlers see a legal story', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), name: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('delete' as const), name: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constantFrom('replace' as const), name: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constantFrom('break' as const, 'refresh' as const, 'compact' as const, 'compact' as const, 'cut' as const, 'heal' as const, 'wait' as const, 'wait' as const, 'refuse' as const) }),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 60, size: 'max' }), fc.integer({ min: 1, max: 1000 }), async (steps, seed) => {
    const { sim, server, informer, problems } = await world(seed);
    await sim.run(50);
    server.expireInStream = seed % 2 === 0;
    const exists = (name: string): boolean => server.store.list('', 'configmaps', 'default').some((object) => object.metadata.name === name);
    let value = 0;
    for (const next of steps) {
      value += 1;
      if (next.kind === 'put') {
        if (exists(next.name)) server.store.update({ ...where, name: next.name }, { metadata: { name: next.name }, data: { value: String(value) } }, '');
        else server.store.create(where, { metadata: { name: next.name } });
      } else if (next.kind === 'delete') {
        if (exists(next.name)) server.store.delete({ ...where, name: next.name }, {});
      } else if (next.kind === 'replace') {
        if (exists(next.name)) server.store.delete({ ...where, name: next.name }, {});
        server.store.create(where, { metadata: { name: next.name } });
      } else if (next.kind === 'break') server.breakWatches();
      else if (next.kind === 'refresh') void informer.refresh();
      else if (next.kind === 'compact') { server.compact(); server.breakWatches(); }
      else if (next.kind === 'cut') sim.cut('client', 'server');
      else if (next.kind === 'heal') sim.heal();
      else if (next.kind === 'wait') await sim.run(sim.random.float() * 2000);
      else { let left = 2; server.intercept = () => (left-- > 0 ? statusOf(503, 'ServiceUnavailable', 'busy') : undefined); }
    }
    sim.heal();
    const expected = server.store.list('', 'configmaps', 'default').map((object) => `${object.metadata.uid}@${object.metadata.resourceVersion}`).sort();
    const actual = (): string[] => informer.lister.list().map((object) => `${object.metadata?.uid}@${object.metadata?.resourceVersion}`).sort();
    await sim.run(900_000, () => informer.hasSynced && JSON.stringify(actual()) === JSON.stringify(expected));
    expect(actual()).toEqual(expected);
    expect(problems).toEqual([]);
    sim.stop();
  }), { seed: 4, numRuns: 100 });
}, 60_000);

test('who wants it fresh has all that the store had then, though the watch tells nothing', async () => {
  const { sim, server, informer, told } = await world(5);
  server.store.create(where, { metadata: { name: 'x' } });
  await sim.runUntil(informer.whenSynced(), 1000, 'sync');
  await sim.run(100);
  sim.slow('server', 'client', { min: 5000, max: 5000 });
  server.store.create(where, { metadata: { name: 'y' } });
  sim.heal();
  await sim.runUntil(informer.refresh(), 1000, 'the list');
  expect(told).toEqual(['+x', '+y']);
  const lists = server.requests.filter((request) => !request.includes('watch=true'));
  expect(lists.map((request) => request.includes('resourceVersion='))).toEqual([true, false]);
  await sim.run(10_000);
  expect(told).toEqual(['+x', '+y']);
});

test('an object that was made again with the same name is told as deleted, then added', async () => {
  const { sim, server, informer, told } = await world(3);
  server.store.create(where, { metadata: { name: 'x' } });
  await sim.runUntil(informer.whenSynced(), 1000, 'sync');
  sim.cut('client', 'server');
  server.store.delete({ ...where, name: 'x' }, {});
  server.store.create(where, { metadata: { name: 'x' } });
  server.compact();
  server.breakWatches();
  sim.heal();
  await sim.run(60_000, () => told.length === 3);
  expect(told).toEqual(['+x', '-x', '+x']);
});

test('after a broken watch it goes on from the last revision without a list', async () => {
  const { sim, server, informer, told } = await world(4);
  await sim.runUntil(informer.whenSynced(), 1000, 'sync');
  await sim.run(100);
  server.breakWatches();
  server.store.create(where, { metadata: { name: 'y' } });
  await sim.run(60_000, () => told.length === 1);
  expect(told).toEqual(['+y']);
  const lists = server.requests.filter((request) => !request.includes('watch=true'));
  expect(lists).toHaveLength(1);
});

test('an informer that keeps less of each object asks for pages, and lists, tells and remembers only that', async () => {
  const { sim, server, beside } = await fakeServerWorld(3);
  const { host, client } = beside('client');
  const asked: string[] = [];
  server.intercept = ({ target }) => { asked.push(target); return undefined; };
  const put = (name: string, value: string): void => {
    server.store.create({ group: '', resource: 'configmaps', namespace: 'a' }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'a' }, data: { large: value } });
  };
  put('first', 'x');
  const factory = createInformerFactory(host, client);
  const informer = factory.informer(resources.configmaps, {}, { keep: ({ metadata }) => ({ metadata: metadata ?? {} }) });
  const told: unknown[] = [];
  const second = Promise.withResolvers<void>();
  informer.addHandler({ added: (object) => { told.push([object.metadata?.name, object.data]); if (object.metadata?.name === 'second') second.resolve(); } });
  await sim.runUntil(factory.start(new AbortController().signal), 10_000, 'sync');
  put('second', 'y');
  await sim.runUntil(second.promise, 10_000, 'the second');
  expect(told).toEqual([['first', undefined], ['second', undefined]]);
  expect(informer.lister.get({ namespace: 'a', name: 'second' })?.data).toBeUndefined();
  expect(asked[0]).toMatch(/^\/api\/v1\/configmaps\?limit=500$/);
});

test('a kind that may be absent counts as synced and empty until somebody serves it', async () => {
  const { sim, server, beside } = await fakeServerWorld(7);
  const { host, client } = beside('client');
  const factory = createInformerFactory(host, client);
  const [informer, sure] = [factory.informer(resources.configmaps), factory.informer(resources.secrets)];
  informer.mayBeAbsent('install it');
  const told: string[] = [];
  informer.addHandler({ added: ({ metadata }) => told.push(metadata?.name ?? '') });
  server.intercept = (request) => (request.target.includes('/configmaps') ? statusOf(404, 'NotFound', 'the server could not find the requested resource') : undefined);
  server.store.create(where, { metadata: { name: 'x' } });
  await sim.runUntil(factory.start(new AbortController().signal), 1000, 'the start');
  expect([informer.isAbsent, sure.isAbsent, told]).toEqual([true, false, []]);
  server.intercept = undefined;
  await sim.run(11_000);
  expect([informer.isAbsent, told]).toEqual([false, ['x']]);
});
