import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createEtcdClient, EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInstalled, RealCluster } from './support/real-cluster.ts';

const missing = ['etcdctl', 'openssl'].filter((name) => !isInstalled(name));
if (missing.length > 0) console.log(`skipped: ${missing.join(' and ')} not installed`);

/** Resolves with what `act` answers as soon as it doesn't throw. */
async function eventually<T>(act: () => Promise<T>, withinMs: number): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  }
}

describe.skipIf(missing.length > 0)('three real members over mutual TLS', () => {
  let cluster: RealCluster;
  let client: EtcdClient;
  const ctl = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.etcdctl(args);
    expect(code, stderr).toBe(0);
    return stdout;
  };

  beforeAll(async () => {
    cluster = await RealCluster.create();
    cluster.startAll();
    client = createEtcdClient(createRealHost(silentLogger), { endpoints: cluster.endpoints, tls: cluster.tls });
    await eventually(() => client.put({ key: utf8('ready'), value: utf8('yes') }), 20_000);
  }, 60_000);

  afterAll(async () => {
    await client.close();
    await cluster.remove();
  });

  it('etcdctl puts, gets and deletes', async () => {
    expect(await ctl('put', 'k1', 'v1')).toBe('OK\n');
    expect(await ctl('get', 'k1')).toBe('k1\nv1\n');
    await ctl('put', 'k2', 'v2');
    expect(await ctl('get', 'k', '--prefix', '--keys-only', '--order=DESCEND')).toBe('k2\n\nk1\n\n');
    expect(await ctl('get', 'k1', 'k3', '--limit', '1', '-w', 'fields')).toMatch(/"More" : true\n"Count" : 2/);
    expect(await ctl('put', 'k1', 'v1b', '--prev-kv')).toBe('OK\nk1\nv1\n');
    expect(await ctl('del', 'k', '--prefix', '--prev-kv')).toBe('2\nk1\nv1b\nk2\nv2\n');
  });

  it('etcdctl runs transactions', async () => {
    await ctl('put', 't', '1');
    const run = async (): Promise<string> => (await cluster.etcdctl(['txn'], 'value("t") = "1"\n\nput t 2\n\nget t\n\n')).stdout;
    expect(await run()).toBe('SUCCESS\n\nOK\n');
    expect(await run()).toBe('FAILURE\n\nt\n2\n');
  });

  it('etcdctl is told of compaction in etcd\'s words', async () => {
    const header = JSON.parse(await ctl('put', 'c', '1', '-w', 'json')) as { header: { revision: number } };
    await ctl('put', 'c', '2');
    expect(await ctl('get', 'c', '--rev', String(header.header.revision))).toBe('c\n1\n');
    expect(await ctl('compact', String(header.header.revision + 1))).toBe(`compacted revision ${header.header.revision + 1}\n`);
    const late = await cluster.etcdctl(['get', 'c', '--rev', String(header.header.revision)]);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('etcdserver: mvcc: required revision has been compacted')]);
    const future = await cluster.etcdctl(['get', 'c', '--rev', '99999']);
    expect(future.stderr).toContain('etcdserver: mvcc: required revision is a future revision');
  });

  it('etcdctl grants, keeps and revokes leases, and an unkept one ends', async () => {
    const id = /lease (\w+) granted/.exec(await ctl('lease', 'grant', '60'))?.[1] as string;
    await ctl('put', 'l', '1', `--lease=${id}`);
    expect(await ctl('lease', 'keep-alive', '--once', id)).toBe(`lease ${id} keepalived with TTL(60)\n`);
    expect(await ctl('lease', 'timetolive', id, '--keys')).toMatch(/granted with TTL\(60s\), remaining\((59|60)s\), attached keys\(\[l\]\)/);
    expect(await ctl('lease', 'list')).toContain(id);
    await ctl('lease', 'revoke', id);
    expect(await ctl('get', 'l')).toBe('');
    const short = /lease (\w+) granted with TTL\(2s\)/.exec(await ctl('lease', 'grant', '2'))?.[1] as string;
    const watch = client.watch({ key: utf8('s'), signal: AbortSignal.timeout(20_000) })[Symbol.asyncIterator]();
    await watch.next();
    await ctl('put', 's', '1', `--lease=${short}`);
    await watch.next();
    expect((await watch.next()).value).toMatchObject({ events: [{ type: 'DELETE' }] });
    expect((await cluster.etcdctl(['put', 's', '1', `--lease=${short}`])).stderr).toContain('etcdserver: requested lease not found');
  });

  it('etcdctl watches, from the past too', async () => {
    const { revision } = await client.put({ key: utf8('w1'), value: utf8('a') });
    const args = ['--cacert', cluster.path('ca.crt'), '--cert', cluster.path('client.crt'), '--key', cluster.path('client.key'), '--endpoints', cluster.endpoints.join(',')];
    const child = spawn('etcdctl', [...args, 'watch', 'w', '--prefix', '--prev-kv', '--rev', String(revision)], { env: { ...process.env, ETCDCTL_API: '3' }, stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    const nine = new Promise<void>((resolve) => { createInterface({ input: child.stdout }).on('line', (line) => { lines.push(line); if (lines.length === 13) resolve(); }); });
    await ctl('put', 'w1', 'b');
    await ctl('del', 'w1');
    await nine;
    child.kill();
    await once(child, 'exit');
    // A value that there is none of is an empty line.
    expect(lines.filter((line) => line !== '')).toEqual(['PUT', 'w1', 'a', 'PUT', 'w1', 'a', 'w1', 'b', 'DELETE', 'w1', 'b', 'w1']);
  });

  it('etcdctl sees the members, their state and that they agree', async () => {
    const members = (await ctl('member', 'list')).trim().split('\n');
    expect(new Set(members.map((line) => line.split(', ')[2]))).toEqual(new Set(['one', 'two', 'three']));
    const statuses = JSON.parse(await ctl('endpoint', 'status', '-w', 'json')) as { Status: { leader: number; raftTerm: number } }[];
    expect(new Set(statuses.map((one) => one.Status.leader)).size).toBe(1);
    const health = await cluster.etcdctl(['endpoint', 'health']);
    expect(health.stderr.match(/is healthy/g)).toHaveLength(3);
    const hashes = JSON.parse(await ctl('endpoint', 'hashkv', '-w', 'json')) as { HashKV: { hash: number } }[];
    expect(new Set(hashes.map((one) => one.HashKV.hash)).size).toBe(1);
  });

  it('without a certificate nobody gets in', async () => {
    const stranger = createEtcdClient(createRealHost(silentLogger), { endpoints: cluster.endpoints, tls: { caPem: cluster.tls.caPem as string }, requestTimeoutMs: 1000 });
    await expect(stranger.range({ key: utf8('ready') })).rejects.toBeInstanceOf(EtcdError);
    await stranger.close();
  });

  it('kill -9 of each leader in turn: writes go on, none that was answered is missing, a watch has neither gap nor repeat', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    let from = (await client.put({ key: utf8('n/start'), value: utf8('') })).revision + 1;
    const first = from;
    const watching = (async () => {
      while (!stop.signal.aborted) {
        try {
          for await (const batch of client.watch({ key: utf8('n/'), rangeEnd: utf8('n0'), startRevision: from, signal: stop.signal })) {
            for (const event of batch.events) seen.push(event.kv.modRevision);
            if (batch.events.length > 0) from = batch.revision + 1;
          }
        } catch (error) {
          if (!(error instanceof EtcdError)) throw error;
        }
      }
    })();
    const acknowledged = new Map<string, number>();
    let written = 0;
    let longestGapMs = 0;
    let writing = true;
    const writer = (async () => {
      let last = Date.now();
      while (writing) {
        written += 1;
        try {
          const { revision } = await client.put({ key: utf8(`n/${written}`), value: utf8(String(written)) });
          acknowledged.set(`n/${written}`, revision);
          longestGapMs = Math.max(longestGapMs, Date.now() - last);
          last = Date.now();
        } catch (error) {
          if (!(error instanceof EtcdError)) throw error;
        }
      }
    })();
    for (let round = 0; round < 3; round += 1) {
      const enough = acknowledged.size + 200;
      await eventually(async () => { if (acknowledged.size < enough) throw new Error(`${acknowledged.size} writes\n${cluster.logs()}`); }, 30_000);
      const { leader } = await client.status();
      const leading = (await client.memberList()).find((member) => member.id === leader)?.name;
      const victim = cluster.members.find((member) => member.name === leading);
      expect(victim).toBeDefined();
      if (victim === undefined) return;
      await cluster.kill(victim);
      const afterKill = acknowledged.size + 50;
      await eventually(async () => { if (acknowledged.size < afterKill) throw new Error(`${acknowledged.size} writes\n${cluster.logs()}`); }, 30_000);
      cluster.start(victim);
    }
    writing = false;
    await writer;
    const { kvs, revision } = await client.range({ key: utf8('n/'), rangeEnd: utf8('n0') });
    const stored = new Map(kvs.map((kv) => [fromUtf8(kv.key), kv.modRevision]));
    for (const [key, at] of acknowledged) expect(stored.get(key), key).toBe(at);
    await eventually(async () => { if ((seen.at(-1) ?? 0) < revision) throw new Error(`watched up to ${seen.at(-1)} of ${revision}`); }, 20_000);
    stop.abort();
    await watching;
    expect(seen).toEqual(kvs.map((kv) => kv.modRevision).filter((at) => at >= first).toSorted((a, b) => a - b));
    console.log(`${acknowledged.size} writes acknowledged over three kills; longest pause ${longestGapMs} ms`);
    // The one that was started last may still be catching up.
    await eventually(async () => {
      const answer = await ctl('endpoint', 'hashkv', '-w', 'json');
      const hashes = JSON.parse(answer) as { HashKV: { hash: number } }[];
      if (hashes.length !== 3 || new Set(hashes.map((one) => one.HashKV.hash)).size !== 1) throw new Error(answer);
    }, 20_000);
  });
});
