import { gunzipSync, gzipSync } from 'node:zlib';
import { fromUtf8, readAll, silentLogger } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import type { Counter } from '@coxswain/service';
import { expect, test } from 'vitest';
import { AuditFailures, ignoringErrors, type AuditBackend } from './backend.ts';
import { BatchingBackend } from './batch.ts';
import type { AuditEvent } from './event.ts';
import { logBackend } from './log-backend.ts';
import { RotatingFile } from './rotating-file.ts';
import { truncating } from './truncate.ts';
import { webhookBackend } from './webhook-backend.ts';

function event(auditId: string, options: Partial<AuditEvent> = {}): AuditEvent {
  return {
    level: 'RequestResponse', auditId, stage: 'ResponseComplete', requestUri: '/x', verb: 'get', user: undefined, impersonatedUser: undefined, sourceIps: [], userAgent: '', objectRef: undefined,
    responseStatus: { code: 200 }, requestObject: undefined, responseObject: undefined, receivedMs: 0, stageMs: 0, annotations: new Map(), ...options,
  };
}

function counted(): { failures: AuditFailures; lost: Record<string, number> } {
  const lost: Record<string, number> = {};
  const counter: Counter = { inc: ({ plugin = '' } = {}, by = 1) => { lost[plugin] = (lost[plugin] ?? 0) + by; }, of: (labels) => ({ inc: (by) => counter.inc(labels, by) }) };
  return { failures: new AuditFailures(counter, silentLogger, () => 0), lost };
}

const ids = (lines: string): string[] => lines.split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as { auditID: string }).auditID);

test('a full disk loses events, counted, and leaves whole lines when there is room again', async () => {
  const sim = new Simulation({ seed: 3 });
  const { host, machine } = sim.start('a', 'server');
  const { failures, lost } = counted();
  const file = new RotatingFile(host.disk, host.clock, host.log, { path: '/log/audit.log', maxSizeBytes: 1e6, maxBackups: 0, maxAgeMs: 0 });
  const strict = logBackend(file, 'json', failures);
  const send = (id: string, to: AuditBackend): Promise<boolean> => sim.runUntil(to.process([event(id)]), 1000, 'an event');
  expect(await send('one', strict)).toBe(true);
  machine.disk.fault = 'no-space';
  expect(await send('a-much-longer-two', strict)).toBe(false);
  expect(await send('three', ignoringErrors(strict))).toBe(true);
  machine.disk.fault = undefined;
  expect(await send('four', strict)).toBe(true);
  expect(lost).toEqual({ log: 2 });
  await sim.runUntil(strict.stop(), 1000, 'the end');
  expect(ids(fromUtf8(await sim.runUntil(host.disk.readFile('/log/audit.log'), 100, 'reading')))).toEqual(['one', 'four']);
});

test('a file that is full is set aside, compressed, and the oldest go', async () => {
  const sim = new Simulation({ seed: 4 });
  const { host } = sim.start('a', 'server');
  const compress = (data: Uint8Array): Promise<Uint8Array> => Promise.resolve(gzipSync(data));
  const file = new RotatingFile(host.disk, host.clock, host.log, { path: '/log/audit.log', maxSizeBytes: 500, maxBackups: 2, maxAgeMs: 0, compress });
  const backend = logBackend(file, 'json', counted().failures);
  for (let n = 0; n < 20; n += 1) await sim.runUntil(backend.process([event(`event-${n}`)]), 1000, 'an event');
  await sim.runUntil(backend.stop(), 1000, 'the end');
  const names = await sim.runUntil(host.disk.list('/log'), 100, 'listing');
  expect(names.filter((name) => /^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log\.gz$/.test(name))).toHaveLength(2);
  expect(names).toHaveLength(3);
  const kept: string[] = [];
  for (const name of names.toSorted((a, b) => (a.endsWith('.gz') === b.endsWith('.gz') ? (a < b ? -1 : 1) : a.endsWith('.gz') ? -1 : 1))) {
    const bytes = await sim.runUntil(host.disk.readFile(`/log/${name}`), 100, 'reading');
    expect(name.endsWith('.gz') || bytes.length <= 500).toBe(true);
    kept.push(...ids(fromUtf8(name.endsWith('.gz') ? gunzipSync(bytes) : bytes)));
  }
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, n) => `event-${20 - kept.length + n}`));
});

test('a batch leaves when it is full or has waited; what a full buffer cannot take is dropped and counted', async () => {
  const sim = new Simulation({ seed: 5 });
  const { host } = sim.start('a', 'server');
  const { failures, lost } = counted();
  const batches: number[] = [];
  let open: () => void = () => {};
  const slow: AuditBackend = {
    process: async (events) => {
      batches.push(events.length);
      if (batches.length === 1) await new Promise<void>((resolve) => { open = resolve; });
      return true;
    },
    stop: () => Promise.resolve(),
  };
  const batching = new BatchingBackend(slow, { bufferSize: 5, maxBatchSize: 3, maxBatchWaitMs: 30_000, parallel: 1 }, host, failures);
  const all = Array.from({ length: 12 }, (_, n) => event(String(n)));
  for (const one of all) await batching.process([one]);
  // Three are on their way, five wait, four found no room.
  expect(batches).toEqual([3]);
  expect(lost).toEqual({ buffered: 4 });
  open();
  await sim.runUntil(host.timers.sleep(1), 10, 'a moment');
  expect(batches).toEqual([3, 3]);
  await sim.runUntil(host.timers.sleep(30_000), 40_000, 'the wait');
  expect(batches).toEqual([3, 3, 2]);
  await batching.process([event('last')]);
  await sim.runUntil(batching.stop(), 100, 'the end');
  expect(batches).toEqual([3, 3, 2, 1]);
});

test('throttled batches keep to the rate', async () => {
  const sim = new Simulation({ seed: 6 });
  const { host } = sim.start('a', 'server');
  const atMs: number[] = [];
  const inner: AuditBackend = { process: () => { atMs.push(sim.nowMs); return Promise.resolve(true); }, stop: () => Promise.resolve() };
  const batching = new BatchingBackend(inner, { bufferSize: 100, maxBatchSize: 1, maxBatchWaitMs: 0, throttle: { qps: 10, burst: 2 }, parallel: 10 }, host, counted().failures);
  const startMs = sim.nowMs;
  await batching.process(Array.from({ length: 12 }, (_, n) => event(String(n))));
  await sim.runUntil(batching.stop(), 5000, 'all of them');
  expect(atMs).toHaveLength(12);
  expect((atMs.at(-1) ?? 0) - startMs).toBeGreaterThanOrEqual(1000);
});

test('large events lose their objects, larger ones are dropped', async () => {
  const { failures, lost } = counted();
  const sent: AuditEvent[][] = [];
  const inner: AuditBackend = { process: (events) => { sent.push([...events]); return Promise.resolve(true); }, stop: () => Promise.resolve() };
  const large = JSON.stringify('x'.repeat(5000));
  const backend = truncating(inner, { maxEventSizeBytes: 1000, maxBatchSizeBytes: 700 }, failures);
  await backend.process([event('a'), event('b', { responseObject: large }), event('c', { userAgent: large }), event('d')]);
  expect(lost).toEqual({ truncate: 1 });
  expect(sent.flat().map((one) => one.auditId)).toEqual(['a', 'b', 'd']);
  expect(sent.length).toBeGreaterThan(1);
  expect(sent.flat()[1]).toMatchObject({ responseObject: undefined });
  expect(sent.flat()[1]?.annotations.get('audit.k8s.io/truncated')).toBe('true');
});

test('the webhook gets lists, again after a failure, and gives up after five times', async () => {
  const sim = new Simulation({ seed: 7 });
  const server = sim.start('hook', 'hook').host;
  const { host } = sim.start('api', 'api');
  const bodies: string[] = [];
  let failing = 2;
  await sim.runUntil(server.network.serveHttp({ address: '0.0.0.0', port: 80 }, async (request) => {
    bodies.push(`${request.headers['authorization'] as string} ${fromUtf8(await readAll(request.body))}`);
    failing -= 1;
    return { status: failing >= 0 ? 503 : 200, headers: {} };
  }), 10, 'listening');
  const { failures, lost } = counted();
  const backend = webhookBackend(host, { url: 'http://10.0.0.1:80/audit', tls: {}, bearerToken: 'secret', initialBackoffMs: 1000 }, failures);
  expect(await sim.runUntil(backend.process([event('a'), event('b')]), 60_000, 'the third try')).toBe(true);
  expect(bodies).toHaveLength(3);
  expect(bodies[2]).toMatch(/^Bearer secret \{"kind":"EventList","apiVersion":"audit.k8s.io\/v1","metadata":\{\},"items":\[\{"level":"RequestResponse","auditID":"a",.*\{"level":"RequestResponse","auditID":"b"/);
  failing = 100;
  expect(await sim.runUntil(backend.process([event('c')]), 60_000, 'giving up')).toBe(false);
  expect(bodies).toHaveLength(8);
  expect(lost).toEqual({ webhook: 1 });
});
