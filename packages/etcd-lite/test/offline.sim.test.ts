import { fromUtf8, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { startEtcdServer, type EtcdConfig } from '@coxswain/etcd-lite';
import { createEtcdClient, EtcdError, isEtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { chooseHistory, inspectDataDir, replayDataDir, restoreSnapshot, streamState, type DataDir, type Restored } from '@coxswain/etcd-lite/offline';
import { describe, expect, it } from 'vitest';
import { SimCluster, type SimMember } from './support/sim-cluster.ts';

const old = '/var/lib/etcd';
const fresh = '/var/lib/etcd-recovered';
const all = { key: new Uint8Array([0]), rangeEnd: new Uint8Array([0]) };

/** Again while it is unknown whether it was done: a leader may just have died. Twice does no harm here. */
async function surely(write: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await write();
      return;
    } catch (error) {
      if (!(error instanceof EtcdError) || error.code !== 14) throw error;
    }
  }
}

class Scene {
  readonly sim: Simulation;
  readonly cluster: SimCluster;

  constructor(seed: number) {
    this.sim = new Simulation({ seed });
    this.cluster = new SimCluster(this.sim, ['m1', 'm2', 'm3']);
    this.cluster.startAll();
  }

  member(name: string): SimMember {
    return this.cluster.members.find((one) => one.name === name) as SimMember;
  }

  until<T>(promise: Promise<T>, what: string): Promise<T> {
    return this.sim.runUntil(promise, 600_000, what);
  }

  client(endpoints: readonly string[] = this.cluster.endpoints): EtcdClient {
    return createEtcdClient(this.sim.start('client', 'client').host, { endpoints, requestTimeoutMs: 20_000 });
  }

  /** A process beside the (dead) member, on its machine and disk. */
  operator(machine: string): Host {
    return this.sim.start(machine, 'operator').host;
  }

  url(name: string, port: number): string {
    return `http://${this.sim.machine(name).address}:${port}`;
  }

  async write(count: number, more = false): Promise<void> {
    const client = this.client();
    const lease = more ? { id: 77n } : await client.leaseGrant({ ttlSeconds: 100_000, id: 77n });
    for (let at = 0; at < count; at += 1) {
      await surely(() => client.put({ key: utf8(`k/${at % 90}`), value: utf8(`value ${at} ${'x'.repeat(at % 200)}`), lease: at % 10 === 0 ? lease.id : 0n }));
      if (at % 7 === 0) await surely(() => client.deleteRange({ key: utf8(`k/${at % 50}`) }));
      if (!more && at === Math.floor(count / 2)) await client.compact(at);
    }
  }

  startRecovered(name: string, members: readonly string[], restored: Restored): void {
    const process = this.sim.start(name, `new-${name}`);
    const config: EtcdConfig = {
      name, dataDir: fresh, clientListeners: [{ address: '0.0.0.0', port: 2379 }], peerListeners: [{ address: '0.0.0.0', port: 2380 }], advertiseClientUrls: [this.url(name, 2379)],
      initialCluster: this.initialCluster(members),
    };
    startEtcdServer(config, process.host).then((running) => {
      expect(running.memberId).toBe(restored.memberId);
      running.failed.catch((error: unknown) => { this.cluster.failures.push(error); });
    }, (error: unknown) => { this.cluster.failures.push(error); });
  }

  initialCluster(members: readonly string[]): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(members.map((name) => [name, [this.url(name, 2380)]]));
  }
}

/** What it holds: key, value, create and mod revision, version, lease. */
async function contents(client: EtcdClient): Promise<readonly string[]> {
  const { kvs } = await client.range(all);
  return kvs.map((kv) => `${fromUtf8(kv.key)}=${fromUtf8(kv.value)} ${kv.createRevision} ${kv.modRevision} ${kv.version} ${kv.lease}`);
}

async function recover(scene: Scene, host: Host, survivors: readonly DataDir[], members: readonly string[], bumpRevision: number): Promise<Restored> {
  const plan = chooseHistory(survivors, true);
  const state = await replayDataDir(host, plan.chosen, plan.upToIndex, `${fresh}.work`);
  const restored = await restoreSnapshot(host, streamState(host.crypto, state), 'the recovered state', {
    name: members[0] as string, dataDir: fresh, initialCluster: scene.initialCluster(members), initialClusterToken: 'recovered', bumpRevision,
  });
  state.close();
  await host.disk.remove(`${fresh}.work`, { recursive: true });
  return restored;
}

describe('a cluster that has lost its quorum', () => {
  it.each([1, 2, 3])('goes on from one survivor with everything it has; nobody of the old cluster comes back (seed %i)', async (seed) => {
    const scene = new Scene(seed);
    await scene.until(scene.write(450), 'the writes');
    const [before, revision] = await scene.until((async () => [await contents(scene.client()), (await scene.client().range({ key: utf8('x') })).revision] as const)(), 'the reads');
    await scene.sim.run(3000);
    for (const member of scene.cluster.members) scene.cluster.kill(member, false);

    const host = scene.operator('m1');
    const data = await scene.until(inspectDataDir(host, old), 'the inspection');
    expect(chooseHistory([data], true)).toMatchObject({ voters: 3, survivors: 1, complete: false });
    const restored = await scene.until(recover(scene, host, [data], ['m1'], 1_000_000), 'the recovery');
    expect(restored.snapshotRevision).toBe(revision);
    expect(restored.clusterId).not.toBe(data.clusterId);
    // The survivor was only looked at.
    expect(await scene.until(inspectDataDir(host, old), 'the second look')).toEqual(data);

    scene.startRecovered('m1', ['m1'], restored);
    const client = scene.client([scene.url('m1', 2379)]);
    expect(await scene.until(contents(client), 'the recovered reads')).toEqual(before);
    const put = await scene.until(client.put({ key: utf8('after'), value: utf8('1') }), 'a write');
    expect(put.revision).toBe(revision + 1_000_000 + 1);
    // Whoever watched the old cluster must list anew, and never sees a revision twice.
    await expect(scene.until(client.range({ key: utf8('k/1'), revision }), 'a read of the past')).rejects.toSatisfy((error) => isEtcdError(error, 'compacted'));
    expect(await scene.until(client.leaseTimeToLive(77n), 'the lease')).toMatchObject({ grantedTtlSeconds: 100_000 });

    // Ghosts: the lost members come back with their old data.
    for (const name of ['m2', 'm3']) scene.cluster.start(scene.member(name));
    await scene.sim.run(20_000);
    expect(await scene.until(client.memberList(), 'the members')).toHaveLength(1);
    expect((await scene.until(contents(client), 'the reads with ghosts')).filter((line) => !line.startsWith('after'))).toEqual(before);
    expect(scene.cluster.failures).toEqual([]);
    scene.sim.stop();
  });

  it('goes on from the survivor with the longer history', async () => {
    const scene = new Scene(9);
    await scene.until(scene.write(120), 'the writes');
    scene.cluster.kill(scene.member('m1'), false);
    // It may have been the leader: a write that is on its way to it has no known outcome.
    await scene.sim.run(3000);
    await scene.until(scene.write(120, true), 'more writes without m1');
    const before = await scene.until(contents(scene.client()), 'the reads');
    await scene.sim.run(3000);
    for (const member of scene.cluster.members) scene.cluster.kill(member, false);
    const [first, second] = await scene.until(Promise.all([inspectDataDir(scene.operator('m1'), old), inspectDataDir(scene.operator('m2'), old)]), 'the inspections');
    const plan = chooseHistory([first as DataDir, second as DataDir], true);
    expect(plan.chosen).toBe(second);
    // Two of three: nothing that was acknowledged can be missing.
    expect(plan).toMatchObject({ complete: true, survivors: 2 });
    const restored = await scene.until(recover(scene, scene.operator('m2'), [first as DataDir, second as DataDir], ['m2'], 0), 'the recovery');
    scene.startRecovered('m2', ['m2'], restored);
    expect(await scene.until(contents(scene.client([scene.url('m2', 2379)])), 'the recovered reads')).toEqual(before);
    scene.sim.stop();
  });

  it('refuses directories that do not belong together, and a target that is in use', async () => {
    const scene = new Scene(4);
    await scene.until(scene.write(20), 'the writes');
    for (const member of scene.cluster.members) scene.cluster.kill(member, false);
    const host = scene.operator('m1');
    const data = await scene.until(inspectDataDir(host, old), 'the inspection');
    expect(() => chooseHistory([], true)).toThrow('no data directory');
    expect(() => chooseHistory([data, data], true)).toThrow('a second directory of member');
    expect(() => chooseHistory([data, { ...data, clusterId: 5n, memberId: 6n }], true)).toThrow('only members of one cluster');
    await expect(scene.until(inspectDataDir(host, '/nowhere'), 'nothing')).rejects.toThrow('holds no member\'s data');
    const state = await scene.until(replayDataDir(host, data, data.last.index, '/work'), 'the replay');
    const options = { name: 'm1', dataDir: old, initialCluster: scene.initialCluster(['m1']), initialClusterToken: 't', bumpRevision: 0 };
    await expect(scene.until(restoreSnapshot(host, streamState(host.crypto, state), 'it', options), 'a directory in use')).rejects.toThrow('holds a member\'s data already');
    scene.sim.stop();
  });

  it('leaves nothing of a restore that fails', async () => {
    const scene = new Scene(5);
    await scene.until(scene.write(60), 'the writes');
    for (const member of scene.cluster.members) scene.cluster.kill(member, false);
    const host = scene.operator('m1');
    const state = await scene.until(inspectDataDir(host, old).then((data) => replayDataDir(host, data, data.last.index, '/work')), 'the replay');
    async function* damaged(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const part of streamState(host.crypto, state)) {
        const copy = part.slice();
        if (copy.length > 300) copy[copy.length - 100] = (copy[copy.length - 100] as number) ^ 1;
        yield copy;
      }
    }
    const options = { name: 'm1', dataDir: fresh, initialCluster: scene.initialCluster(['m1']), initialClusterToken: 't', bumpRevision: 0 };
    await expect(scene.until(restoreSnapshot(host, damaged(), 'it', options), 'a damaged snapshot')).rejects.toThrow();
    expect(await scene.until(host.disk.exists(`${fresh}/member`), 'the look')).toBe(false);
    scene.sim.stop();
  });

  it('restores one snapshot into three members that find each other', async () => {
    const scene = new Scene(6);
    await scene.until(scene.write(200), 'the writes');
    const before = await scene.until(contents(scene.client()), 'the reads');
    await scene.sim.run(3000);
    for (const member of scene.cluster.members) scene.cluster.kill(member, false);
    const names = ['m1', 'm2', 'm3'];
    for (const name of names) {
      const host = scene.operator(name);
      const restored = await scene.until((async () => {
        const source = scene.operator('m1');
        const state = await replayDataDir(source, await inspectDataDir(source, old), Number.POSITIVE_INFINITY, `/work-${name}`);
        const out = await restoreSnapshot(host, streamState(host.crypto, state), 'it', { name, dataDir: fresh, initialCluster: scene.initialCluster(names), initialClusterToken: 'restored', bumpRevision: 0 });
        state.close();
        return out;
      })(), `the restore of ${name}`);
      scene.startRecovered(name, names, restored);
    }
    const client = scene.client();
    await scene.until(client.put({ key: utf8('z'), value: utf8('1') }), 'a write');
    expect(await scene.until(contents(client), 'the restored reads')).toEqual([...before, expect.stringMatching(/^z=1 /)]);
    expect(scene.cluster.failures).toEqual([]);
    scene.sim.stop();
  });
});
