import { fromUtf8, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createEtcdClient, EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { afterEach, expect, it, vi } from 'vitest';
import { Machine } from '../src/machine/machine.ts';
import { alarmAction, alarmType, type InternalRequest } from '../src/wire/messages.ts';
import { codecs } from '../src/wire/schema.ts';
import { callRaw } from './support/raw-call.ts';
import { SimCluster, type SimMember } from './support/sim-cluster.ts';

const corrupt = 'etcdserver: corrupt cluster';

afterEach(() => { vi.restoreAllMocks(); });

interface World { readonly sim: Simulation; readonly cluster: SimCluster; readonly host: Host; readonly client: EtcdClient }

function world(seed: number): World {
  const sim = new Simulation({ seed });
  const cluster = new SimCluster(sim, ['m1', 'm2', 'm3'], { corruptCheckMs: 30_000, compactHashCheckMs: 5000 });
  cluster.startAll();
  const { host } = sim.start('c', 'client');
  return { sim, cluster, host, client: createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 5000 }) };
}

/**
 * From now on the `which`-th of those members that apply a write of the key loses it: a bit that flipped in memory, or a bug. Only
 * tests can do this.
 */
function corruptNth(which: number): void {
  const real = Object.getOwnPropertyDescriptor(Machine.prototype, 'apply')?.value as Machine['apply'];
  const seen: Machine[] = [];
  vi.spyOn(Machine.prototype, 'apply').mockImplementation(function apply(this: Machine, request: InternalRequest) {
    const { put } = request;
    if (put === undefined || fromUtf8(put.key) !== 'victim') return real.call(this, request);
    if (!seen.includes(this)) seen.push(this);
    return real.call(this, seen.indexOf(this) === which ? { ...request, put: { ...put, value: utf8('flipped') } } : request);
  });
}

async function attempt({ host }: World, act: () => Promise<unknown>): Promise<string> {
  for (;;) {
    try {
      await act();
      return '';
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.code !== 14) return error.message;
      await host.timers.sleep(100);
    }
  }
}

const only = ({ host, cluster }: World, member: SimMember): EtcdClient => createEtcdClient(host, { endpoints: [cluster.endpoints[cluster.members.indexOf(member)] as string], requestTimeoutMs: 5000 });

async function readDirectly(here: World, member: SimMember): Promise<string> {
  try {
    return fromUtf8((await only(here, member).range({ key: utf8('victim'), serializable: true })).kvs[0]?.value ?? utf8(''));
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    return error.message;
  }
}

/** Writes what one member holds differently, and waits until that one is fenced. Answers which, and after how long. */
async function untilFenced(here: World): Promise<{ readonly victim: SimMember; readonly afterMs: number }> {
  expect(await attempt(here, () => here.client.put({ key: utf8('victim'), value: utf8('true') }))).toBe('');
  await here.host.timers.sleep(500);
  const values = await Promise.all(here.cluster.members.map((member) => readDirectly(here, member)));
  const victim = here.cluster.members[values.indexOf('flipped')] as SimMember;
  expect(values.toSorted()).toEqual(['flipped', 'true', 'true']);
  const startMs = here.host.clock.monotonicMs();
  while (await readDirectly(here, victim) !== corrupt) await here.host.timers.sleep(200);
  return { victim, afterMs: here.host.clock.monotonicMs() - startMs };
}

for (const [which, role] of ['the leader', 'a follower', 'another follower'].entries()) {
  it(`a member with other data (${role}, most likely) is found in time, named and fenced, and nobody else suffers`, async () => {
    const here = world(which + 1);
    const story = async (): Promise<void> => {
      expect(await attempt(here, () => here.client.put({ key: utf8('k'), value: utf8('1') }))).toBe('');
      corruptNth(which);
      const { victim, afterMs } = await untilFenced(here);
      expect(afterMs).toBeLessThan(45_000);
      const bad = only(here, victim);
      expect(await attempt(here, () => bad.put({ key: utf8('k'), value: utf8('2') }))).toBe(corrupt);
      expect(await attempt(here, () => bad.leaseGrant({ ttlSeconds: 10 }))).toBe(corrupt);
      const alarms = (await bad.status()).errors.join();
      expect(alarms).toContain(`memberID:${victim.running?.memberId} alarm:CORRUPT`);
      await here.host.timers.sleep(5000);
      expect(here.cluster.leader()?.name).not.toBe(victim.name);
      for (const member of here.cluster.members.filter((one) => one !== victim)) {
        expect(await attempt(here, () => only(here, member).put({ key: utf8('k'), value: utf8('3') })), member.name).toBe('');
        expect(await readDirectly(here, member)).toBe('true');
      }
    };
    await here.sim.runUntil(story(), 300_000, 'the story');
    expect(here.cluster.failures).toEqual([]);
    here.sim.stop();
  });
}

it('a compaction is occasion enough to look', async () => {
  const here = world(7);
  const story = async (): Promise<number> => {
    expect(await attempt(here, () => here.client.put({ key: utf8('k'), value: utf8('1') }))).toBe('');
    corruptNth(1);
    expect(await attempt(here, () => here.client.compact(2))).toBe('');
    return (await untilFenced(here)).afterMs;
  };
  expect(await here.sim.runUntil(story(), 300_000, 'the story')).toBeLessThan(10_000);
  here.sim.stop();
});

it('members that hold the same are never accused, whatever is written, compacted and restarted between', async () => {
  for (const seed of [11, 12, 13]) {
    const here = world(seed);
    const story = async (): Promise<void> => {
      const untilMs = here.host.clock.monotonicMs() + 120_000;
      for (let count = 0; here.host.clock.monotonicMs() < untilMs; count += 1) {
        await attempt(here, () => here.client.put({ key: utf8(`k/${count % 50}`), value: utf8(String(count)) }));
        if (count % 7 === 0) await attempt(here, () => here.client.deleteRange({ key: utf8(`k/${count % 50}`) }));
        if (count % 100 === 99) await attempt(here, async () => here.client.compact((await here.client.status()).revision - 20));
        if (count % 400 === 399) {
          const victim = here.cluster.members[here.sim.random.uint32() % 3] as SimMember;
          here.cluster.kill(victim, true);
          await here.host.timers.sleep(1000);
          here.cluster.start(victim);
        }
        await here.host.timers.sleep(50);
      }
      expect((await here.client.status()).errors).toEqual([]);
    };
    await here.sim.runUntil(story(), 600_000, 'the story');
    expect(here.cluster.failures).toEqual([]);
    here.sim.stop();
  }
});

it('bits that flip in the log of a member that is down stop it with file and offset', async () => {
  const here = world(20);
  const story = async (): Promise<void> => {
    for (let count = 0; count < 60; count += 1) expect(await attempt(here, () => here.client.put({ key: utf8(`k/${count}`), value: utf8('v') }))).toBe('');
    const victim = here.cluster.members[0] as SimMember;
    here.cluster.kill(victim, false);
    const { disk } = here.sim.start(victim.name, 'rot').host;
    const directory = '/var/lib/etcd/member/wal';
    const name = (await disk.list(directory))[0] as string;
    const data = await disk.readFile(`${directory}/${name}`);
    data[100] = (data[100] as number) ^ 0x10;
    await disk.writeFileAtomic(`${directory}/${name}`, data);
    here.cluster.start(victim);
    await here.host.timers.sleep(2000);
    expect(String(here.cluster.failures[0])).toMatch(/write-ahead log is damaged: \/var\/lib\/etcd\/member\/wal\/[0-9a-f]{16}\.wal at offset \d+/);
  };
  await here.sim.runUntil(story(), 300_000, 'the story');
  here.sim.stop();
});

it('a member whose log is not where it is looked for does not begin anew beside its state', async () => {
  const sim = new Simulation({ seed: 21 });
  const cluster = new SimCluster(sim, ['m1']);
  const { host } = sim.start('c', 'client');
  const client = createEtcdClient(host, { endpoints: cluster.endpoints, requestTimeoutMs: 5000 });
  const here: World = { sim, cluster, host, client };
  cluster.startAll();
  const story = async (): Promise<void> => {
    for (let count = 0; count < 250; count += 1) expect(await attempt(here, () => client.put({ key: utf8(`k/${count}`), value: utf8('v') }))).toBe('');
    const member = cluster.members[0] as SimMember;
    const { disk } = sim.start(member.name, 'operator').host;
    while (!(await disk.list('/var/lib/etcd/member/store')).some((name) => name.endsWith('.manifest'))) await host.timers.sleep(100);
    cluster.kill(member, false);
    const astray = new SimCluster(sim, ['m1'], { walDir: '/var/lib/elsewhere' });
    const [lost] = astray.members as readonly [SimMember];
    for (const _ of [1, 2]) {
      astray.start(lost);
      await host.timers.sleep(3000);
      astray.kill(lost, false);
    }
    const refusal = expect.stringContaining('there is no log in /var/lib/elsewhere');
    expect(astray.failures.map(String)).toEqual([refusal, refusal]);
    cluster.start(member);
    expect(await attempt(here, async () => { expect((await client.range({ key: utf8('k/'), rangeEnd: utf8('k0'), countOnly: true })).count).toBe(250); })).toBe('');
  };
  await sim.runUntil(story(), 300_000, 'the story');
  sim.stop();
});

it('when nobody is to be trusted all are fenced, and an operator can still take the alarm back', async () => {
  const here = world(22);
  const alarm = async (action: number): Promise<void> => {
    const request = { action, memberID: 0n, alarm: alarmType.corrupt };
    expect(await attempt(here, () => callRaw(here.host, here.cluster.endpoints[0] as string, '/etcdserverpb.Maintenance/Alarm', codecs.alarmRequest, codecs.alarmResponse, request))).toBe('');
  };
  const put = (): Promise<string> => attempt(here, () => here.client.put({ key: utf8('k'), value: utf8('v') }));
  const story = async (): Promise<void> => {
    expect(await put()).toBe('');
    await alarm(alarmAction.activate);
    expect(await put()).toBe(corrupt);
    // Longer than any leader stays one that must not be.
    await here.host.timers.sleep(20_000);
    await alarm(alarmAction.deactivate);
    expect(await put()).toBe('');
  };
  await here.sim.runUntil(story(), 300_000, 'the story');
  expect(here.cluster.failures).toEqual([]);
  here.sim.stop();
});
