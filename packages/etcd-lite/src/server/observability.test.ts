import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromUtf8, readAll, silentLogger, utf8, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createMetrics } from '@coxswain/service/edge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEtcdClient, type EtcdClient } from '../client/index.ts';
import { startEtcdServer, type RunningEtcd } from './start.ts';

let directory: string;
let host: Host;
let running: RunningEtcd;
let client: EtcdClient;

async function get(target: string, method = 'GET'): Promise<{ readonly status: number; readonly text: string }> {
  const response = await host.network.fetch({ url: `http://127.0.0.1:${running.clientPorts[0]}${target}`, method });
  return { status: response.status, text: fromUtf8(await readAll(response.body)) };
}

async function post(path: string, body: object): Promise<void> {
  const response = await host.network.fetch({ url: `http://127.0.0.1:${running.clientPorts[0]}/v3/${path}`, method: 'POST', body: utf8(JSON.stringify(body)) });
  await readAll(response.body);
  expect(response.status).toBe(200);
}

/** Series by name and labels. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const { text } = await get('/metrics');
  return new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const at = line.lastIndexOf(' ');
    return [line.slice(0, at), Number(line.slice(at + 1))] as const;
  }));
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'etcd-lite-metrics-'));
  host = createRealHost(silentLogger);
  running = await startEtcdServer({
    name: 'm', dataDir: directory, clientListeners: [{ address: '127.0.0.1', port: 0 }], peerListeners: [{ address: '127.0.0.1', port: 0 }], advertiseClientUrls: [],
    initialCluster: { m: ['http://127.0.0.1:1'] }, metrics: createMetrics(), extensiveMetrics: true,
  }, host);
  client = createEtcdClient(host, { endpoints: [`http://127.0.0.1:${running.clientPorts[0]}`] });
  await client.put({ key: utf8('ready'), value: utf8('1') });
});

afterAll(async () => {
  await client.close();
  await running.stop();
  rmSync(directory, { recursive: true, force: true });
});

// server/etcdserver/api/etcdhttp/health.go of etcd 3.6.
describe('health', () => {
  it('/health is true, and false with a reason when there is an alarm that is not excluded', async () => {
    expect(await get('/health')).toEqual({ status: 200, text: '{"health":"true","reason":""}' });
    expect(await get('/health?serializable=true')).toEqual({ status: 200, text: '{"health":"true","reason":""}' });
    expect((await get('/health', 'POST')).status).toBe(405);
    await post('maintenance/alarm', { action: 'ACTIVATE', memberID: 7, alarm: 'NOSPACE' });
    expect(await get('/health')).toEqual({ status: 503, text: '{"health":"false","reason":"ALARM NOSPACE"}' });
    expect((await get('/health?exclude=CORRUPT')).status).toBe(503);
    expect((await get('/health?exclude=NOSPACE')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    await post('maintenance/alarm', { action: 'DEACTIVATE', memberID: 7, alarm: 'NOSPACE' });
    expect((await get('/health')).status).toBe(200);
  });

  it('/livez and /readyz run their checks, together or one by one', async () => {
    expect(await get('/livez')).toEqual({ status: 200, text: 'ok\n' });
    expect(await get('/livez?verbose')).toEqual({ status: 200, text: '[+]serializable_read ok\nok\n' });
    expect((await get('/readyz?verbose')).text.split('\n').toSorted()).toEqual(['', '[+]data_corruption ok', '[+]linearizable_read ok', '[+]non_learner ok', '[+]serializable_read ok', 'ok']);
    expect((await get('/readyz?verbose&exclude=linearizable_read&exclude=nonsense')).text).not.toContain('linearizable_read');
    expect(await get('/readyz/non_learner')).toEqual({ status: 200, text: 'ok\n' });
    expect((await get('/livez/linearizable_read')).status).toBe(404);
    expect((await get('/readyz', 'POST')).status).toBe(405);
    await post('maintenance/alarm', { action: 'ACTIVATE', memberID: 7, alarm: 'CORRUPT' });
    const corrupt = await get('/readyz');
    expect([corrupt.status, corrupt.text]).toEqual([503, expect.stringContaining('[-]data_corruption failed: alarm activated: CORRUPT\n')]);
    expect((await get('/livez')).status).toBe(200);
    await post('maintenance/alarm', { action: 'DEACTIVATE', memberID: 7, alarm: 'CORRUPT' });
    expect((await get('/readyz')).status).toBe(200);
  });
});

// Names: what etcd 3.4's /metrics says and the 3.6 sources add.
describe('/metrics', () => {
  it('counts what was done between two looks', async () => {
    const before = await scrape();
    for (let at = 0; at < 3; at += 1) await client.put({ key: utf8(`k${at}`), value: utf8('v') });
    await client.deleteRange({ key: utf8('k1') });
    await client.txn({ compare: [], success: [{ type: 'put', key: utf8('t'), value: utf8('1') }, { type: 'delete-range', key: utf8('k2') }], failure: [] });
    await client.range({ key: utf8('k0') });
    await client.range({ key: utf8('k0'), revision: 10_000 }).catch(() => undefined);
    const { id } = await client.leaseGrant({ ttlSeconds: 60 });
    await client.leaseRevoke(id);
    const after = await scrape();
    const grew = (name: string): number => (after.get(name) ?? Number.NaN) - (before.get(name) ?? 0);
    expect(grew('etcd_mvcc_put_total')).toBe(4);
    expect(grew('etcd_mvcc_delete_total')).toBe(2);
    expect(grew('etcd_mvcc_txn_total')).toBe(1);
    expect(grew('etcd_mvcc_range_total')).toBe(2);
    expect(grew('etcd_debugging_mvcc_current_revision')).toBe(5);
    expect([grew('etcd_debugging_lease_granted_total'), grew('etcd_debugging_lease_revoked_total')]).toEqual([1, 1]);
    expect(grew('etcd_server_proposals_applied_total')).toBe(7);
    expect(grew('etcd_disk_wal_fsync_duration_seconds_count')).toBeGreaterThanOrEqual(7);
    expect(grew('etcd_network_client_grpc_received_bytes_total')).toBeGreaterThan(0);
    expect(grew('etcd_network_client_grpc_sent_bytes_total')).toBeGreaterThan(0);
    const put = 'grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put"';
    const range = 'grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Range"';
    expect(grew(`grpc_server_started_total{${put}}`)).toBe(3);
    expect(grew(`grpc_server_handled_total{${put},grpc_code="OK"}`)).toBe(3);
    expect(grew(`grpc_server_handled_total{${range},grpc_code="OK"}`)).toBe(1);
    expect(grew(`grpc_server_handled_total{${range},grpc_code="OutOfRange"}`)).toBe(1);
    expect(grew(`grpc_server_handling_seconds_count{${put}}`)).toBe(3);
  });

  it('says who and what this member is', async () => {
    const series = await scrape();
    expect(series.get(`etcd_server_id{server_id="${running.memberId.toString(16)}"}`)).toBe(1);
    expect(series.get('etcd_server_version{server_version="3.6.16"}')).toBe(1);
    expect(series.get('etcd_cluster_version{cluster_version="3.6"}')).toBe(1);
    expect([series.get('etcd_server_has_leader'), series.get('etcd_server_is_leader'), series.get('etcd_server_is_learner'), series.get('etcd_server_quota_backend_bytes')]).toEqual([1, 1, 0, 2 ** 31]);
    expect(series.get('etcd_server_leader_changes_seen_total')).toBe(1);
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_open_fds', 'process_start_time_seconds']) expect([name, series.get(name) ?? 0]).toEqual([name, expect.toSatisfy((value: number) => value > 0)]);
  });

  it('counts watches and streams while they are there', async () => {
    const abort = new AbortController();
    const watch = client.watch({ key: utf8('w'), signal: abort.signal })[Symbol.asyncIterator]();
    await watch.next();
    const during = await scrape();
    expect([during.get('etcd_debugging_mvcc_watcher_total'), during.get('etcd_debugging_mvcc_watch_stream_total')]).toEqual([1, 1]);
    abort.abort();
  });
});
