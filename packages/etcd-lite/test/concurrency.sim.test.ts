import { emptyBytes, fromUtf8, NetworkError, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createEtcdClient, EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { describe, expect, it } from 'vitest';
import type { LeaderKey, LeaderResponse, LockResponse } from '../src/concurrency/messages.ts';
import { codecs } from '../src/wire/schema.ts';
import { callRaw, refusal, streamRaw } from './support/raw-call.ts';
import { SimCluster } from './support/sim-cluster.ts';

const lockPath = '/v3lockpb.Lock/Lock';
const electionPath = '/v3electionpb.Election';

interface Story { readonly cluster: SimCluster; readonly host: Host; readonly client: EtcdClient; readonly url: string }

/** One member that leads, and a client. */
async function withMember(tell: (story: Story) => Promise<void>): Promise<void> {
  const sim = new Simulation({ seed: 1 });
  const cluster = new SimCluster(sim, ['m1']);
  cluster.startAll();
  const { host } = sim.start('c', 'client');
  const client = createEtcdClient(host, { endpoints: cluster.endpoints });
  const story = async (): Promise<void> => {
    await client.put({ key: utf8('ready'), value: utf8('') });
    await tell({ cluster, host, client, url: cluster.endpoints[0] as string });
  };
  await sim.runUntil(story(), 300_000, 'the story');
  expect(cluster.failures).toEqual([]);
  sim.stop();
}

const lockOf = ({ host, url }: Story, name: string, lease: bigint, signal?: AbortSignal): Promise<LockResponse> =>
  callRaw(host, url, lockPath, codecs.lockRequest, codecs.lockResponse, { name: utf8(name), lease }, {}, signal);
const unlock = ({ host, url }: Story, key: Uint8Array): Promise<unknown> => callRaw(host, url, '/v3lockpb.Lock/Unlock', codecs.unlockRequest, codecs.unlockResponse, { key });
const keysOf = async ({ client }: Story, prefix: string): Promise<readonly string[]> => (await client.range({ key: utf8(prefix), rangeEnd: utf8(`${prefix.slice(0, -1)}0`) })).kvs.map(({ key }) => fromUtf8(key));

describe('Lock', () => {
  it('is held by one session after the other, in the order in which they came', () => withMember(async (story) => {
    const { client } = story;
    const [a, b] = [(await client.leaseGrant({ ttlSeconds: 60 })).id, (await client.leaseGrant({ ttlSeconds: 60 })).id];
    const first = await lockOf(story, 'l', a);
    expect(fromUtf8(first.key)).toBe(`l/${a.toString(16)}`);
    let granted = false;
    const second = lockOf(story, 'l', b).then((answer) => { granted = true; return answer; });
    // The same session holds it already.
    expect((await lockOf(story, 'l', a)).key).toEqual(first.key);
    await client.put({ key: utf8('l/'), value: utf8('somebody else\'s') });
    expect(granted).toBe(false);
    await unlock(story, first.key);
    const { header, key } = await second;
    expect(fromUtf8(key)).toBe(`l/${b.toString(16)}`);
    expect(header?.revision).toBeGreaterThan(first.header?.revision ?? 0);
  }));

  it('without a lease makes one of sixty seconds', () => withMember(async (story) => {
    const { key } = await lockOf(story, 'l', 0n);
    const id = BigInt(`0x${fromUtf8(key).slice(2)}`);
    expect((await story.client.leaseTimeToLive(id)).grantedTtlSeconds).toBe(60);
  }));

  it('passes on when the holder\'s lease ends', () => withMember(async (story) => {
    const { client, host } = story;
    const [short, long] = [(await client.leaseGrant({ ttlSeconds: 2 })).id, (await client.leaseGrant({ ttlSeconds: 600 })).id];
    await lockOf(story, 'l', short);
    const askedMs = host.clock.monotonicMs();
    await lockOf(story, 'l', long);
    expect(host.clock.monotonicMs() - askedMs).toBeGreaterThan(1000);
  }));

  it('is not granted to a session whose lease has gone: before, or while it waits', () => withMember(async (story) => {
    const { client } = story;
    expect(await refusal(lockOf(story, 'l', 1234n))).toBe('2 etcdserver: requested lease not found');
    const [a, b] = [(await client.leaseGrant({ ttlSeconds: 600 })).id, (await client.leaseGrant({ ttlSeconds: 2 })).id];
    await lockOf(story, 'l', a);
    // It is told at once, not when its turn would come.
    expect(await refusal(lockOf(story, 'l', b))).toBe('2 mutex: session is expired');
    expect(await keysOf(story, 'l/')).toEqual([`l/${a.toString(16)}`]);
  }));

  it('a client that goes away leaves the queue', () => withMember(async (story) => {
    const { client, host } = story;
    const [a, b] = [(await client.leaseGrant({ ttlSeconds: 600 })).id, (await client.leaseGrant({ ttlSeconds: 600 })).id];
    await lockOf(story, 'l', a);
    const stop = new AbortController();
    const waiting = refusal(lockOf(story, 'l', b, stop.signal));
    while ((await keysOf(story, 'l/')).length < 2) await host.timers.sleep(1);
    stop.abort();
    await waiting;
    while ((await keysOf(story, 'l/')).length > 1) await host.timers.sleep(1);
  }));
});

describe('Election', () => {
  const campaign = async ({ host, url }: Story, lease: bigint, value: string): Promise<LeaderKey> =>
    (await callRaw(host, url, `${electionPath}/Campaign`, codecs.campaignRequest, codecs.campaignResponse, { name: utf8('e'), lease, value: utf8(value) })).leader;
  const leader = ({ host, url }: Story): Promise<LeaderResponse> => callRaw(host, url, `${electionPath}/Leader`, codecs.leaderRequest, codecs.leaderResponse, { name: utf8('e') });
  const proclaim = ({ host, url }: Story, key: LeaderKey | undefined, value: string): Promise<unknown> =>
    callRaw(host, url, `${electionPath}/Proclaim`, codecs.proclaimRequest, codecs.proclaimResponse, { leader: key, value: utf8(value) });
  const resign = ({ host, url }: Story, key: LeaderKey | undefined): Promise<unknown> => callRaw(host, url, `${electionPath}/Resign`, codecs.resignRequest, codecs.resignResponse, { leader: key });

  it('has a leader, who proclaims and resigns; others follow', () => withMember(async (story) => {
    const { client } = story;
    expect(await refusal(leader(story))).toBe('2 election: no leader');
    const [a, b] = [(await client.leaseGrant({ ttlSeconds: 600 })).id, (await client.leaseGrant({ ttlSeconds: 600 })).id];
    const first = await campaign(story, a, 'a1');
    expect([fromUtf8(first.name), fromUtf8(first.key), first.lease]).toEqual(['e', `e/${a.toString(16)}`, a]);
    expect(fromUtf8((await leader(story)).kv.value)).toBe('a1');
    const second = campaign(story, b, 'b1');
    await proclaim(story, first, 'a2');
    expect(fromUtf8((await leader(story)).kv.value)).toBe('a2');
    // A second campaign of the leader only changes what it says.
    expect((await campaign(story, a, 'a3')).rev).toBe(first.rev);
    expect(fromUtf8((await leader(story)).kv.value)).toBe('a3');
    await resign(story, first);
    expect((await second).lease).toBe(b);
    expect(fromUtf8((await leader(story)).kv.value)).toBe('b1');
    expect(await refusal(proclaim(story, first, 'late'))).toBe('2 election: not leader');
    await resign(story, first);
    expect(fromUtf8((await leader(story)).kv.value)).toBe('b1');
    expect(await refusal(proclaim(story, undefined, 'x'))).toBe('2 "leader" field must be provided');
    expect(await refusal(resign(story, undefined))).toBe('2 "leader" field must be provided');
  }));

  it('who loses the lease while it waits never leads', () => withMember(async (story) => {
    const { client } = story;
    const [a, b] = [(await client.leaseGrant({ ttlSeconds: 600 })).id, (await client.leaseGrant({ ttlSeconds: 2 })).id];
    await campaign(story, a, 'a');
    expect(await refusal(campaign(story, b, 'b'))).toBe('2 election: not leader');
  }));

  it('an observer sees leaders and what they proclaim', () => withMember(async (story) => {
    const { client, host, url } = story;
    const [a, b] = [(await client.leaseGrant({ ttlSeconds: 600 })).id, (await client.leaseGrant({ ttlSeconds: 600 })).id];
    const stop = new AbortController();
    const observed = streamRaw(host, url, `${electionPath}/Observe`, codecs.leaderRequest, codecs.leaderResponse, [{ name: utf8('e') }], {}, stop.signal);
    const next = async (): Promise<string> => {
      const answer = await observed.next();
      return answer.done === true ? 'end' : fromUtf8(answer.value.kv.value);
    };
    const coming = next();
    const first = await campaign(story, a, 'a1');
    expect(await coming).toBe('a1');
    await proclaim(story, first, 'a2');
    expect(await next()).toBe('a2');
    const second = campaign(story, b, 'b1');
    await resign(story, first);
    await second;
    expect(await next()).toBe('b1');
    stop.abort();
  }));
});

interface Change { readonly revision: number; readonly key: string; readonly deleted: boolean }
interface Grant { readonly key: string; readonly revision: number }

/** Who was in front after each revision, from all that happened under the prefix. */
function holders(changes: readonly Change[]): (revision: number) => string | undefined {
  return (revision) => {
    const created = new Map<string, number>();
    for (const change of changes) {
      if (change.revision > revision) break;
      if (change.deleted) created.delete(change.key);
      else if (!created.has(change.key)) created.set(change.key, change.revision);
    }
    return [...created].toSorted((a, b) => a[1] - b[1])[0]?.[0];
  };
}

/** Takes the lock again and again; sometimes it lets its lease run out while it waits or holds, or goes away. */
async function worker(host: Host, endpoints: readonly string[], untilMs: number, grants: Grant[], written: Grant[]): Promise<void> {
  const client = createEtcdClient(host, { endpoints, requestTimeoutMs: 1500 });
  const { clock, random, timers } = host;
  while (clock.monotonicMs() < untilMs) {
    try {
      const { id } = await client.leaseGrant({ ttlSeconds: 2 });
      const keptUntilMs = clock.monotonicMs() + random.float() * 8000;
      const keeping = (async () => {
        while (clock.monotonicMs() < keptUntilMs) {
          await client.leaseKeepAlive(id).catch((error: unknown) => { if (!(error instanceof EtcdError)) throw error; });
          await timers.sleep(500);
        }
      })();
      const stop = new AbortController();
      const timer = timers.after(1000 + random.float() * 8000, () => { stop.abort(); });
      try {
        const url = endpoints[random.uint32() % endpoints.length] as string;
        const { header, key } = await callRaw(host, url, lockPath, codecs.lockRequest, codecs.lockResponse, { name: utf8('l'), lease: id }, {}, stop.signal);
        grants.push({ key: fromUtf8(key), revision: header?.revision ?? 0 });
        await useLock(host, client, key, written);
        if (random.float() < 0.5) await client.deleteRange({ key });
      } finally {
        timer.cancel();
        await keeping;
      }
    } catch (error) {
      if (!(error instanceof EtcdError) && !(error instanceof NetworkError)) throw error;
      await timers.sleep(100);
    }
  }
}

/** Writes that count only as long as the lock's key is the one that was granted: the fence. */
async function useLock(host: Host, client: EtcdClient, key: Uint8Array, written: Grant[]): Promise<void> {
  const createRevision = (await client.range({ key })).kvs[0]?.createRevision;
  if (createRevision === undefined) return;
  for (let count = 0; count < 5; count += 1) {
    await host.timers.sleep(host.random.float() * 1000);
    const { succeeded, revision } = await client.txn({ compare: [{ key, target: 'create', value: createRevision, result: 'equal' }], success: [{ type: 'put', key: utf8('resource'), value: key }], failure: [] });
    if (!succeeded) return;
    written.push({ key: fromUtf8(key), revision });
  }
}

async function unrest(cluster: SimCluster, host: Host, untilMs: number): Promise<void> {
  const { sim, members } = cluster;
  while (host.clock.monotonicMs() < untilMs) {
    await host.timers.sleep(1000 + sim.random.float() * 4000);
    const victim = (sim.random.float() < 0.5 ? cluster.leader() : undefined) ?? members[sim.random.uint32() % members.length] as (typeof members)[number];
    if (sim.random.float() < 0.6) {
      cluster.kill(victim, true);
      await host.timers.sleep(sim.random.float() * 2000);
      cluster.start(victim);
    } else {
      sim.partition([victim.name], members.filter((member) => member !== victim).map(({ name }) => name));
      await host.timers.sleep(sim.random.float() * 4000);
      sim.heal();
    }
  }
}

async function everythingUnder(client: EtcdClient, prefix: string): Promise<readonly Change[]> {
  for (;;) {
    try {
      const { revision } = await client.put({ key: utf8(`${prefix}end`), value: emptyBytes });
      const changes: Change[] = [];
      for await (const { events } of client.watch({ key: utf8(prefix), rangeEnd: utf8(`${prefix.slice(0, -1)}0`), startRevision: 1, signal: new AbortController().signal })) {
        changes.push(...events.map((event) => ({ revision: event.kv.modRevision, key: fromUtf8(event.kv.key), deleted: event.type === 'DELETE' })));
        if ((changes.at(-1)?.revision ?? 0) >= revision) return changes;
      }
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
    }
  }
}

describe.each([1, 2, 3, 4])('four workers, one lock, members that die and leases that end: seed %i', (seed) => {
  it('whoever was told that it holds the lock held it at that revision, and so did every fenced write', async () => {
    const sim = new Simulation({ seed });
    const cluster = new SimCluster(sim, ['m1', 'm2', 'm3']);
    cluster.startAll();
    const [grants, written]: [Grant[], Grant[]] = [[], []];
    const workers = ['c1', 'c2', 'c3', 'c4'].map((name) => worker(sim.start(name, name).host, cluster.endpoints, 60_000, grants, written));
    const nemesis = unrest(cluster, sim.start('nemesis', 'nemesis').host, 60_000);
    await sim.runUntil(Promise.all([...workers, nemesis]), 200_000, 'the load');
    sim.heal();
    const changes = await sim.runUntil(everythingUnder(createEtcdClient(sim.start('judge', 'judge').host, { endpoints: cluster.endpoints }), 'l/'), 60_000, 'the truth');
    expect(cluster.failures).toEqual([]);
    const holderAt = holders(changes);
    for (const { key, revision } of [...grants, ...written]) expect(holderAt(revision), `${key} at ${revision}`).toBe(key);
    // What a resource can check by itself: revisions of grants grow from holder to holder.
    const inOrder = grants.toSorted((a, b) => a.revision - b.revision);
    for (const [at, grant] of inOrder.entries()) if (at > 0 && inOrder[at - 1]?.key !== grant.key) expect(grant.revision).toBeGreaterThan(inOrder[at - 1]?.revision ?? 0);
    console.log(`seed ${seed}: ${grants.length} grants, ${written.length} fenced writes`);
    expect(new Set(grants.map(({ key }) => key)).size).toBeGreaterThan(5);
    expect(written.length).toBeGreaterThan(5);
    sim.stop();
  });
});
