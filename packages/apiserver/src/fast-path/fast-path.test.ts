import { createHash } from 'node:crypto';
import { fastPathCodecs, fastPathMethods, writeItems, Binder, type FastPathAnswer, type FastPathItem, type FastPathWatched, requestOf } from '@coxswain/client/fast-path';
import { isFenced, leaseTermHeader, type LeaseTerm } from '@coxswain/client';
import { GrpcCutter, grpcContentType, grpcFrame } from '@coxswain/etcd-lite/wire';
import { fromUtf8, utf8, type ByteSource } from '@coxswain/host';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { holdLease, startWorld, terms, withoutFastPath, type World } from '../testing/fast-path-world.ts';
import { adminToken } from '../testing/parts-config.ts';
import { answerOf, httpRequest } from '../testing/test-server.ts';
import { Call } from './inner.ts';
import { fastPath } from './service.ts';
import { maxWatches, watchAll } from './watch.ts';

const pod = (name: string): object => ({ metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } });

async function fill(world: World): Promise<void> {
  await world.call('POST', '/api/v1/namespaces', { metadata: { name: 'work' } });
  for (let at = 0; at < 6; at += 1) await world.call('POST', '/api/v1/namespaces/work/pods', pod(`p${at}`));
  await world.call('POST', '/apis/coordination.k8s.io/v1/namespaces/work/leases', { metadata: { name: 'l0' }, spec: { holderIdentity: 'a' } });
}

test('bindings are done though their caller has gone by their turn; what else it asked for need not be', async () => {
  const gone = new AbortController();
  const seen: string[] = [];
  const service = fastPath(async (request) => {
    seen.push(`${request.target.split('/').at(-1) ?? ''} ${request.signal.aborted ? 'cancelled' : 'goes on'}`);
    return { status: 201, headers: {} };
  }, () => Promise.resolve(undefined));
  const raw = grpcFrame(fastPathCodecs.writeRequest.encode({ items: [{ namespace: 'd', name: 'p', bind: { uid: '', node: 'n' } }, { namespace: 'd', name: 'l', lease: { body: utf8('{}') } }] }));
  gone.abort();
  await service(httpRequest({ method: 'POST', target: fastPathMethods.write, raw, headers: { 'content-type': grpcContentType }, signal: gone.signal }));
  expect(seen).toEqual(['binding goes on', 'l cancelled']);
});

/** What differs between two servers that were asked the same: times, uids, revisions and generated names. */
function comparable(answer: { readonly code: number; readonly body: string }): unknown {
  const text = answer.body.replaceAll(/"(uid|resourceVersion|creationTimestamp|time|lastTransitionTime)":"[^"]*"/g, '"$1":"-"').replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '-');
  return { code: answer.code, body: text.startsWith('{') ? JSON.parse(text) as unknown : text };
}

/** Deterministic choices from a seed. */
function chooser(seed: string): (count: number) => number {
  let counter = 0;
  return (count) => {
    counter += 1;
    return createHash('sha256').update(`${seed} ${counter}`).digest().readUInt32BE(0) % count;
  };
}

/** Bodies of which some are right, some invalid, some of another name or version. */
function randomItem(choose: (count: number) => number): FastPathItem {
  const namespace = ['work', 'work', 'work', 'nowhere'][choose(4)] as string;
  const name = ['p0', 'p1', 'p2', 'p3', 'gone', ''][choose(6)] as string;
  const bodies = ['{"metadata":{"name":"p0"},"status":{"phase":"Running"}}', '{"status":{"phase":7}}', '{', '{"metadata":{"name":"p1","resourceVersion":"1"},"status":{}}'];
  const body = utf8(bodies[choose(bodies.length)] as string);
  switch (choose(6)) {
    case 0: return { namespace, name, bind: { uid: ['', 'other'][choose(2)] as string, node: ['n1', 'n2', ''][choose(3)] as string } };
    case 1: return { namespace, name, status: { apiVersion: ['v1', 'apps/v1', 'none/v9'][choose(3)] as string, resource: ['pods', 'deployments', 'poods'][choose(3)] as string, body, patchType: ['', 'application/merge-patch+json', 'text/plain'][choose(3)] as string } };
    case 2: return { namespace, name: '', event: { apiVersion: 'v1', body: utf8(JSON.stringify({ metadata: { name: `e${choose(3)}` }, involvedObject: { namespace: ['work', 'elsewhere'][choose(2)], name: 'p0', kind: 'Pod' }, reason: 'R', type: ['Normal', 'odd'][choose(2)] })) } };
    case 3: return { namespace, name: ['l0', 'l1'][choose(2)] as string, lease: { body: utf8(JSON.stringify({ metadata: { name: 'l0', ...(choose(3) === 0 ? { resourceVersion: '3' } : {}) }, spec: { holderIdentity: `h${choose(3)}`, leaseDurationSeconds: [5, -1][choose(2)] } })) } };
    case 4: {
      const options = ['', '{', '{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"other"}}', '{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":-1}', '{"kind":"DeleteOptions","apiVersion":"v1","dryRun":["All"]}'];
      return { namespace, name, delete: { apiVersion: 'v1', resource: ['pods', 'pods', 'poods'][choose(3)] as string, body: utf8(options[choose(options.length)] as string) } };
    }
    default: return { namespace, name };
  }
}

async function overRest(world: World, item: FastPathItem, headers: Record<string, string>): Promise<{ code: number; body: string }> {
  const request = requestOf(item);
  if (request === undefined) return { code: 400, body: '{}' };
  const response = await answerOf(await world.server.handle(httpRequest({ method: request.method, target: request.target, raw: request.body, headers: { accept: 'application/json', 'content-type': request.contentType, ...headers } })));
  return { code: response.status, body: response.text };
}

async function overFastPath(world: World, item: FastPathItem, headers: Record<string, string>): Promise<{ code: number; body: string }> {
  const raw = grpcFrame(fastPathCodecs.writeRequest.encode({ items: [item] }));
  const { response } = await answerOf(await world.server.handle(httpRequest({ method: 'POST', target: fastPathMethods.write, raw, headers: { 'content-type': 'application/grpc', ...headers } })));
  const [answer] = decode(response.body as Uint8Array);
  return { code: answer?.code ?? 0, body: fromUtf8(answer?.body ?? new Uint8Array(0)) };
}

function decode(body: Uint8Array): readonly FastPathAnswer[] {
  const cutter = new GrpcCutter(1e9);
  cutter.push(body);
  return fastPathCodecs.writeResponse.decode(cutter.next() as Uint8Array).answers;
}

describe('a fast path beside REST', () => {
  for (let seed = 1; seed <= 3; seed += 1) {
    test(`the same items are answered the same and leave the same state (seed ${seed})`, async () => {
      const [rest, fast] = [await startWorld(), await startWorld()];
      try {
        await Promise.all([fill(rest), fill(fast)]);
        const choose = chooser(`items ${seed}`);
        const codes = new Set<number>();
        for (let at = 0; at < 60; at += 1) {
          const item = randomItem(choose);
          if (requestOf(item) === undefined) continue;
          const who = [{ authorization: `Bearer ${adminToken}` }, { authorization: `Bearer ${adminToken}`, 'impersonate-user': 'nobody' }, { authorization: 'Bearer wrong' }][Math.max(0, choose(6) - 3)] as Record<string, string>;
          const expected = await overRest(rest, item, who);
          codes.add(expected.code);
          expect(comparable(await overFastPath(fast, item, who)), JSON.stringify(item)).toEqual(comparable(expected));
        }
        expect([...codes].filter((code) => code >= 400).length).toBeGreaterThan(2);
        for (const path of ['/api/v1/pods', '/api/v1/events', '/apis/coordination.k8s.io/v1/namespaces/work/leases']) {
          const [one, other] = [await rest.call('GET', path), await fast.call('GET', path)];
          expect(comparable({ code: other.status, body: other.text })).toEqual(comparable({ code: one.status, body: one.text }));
        }
      } finally {
        await Promise.all([rest.stop(), fast.stop()]);
      }
    });
  }
});

describe('one server', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
    await world.call('POST', '/api/v1/namespaces', { metadata: { name: 'work' } });
  });
  afterEach(() => world.stop());

  async function bindAll(count: number): Promise<number> {
    for (let at = 0; at < count; at += 1) await world.call('POST', '/api/v1/namespaces/work/pods', pod(`p${at}`));
    const before = world.transactions;
    const answers = await writeItems(world.client, Array.from({ length: count }, (_, at) => ({ namespace: 'work', name: `p${at}`, bind: { uid: '', node: `n${at}` } })));
    expect(answers?.map((answer) => answer.code)).toEqual(Array.from({ length: count }, () => 201));
    return world.transactions - before;
  }

  test('bindings share transactions, and a watch that is resumed at their revision misses none', async () => {
    await world.server.cache.whenReady();
    const listed = await world.call('GET', '/api/v1/namespaces/work/pods');
    expect(await bindAll(20)).toBeLessThan(5);
    const pods = (await world.call('GET', '/api/v1/namespaces/work/pods')).json['items'] as { metadata: { name: string; resourceVersion: string }; spec: { nodeName: string } }[];
    expect(pods.map((one) => one.spec.nodeName).toSorted()).toEqual(Array.from({ length: 20 }, (_, at) => `n${at}`).toSorted());
    const revision = pods[0]?.metadata.resourceVersion as string;
    const same = pods.filter((one) => one.metadata.resourceVersion === revision).map((one) => one.metadata.name);
    expect(same.length).toBeGreaterThan(1);
    expect(Number(revision)).toBeGreaterThan(Number((listed.json['metadata'] as { resourceVersion: string }).resourceVersion));
    const resumed = await world.call('GET', `/api/v1/namespaces/work/pods?watch=true&timeoutSeconds=1&resourceVersion=${revision}`);
    const again = resumed.text.trim().split('\n').map((line) => JSON.parse(line) as { object: { metadata: { name: string } } });
    expect(again.map((event) => event.object.metadata.name)).toEqual(expect.arrayContaining(same));
  });

  test('one that conflicts does not take the others with it', async () => {
    for (let at = 0; at < 10; at += 1) await world.call('POST', '/api/v1/namespaces/work/pods', pod(`p${at}`));
    const items = Array.from({ length: 20 }, (_, at) => ({ namespace: 'work', name: `p${at % 10}`, bind: { uid: '', node: `n${at}` } }));
    const answers = await writeItems(world.client, items);
    expect(answers?.filter((answer) => answer.code === 201)).toHaveLength(10);
    const refused = answers?.filter((answer) => answer.code === 409).map((answer) => fromUtf8(answer.body)) ?? [];
    expect(refused).toHaveLength(10);
    expect(refused[0]).toMatch(/is already assigned to node/);
  });

  describe('under a Lease', () => {
    const hold = (term: LeaseTerm, over?: number): Promise<number> => holdLease(world, term, over);
    const binders = { 'the fast path': (term: LeaseTerm) => new Binder(world.client, () => term), REST: (term: LeaseTerm) => new Binder(withoutFastPath(world.client), () => term) };

    test.each(Object.keys(binders) as (keyof typeof binders)[])('bindings over %s are done while it is held, renewed or not, and refused once it has moved on', async (way) => {
      for (let at = 0; at < 6; at += 1) await world.call('POST', '/api/v1/namespaces/work/pods', pod(`p${at}`));
      const [a, b] = [binders[way](terms.a), binders[way](terms.b)];
      const bind = (binder: Binder, name: string): Promise<unknown> => binder.bind({ namespace: 'work', name, uid: '', node: 'n1' }).then(() => 'bound', (error: unknown) => error);
      expect(isFenced(await bind(a, 'p0')), 'there is no Lease').toBe(true);
      await hold(terms.a);
      expect(await bind(a, 'p0')).toBe('bound');
      await hold(terms.a);
      expect(await Promise.all([bind(a, 'p1'), bind(a, 'p2')])).toEqual(['bound', 'bound']);
      expect(isFenced(await bind(b, 'p3'))).toBe(true);
      await hold(terms.b);
      expect((await Promise.all([bind(a, 'p3'), bind(a, 'p4')])).map(isFenced)).toEqual([true, true]);
      expect(await bind(b, 'p3')).toBe('bound');
      await hold({ ...terms.a, leaseTransitions: 2 });
      expect(isFenced(await bind(a, 'p5')), 'a later term of the same holder').toBe(true);
      const left = (await world.call('GET', '/api/v1/namespaces/work/pods')).json['items'] as { spec: { nodeName?: string } }[];
      expect(left.map((one) => one.spec.nodeName ?? '')).toEqual(['n1', 'n1', 'n1', 'n1', '', '']);
    });

    test('of many that are under way when it moves on none is stored behind that', async () => {
      const heldAt = await hold(terms.a);
      const count = 300;
      for (let at = 0; at < count; at += 1) await world.call('POST', '/api/v1/namespaces/work/pods', pod(`p${at}`));
      const binder = new Binder(world.client, () => terms.a);
      const bindings = Array.from({ length: count }, (_, at) => binder.bind({ namespace: 'work', name: `p${at}`, uid: '', node: 'n' }));
      const outcomes = Promise.allSettled(bindings);
      await Promise.any(bindings);
      const movedAt = await hold(terms.b, heldAt);
      const ended = await outcomes;
      const bound = ((await world.call('GET', '/api/v1/namespaces/work/pods')).json['items'] as { metadata: { resourceVersion: string }; spec: { nodeName?: string } }[]).filter((one) => one.spec.nodeName !== undefined);
      expect(bound.length).toBeGreaterThan(0);
      expect(bound.length).toBeLessThan(count);
      expect(bound.filter((one) => Number(one.metadata.resourceVersion) > movedAt)).toEqual([]);
      const refused = ended.filter((one) => one.status === 'rejected');
      expect(refused.map((one) => isFenced(one.reason))).toEqual(refused.map(() => true));
      expect(ended.length - refused.length).toBe(bound.length);
    });

    test('what is no term is refused', async () => {
      await world.call('POST', '/api/v1/namespaces/work/pods', pod('p0'));
      const body = { metadata: { name: 'p0' }, target: { kind: 'Node', name: 'n1' } };
      expect((await world.call('POST', '/api/v1/namespaces/work/pods/p0/binding', body, { [leaseTermHeader]: 'work/lead/a' })).status).toBe(400);
    });
  });

  test('a binder resolves and rejects each binding as the subresource would', async () => {
    await world.call('POST', '/api/v1/namespaces/work/pods', pod('p0'));
    const binder = new Binder(world.client);
    const outcomes = await Promise.allSettled([
      binder.bind({ namespace: 'work', name: 'p0', uid: '', node: 'n1' }), binder.bind({ namespace: 'work', name: 'absent', uid: '', node: 'n1' }), binder.bind({ namespace: 'work', name: 'p0', uid: 'other', node: 'n1' }),
    ]);
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? 'bound' : (one.reason as { reason: string }).reason))).toEqual(['bound', 'NotFound', 'Conflict']);
  });

  test('several kinds are watched on one stream; one that is refused says so', async () => {
    const stop = new AbortController();
    const watches = [{ id: 1, apiVersion: 'v1', resource: 'pods', namespace: 'work', query: '' }, { id: 2, apiVersion: 'v1', resource: 'configmaps', namespace: 'work', query: '' }, { id: 3, apiVersion: 'v1', resource: 'poods', namespace: '', query: '' }];
    const response = await world.server.handle(httpRequest({ method: 'POST', target: fastPathMethods.watch, raw: grpcFrame(fastPathCodecs.watchRequest.encode({ watches })), headers: { 'content-type': 'application/grpc', authorization: `Bearer ${adminToken}` }, signal: stop.signal }));
    const seen: string[] = [];
    const cutter = new GrpcCutter(1e9);
    for await (const data of response.body as ByteSource) {
      cutter.push(data);
      for (let message = cutter.next(); message !== undefined; message = cutter.next()) seen.push(...told(fastPathCodecs.watchResponse.decode(message)));
      if (seen.includes('2 opened 200') && seen.includes('1 opened 200') && seen.length === 3) {
        await world.call('POST', '/api/v1/namespaces/work/pods', pod('p0'));
        await world.call('POST', '/api/v1/namespaces/work/configmaps', { metadata: { name: 'c0' } });
      }
      if (seen.includes('1 ADDED p0') && seen.includes('2 ADDED c0')) break;
    }
    stop.abort();
    expect(seen).toContain('3 ended 404');
  });

  test('a watch that breaks off ends, and the process with it does not', async () => {
    async function* broken(): AsyncGenerator<Uint8Array, void, undefined> {
      yield utf8('{}\n');
      await Promise.reject(new Error('the connection to the server behind was reset'));
    }
    const message = fastPathCodecs.watchRequest.encode({ watches: [{ id: 1, apiVersion: 'g/v1', resource: 'things', namespace: '', query: '' }] });
    const response = await watchAll(() => Promise.resolve({ status: 200, headers: {}, body: broken() }), new Call(httpRequest({ method: 'POST', target: fastPathMethods.watch }), undefined), message);
    const ended: boolean[] = [];
    const cutter = new GrpcCutter(1e9);
    for await (const data of response.body as ByteSource) {
      cutter.push(data);
      for (let next = cutter.next(); next !== undefined; next = cutter.next()) ended.push(fastPathCodecs.watchResponse.decode(next).ended);
    }
    expect(ended).toEqual([false, false, true]);
  });

  test('who has left before a watch began leaves none behind', async () => {
    const signal = AbortSignal.abort();
    const alone = await world.server.handle(httpRequest({ method: 'GET', target: '/api/v1/pods?watch=true', headers: { authorization: `Bearer ${adminToken}` }, signal }));
    expect((await answerOf(alone)).text).toBe('');
    const raw = grpcFrame(fastPathCodecs.watchRequest.encode({ watches: [{ id: 1, apiVersion: 'v1', resource: 'pods', namespace: '', query: '' }] }));
    const response = await world.server.handle(httpRequest({ method: 'POST', target: fastPathMethods.watch, raw, headers: { 'content-type': 'application/grpc', authorization: `Bearer ${adminToken}` }, signal }));
    for await (const _data of response.body as ByteSource) { /* Until it ends. */ }
  });

  test('who is not known cannot have much of a message read', async () => {
    const raw = grpcFrame(fastPathCodecs.writeRequest.encode({ items: [{ namespace: 'work', name: '', event: { apiVersion: 'v1', body: new Uint8Array(100_000) } }] }));
    const call = async (headers: Record<string, string>): Promise<unknown> => {
      const { headers: answered, trailers } = await world.server.handle(httpRequest({ method: 'POST', target: fastPathMethods.write, raw, headers: { 'content-type': 'application/grpc', ...headers } }));
      return answered['grpc-status'] ?? trailers?.()['grpc-status'];
    };
    expect(await call({})).toBe('8');
    expect(await call({ authorization: 'Bearer wrong' })).toBe('8');
    expect(await call({ authorization: `Bearer ${adminToken}` })).toBe('0');
  });

  test('one call cannot begin any number of watches', async () => {
    const watches = Array.from({ length: maxWatches + 1 }, (_, id) => ({ id, apiVersion: 'v1', resource: 'pods', namespace: '', query: '' }));
    const response = await world.server.handle(httpRequest({ method: 'POST', target: fastPathMethods.watch, raw: grpcFrame(fastPathCodecs.watchRequest.encode({ watches })), headers: { 'content-type': 'application/grpc' } }));
    expect(response.headers['grpc-status']).toBe('8');
  });

  test('what is no method of the service is refused as gRPC does it', async () => {
    const { response } = await world.call('POST', '/coxswain.fastpath.v1.FastPath/Other', {}, { 'content-type': 'application/grpc' });
    expect([response.status, response.headers['grpc-status']]).toEqual([200, '12']);
  });
});

function told(answer: FastPathWatched): string[] {
  if (answer.ended) return [`${answer.id} ended ${answer.code}`];
  if (answer.body.length === 0) return [`${answer.id} opened ${answer.code}`];
  return fromUtf8(answer.body).trim().split('\n').map((line) => {
    const event = JSON.parse(line) as { type: string; object: { metadata: { name: string } } };
    return `${answer.id} ${event.type} ${event.object.metadata.name}`;
  });
}

