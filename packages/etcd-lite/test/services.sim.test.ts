import { concatBytes, emptyBytes, fromUtf8, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import type { EtcdConfig } from '@coxswain/etcd-lite';
import { afterEach, describe, expect, it } from 'vitest';
import { receiveState, storeDefaults, StoreFiles } from '../src/storage/index.ts';
import { Schema } from '../src/wire/codec.ts';
import { alarmAction, alarmType, downgradeAction, type AlarmRequest, type AlarmResponse, type RangeResponse, type StatusResponse } from '../src/wire/messages.ts';
import { codecs } from '../src/wire/schema.ts';
import { callRaw, rangeRequest, refusal, streamRaw } from './support/raw-call.ts';
import { SimCluster } from './support/sim-cluster.ts';

const health = new Schema({ nested: { Request: { fields: { service: { type: 'string', id: 1 } } }, Response: { fields: { status: { type: 'uint32', id: 1 } } } } });
const healthRequest = health.codec<{ service: string }>('Request');
const healthResponse = health.codec<{ status: number }>('Response');

/** Members that have a leader, and a client's machine. */
class World {
  readonly sim: Simulation;
  readonly cluster: SimCluster;
  readonly host: Host;

  constructor(names: readonly string[], options: Partial<EtcdConfig> = {}) {
    this.sim = new Simulation({ seed: 1 });
    this.cluster = new SimCluster(this.sim, names, options);
    this.cluster.startAll();
    this.host = this.sim.start('c', 'client').host;
  }

  run<T>(story: () => Promise<T>): Promise<T> {
    const ready = async (): Promise<T> => {
      // A member answers this once it knows a leader.
      while ((await this.status().catch(() => undefined))?.leader === 0n || this.cluster.leader() === undefined) await this.host.timers.sleep(10);
      while (await refusal(this.put('ready', '1')) !== 'accepted') await this.host.timers.sleep(10);
      return story();
    };
    return this.sim.runUntil(ready(), 60_000, 'the story');
  }

  url(at = 0): string {
    return this.cluster.endpoints[at] as string;
  }

  get leaderAt(): number {
    return this.cluster.members.indexOf(this.cluster.leader() as SimCluster['members'][number]);
  }

  status(at = 0): Promise<StatusResponse> {
    return callRaw(this.host, this.url(at), '/etcdserverpb.Maintenance/Status', codecs.statusRequest, codecs.statusResponse, {});
  }

  async put(key: string, value: string): Promise<number> {
    const request = { key: utf8(key), value: utf8(value), lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
    const { header } = await callRaw(this.host, this.url(), '/etcdserverpb.KV/Put', codecs.putRequest, codecs.putResponse, request);
    return header?.revision ?? 0;
  }

  compact(revision: number, physical = false): Promise<object> {
    return callRaw(this.host, this.url(), '/etcdserverpb.KV/Compact', codecs.compactionRequest, codecs.compactionResponse, { revision, physical });
  }

  alarm(request: AlarmRequest): Promise<AlarmResponse> {
    return callRaw(this.host, this.url(), '/etcdserverpb.Maintenance/Alarm', codecs.alarmRequest, codecs.alarmResponse, request);
  }

  hashKv(revision: number, at = 0): Promise<{ readonly hash: number; readonly compactRevision: number; readonly hashRevision: number }> {
    return callRaw(this.host, this.url(at), '/etcdserverpb.Maintenance/HashKV', codecs.hashKvRequest, codecs.hashKvResponse, { revision });
  }

  moveLeader(at: number, targetID: bigint): Promise<object> {
    return callRaw(this.host, this.url(at), '/etcdserverpb.Maintenance/MoveLeader', codecs.moveLeaderRequest, codecs.moveLeaderResponse, { targetID });
  }

  async downgrade(action: number, version: string, at = 0): Promise<string> {
    return (await callRaw(this.host, this.url(at), '/etcdserverpb.Maintenance/Downgrade', codecs.downgradeRequest, codecs.downgradeResponse, { action, version })).version;
  }

  health(service: string): Promise<{ status: number }> {
    return callRaw(this.host, this.url(), '/grpc.health.v1.Health/Check', healthRequest, healthResponse, { service });
  }
}

let world: World | undefined;
function makeWorld(names: readonly string[], options?: Partial<EtcdConfig>): World {
  world = new World(names, options);
  return world;
}

afterEach(() => {
  expect(world?.cluster.failures).toEqual([]);
  world?.sim.stop();
});

describe('Maintenance', () => {
  it('Status tells what etcd 3.6 tells, with a version by which a kube-apiserver trusts watch progress', async () => {
    const w = makeWorld(['m1', 'm2', 'm3'], { quotaBackendBytes: 0 });
    await w.run(async () => {
      const { version, header, leader, raftIndex, raftAppliedIndex, raftTerm, errors, dbSize, dbSizeInUse, isLearner, dbSizeQuota } = await w.status();
      // kube-apiserver 1.32, feature_support_checker.go: at least 3.5.13 of what is not 3.4.
      const [major, minor, patch] = version.split('.').map(Number) as [number, number, number];
      expect(major * 1e6 + minor * 1e3 + patch).toBeGreaterThanOrEqual(3_005_013);
      expect(leader).toBe(w.cluster.leader()?.running?.memberId);
      expect(header).toMatchObject({ memberId: w.cluster.members[0]?.running?.memberId, revision: 2, raftTerm });
      expect(raftAppliedIndex).toBeLessThanOrEqual(raftIndex);
      expect(dbSizeInUse).toBeLessThanOrEqual(dbSize);
      // storage.DefaultQuotaBytes of etcd.
      expect([errors, isLearner, dbSizeQuota]).toEqual([[], false, 2_147_483_648]);
    });
  });

  it('Alarm is activated, listed by kind and deactivated by member and kind; Status names what is active', async () => {
    const w = makeWorld(['m1']);
    await w.run(async () => {
      const id = w.cluster.members[0]?.running?.memberId as bigint;
      const noSpace = { memberID: id, alarm: alarmType.noSpace };
      expect((await w.alarm({ action: alarmAction.activate, ...noSpace })).alarms).toEqual([noSpace]);
      expect((await w.alarm({ action: alarmAction.activate, ...noSpace })).alarms).toEqual([noSpace]);
      expect((await w.alarm({ action: alarmAction.activate, memberID: 0n, alarm: alarmType.none })).alarms).toEqual([]);
      expect((await w.alarm({ action: alarmAction.get, memberID: 0n, alarm: alarmType.none })).alarms).toEqual([noSpace]);
      expect((await w.alarm({ action: alarmAction.get, memberID: 77n, alarm: alarmType.noSpace })).alarms).toEqual([noSpace]);
      expect((await w.alarm({ action: alarmAction.get, memberID: 0n, alarm: alarmType.corrupt })).alarms).toEqual([]);
      expect((await w.status()).errors).toEqual([`memberID:${id} alarm:NOSPACE `]);
      // Member 0 is no wildcard here: etcdctl lists first and disarms one by one.
      expect((await w.alarm({ action: alarmAction.deactivate, memberID: 0n, alarm: alarmType.noSpace })).alarms).toEqual([]);
      expect((await w.alarm({ action: alarmAction.deactivate, ...noSpace })).alarms).toEqual([noSpace]);
      expect((await w.alarm({ action: alarmAction.get, memberID: 0n, alarm: alarmType.none })).alarms).toEqual([]);
    });
  });

  it('HashKV is equal on all members, differs by content, and refuses compacted and future revisions', async () => {
    const w = makeWorld(['m1', 'm2', 'm3']);
    await w.run(async () => {
      await w.put('a', '1');
      const revision = await w.put('a', '2');
      const first = await w.hashKv(revision);
      expect([first.compactRevision, first.hashRevision]).toEqual([-1, revision]);
      await w.put('a', '3');
      expect(await w.hashKv(revision)).toMatchObject({ hash: first.hash });
      expect((await w.hashKv(0)).hash).not.toBe(first.hash);
      for (const at of [1, 2]) {
        while ((await w.status(at)).header?.revision !== revision + 1) await w.host.timers.sleep(5);
        expect((await w.hashKv(revision, at)).hash).toBe(first.hash);
      }
      await w.compact(revision);
      expect(await w.hashKv(0)).toMatchObject({ compactRevision: revision, hashRevision: revision + 1 });
      expect(await refusal(w.hashKv(revision - 1))).toBe('11 etcdserver: mvcc: required revision has been compacted');
      expect(await refusal(w.hashKv(revision + 2))).toBe('11 etcdserver: mvcc: required revision is a future revision');
    });
  });

  it('MoveLeader moves it, and refuses who is not the leader and who is no member', async () => {
    const w = makeWorld(['m1', 'm2', 'm3']);
    await w.run(async () => {
      const from = w.leaderAt;
      const to = (from + 1) % 3;
      const target = w.cluster.members[to]?.running?.memberId as bigint;
      expect(await refusal(w.moveLeader(to, target))).toBe('9 etcdserver: not leader');
      expect(await refusal(w.moveLeader(from, 12345n))).toBe('9 etcdserver: bad leader transferee');
      expect(await w.moveLeader(from, target)).toEqual({ header: undefined });
      expect((await w.status(from)).leader).toBe(target);
      expect(await refusal(w.moveLeader(to, target))).toBe('accepted');
    });
  });

  it('Downgrade is validated, enabled, reported and cancelled in etcd\'s words; the cluster version follows it', async () => {
    const w = makeWorld(['m1', 'm2', 'm3']);
    await w.run(async () => {
      while ((await w.status()).storageVersion !== '3.6.0') await w.host.timers.sleep(10);
      expect(await refusal(w.downgrade(downgradeAction.validate, 'three'))).toBe('3 etcdserver: wrong downgrade target version format');
      expect(await refusal(w.downgrade(downgradeAction.validate, '3.4.0'))).toBe('3 etcdserver: invalid downgrade target version');
      expect(await refusal(w.downgrade(downgradeAction.enable, '3.6.0'))).toBe('3 etcdserver: invalid downgrade target version');
      expect(await w.downgrade(downgradeAction.validate, '3.5')).toBe('3.6');
      expect((await w.status()).downgradeInfo).toEqual({ enabled: false, targetVersion: '' });
      expect(await w.downgrade(downgradeAction.cancel, '')).toBe('3.6');
      expect(await w.downgrade(downgradeAction.enable, '3.5.0')).toBe('3.6');
      expect((await w.status()).downgradeInfo).toEqual({ enabled: true, targetVersion: '3.5.0' });
      expect(await refusal(w.downgrade(downgradeAction.enable, '3.5.0', 1))).toBe('9 etcdserver: cluster has a downgrade job in progress');
      while ((await w.status(2)).storageVersion !== '3.5.0') await w.host.timers.sleep(100);
      expect(await w.downgrade(downgradeAction.cancel, '', 1)).toBe('3.5');
      while ((await w.status(2)).storageVersion !== '3.6.0') await w.host.timers.sleep(100);
      expect((await w.status(2)).downgradeInfo).toEqual({ enabled: false, targetVersion: '' });
    });
  });

  it('the versions survive a restart from a snapshot', async () => {
    const w = makeWorld(['m1'], { snapshotCount: 5, snapshotCatchUpEntries: 0 });
    await w.run(async () => {
      await w.downgrade(downgradeAction.enable, '3.5.0');
      while ((await w.status()).storageVersion !== '3.5.0') await w.host.timers.sleep(100);
      for (let at = 0; at < 20; at += 1) await w.put('k', String(at));
      await w.host.timers.sleep(100);
      const member = w.cluster.members[0] as SimCluster['members'][number];
      w.cluster.kill(member, true);
      w.cluster.start(member);
      while (await refusal(w.put('again', '1')) !== 'accepted') await w.host.timers.sleep(10);
      expect(await w.status()).toMatchObject({ storageVersion: '3.5.0', downgradeInfo: { enabled: true, targetVersion: '3.5.0' } });
    });
  });
});

describe('grpc.health.v1', () => {
  it('knows the server as a whole and nothing else', async () => {
    const w = makeWorld(['m1']);
    await w.run(async () => {
      expect(await w.health('')).toEqual({ status: 1 });
      expect(await refusal(w.health('etcdserverpb.KV'))).toBe('5 unknown service');
      const unknown = streamRaw(w.host, w.url(), '/grpc.health.v1.Health/Watch', healthRequest, healthResponse, [{ service: 'x' }]);
      expect((await unknown.next()).value).toEqual({ status: 3 });
      const watch = streamRaw(w.host, w.url(), '/grpc.health.v1.Health/Watch', healthRequest, healthResponse, [{ service: '' }]);
      expect((await watch.next()).value).toEqual({ status: 1 });
      const next = watch.next();
      void w.cluster.members[0]?.running?.stop();
      expect((await next).value).toEqual({ status: 2 });
    });
  });
});

describe('Snapshot', () => {
  it('is a whole state with everything before it, of a length that etcd\'s clients accept, and can be read back', async () => {
    const w = makeWorld(['m1']);
    await w.run(async () => {
      for (let at = 0; at < 40; at += 1) await w.put(`s${at}`, 'x'.repeat(20_000));
      const revision = await w.put('last', 'one');
      const blobs: Uint8Array[] = [];
      const remaining: number[] = [];
      for await (const { blob, remainingBytes, version } of streamRaw(w.host, w.url(), '/etcdserverpb.Maintenance/Snapshot', codecs.snapshotRequest, codecs.snapshotResponse, [{}])) {
        blobs.push(blob);
        remaining.push(remainingBytes);
        expect(version).toBe('3.6.0');
      }
      const file = concatBytes(blobs);
      // client/v3/snapshot: hasChecksum.
      expect(file.length % 512).toBe(32);
      expect(remaining[0]).toBe(file.length - 32 - (blobs[0]?.length ?? 0));
      expect(remaining.slice(-2)).toEqual([0, 0]);
      expect(blobs.length).toBeGreaterThan(3);
      const files = await StoreFiles.open(w.host, { directory: '/restored', ...storeDefaults });
      const manifest = await receiveState(files, w.host.crypto, chunks(file), { name: 'file' });
      expect([manifest.segments.length > 0, manifest.revision]).toEqual([true, revision]);
      const broken = file.slice();
      broken[file.length >> 1] = (broken[file.length >> 1] as number) ^ 1;
      await expect(receiveState(files, w.host.crypto, chunks(broken), { name: 'broken' })).rejects.toThrow();
      await expect(receiveState(files, w.host.crypto, chunks(concatBytes([file, Uint8Array.of(0)])), { name: 'longer' })).rejects.toThrow();
    });
  });
});

async function* chunks(data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < data.length; at += 10_000) yield data.subarray(at, at + 10_000);
}

describe('a call that is not there', () => {
  it('is refused in grpc-go\'s words', async () => {
    const w = makeWorld(['m1']);
    await w.run(async () => {
      const ask = (path: string): Promise<string> => refusal(callRaw(w.host, w.url(), path, healthRequest, healthResponse, { service: '' }));
      expect(await ask('/etcdserverpb.KV/Rage')).toBe('12 unknown method Rage for service etcdserverpb.KV');
      expect(await ask('/etcdserverpb.Kv/Range')).toBe('12 unknown service etcdserverpb.Kv');
    });
  });
});

describe('RangeStream', () => {
  it('answers merged what Range answers, of one revision, in parts near the size of a request', async () => {
    const w = makeWorld(['m1'], { maxRequestBytes: 4096 });
    await w.run(async () => {
      for (let at = 0; at < 60; at += 1) await w.put(`k${String(at).padStart(2, '0')}`, 'x'.repeat(200));
      const all = rangeRequest({ key: utf8('k'), rangeEnd: utf8('l') });
      const whole = await callRaw(w.host, w.url(), '/etcdserverpb.KV/Range', codecs.rangeRequest, codecs.rangeResponse, all);
      const read = async (request: typeof all, between?: () => Promise<unknown>): Promise<RangeResponse[]> => {
        const parts: RangeResponse[] = [];
        for await (const { rangeResponse } of streamRaw(w.host, w.url(), '/etcdserverpb.KV/RangeStream', codecs.rangeRequest, codecs.rangeStreamResponse, [request])) {
          parts.push(rangeResponse);
          await between?.();
        }
        return parts;
      };
      const parts = await read(all, () => w.put('k99', 'later'));
      expect(parts.length).toBeGreaterThan(2);
      expect(parts.flatMap(({ kvs }) => kvs)).toEqual(whole.kvs);
      expect(parts.slice(0, -1).every(({ header, more, count }) => header === undefined && !more && count === 0)).toBe(true);
      expect(parts.at(-1)).toMatchObject({ header: whole.header, more: false, count: 60 });
      const limited = await read({ ...all, limit: 25, revision: whole.header?.revision as number });
      expect(limited.flatMap(({ kvs }) => kvs).map(({ key }) => fromUtf8(key))).toEqual(whole.kvs.slice(0, 25).map(({ key }) => fromUtf8(key)));
      expect(limited.at(-1)).toMatchObject({ more: true, count: 60 });
      expect(await read({ ...all, countOnly: true, revision: whole.header?.revision as number })).toMatchObject([{ kvs: [], count: 60, more: false }]);
      expect(await refusal(read({ ...all, sortOrder: 2 }))).toBe('12 RangeStream does not support custom sort orders');
      expect(await refusal(read({ ...all, minModRevision: 1 }))).toBe('12 RangeStream does not support revision filters');
      expect(await refusal(read({ ...all, key: emptyBytes }))).toBe('3 etcdserver: key is not provided');
    });
  });
});
