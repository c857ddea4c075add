/**
 * One member as a process of its own, with many keys: how fast they load, what memory they take, how long a restart takes, and
 * what a write waits for while history is compacted and files are rewritten:
 *
 *   node packages/etcd-lite/scripts/million-keys.ts --keys=1000000 --value=1024
 *
 * The member is killed, not stopped, before the restart. Latencies are of puts from `--writers` clients with one request each.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { silentLogger, utf8, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createEtcdAdmin, createEtcdClient, type EtcdAdmin, type EtcdClient } from '@coxswain/etcd-lite/client';

const { values: options } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' }, value: { type: 'string', default: '1024' }, writers: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '5' }, dir: { type: 'string', default: tmpdir() }, verbose: { type: 'boolean', default: false },
  },
});

const keyCount = Number(options.keys);
const valueBytes = Number(options.value);
const batch = 100;
const member = fileURLToPath(new URL('../test/support/run-member.ts', import.meta.url));
const clientUrl = 'http://127.0.0.1:24790';
const peerUrl = 'http://127.0.0.1:24800';
const directory = mkdtempSync(join(options.dir, 'million-keys-'));

function start(): ChildProcess {
  return spawn(process.execPath, [
    member, '--name=m', `--data-dir=${directory}`, `--listen-client-urls=${clientUrl}`, `--advertise-client-urls=${clientUrl}`, `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`, `--initial-cluster=m=${peerUrl}`, '--quota-backend-bytes=8589934592',
  ], {
    stdio: ['ignore', options.verbose ? 'inherit' : 'ignore', options.verbose ? 'inherit' : 'ignore'],
    // As `./cox` starts it.
    env: { MALLOC_MMAP_THRESHOLD_: '131072', ...process.env },
  });
}

function sizeMiB(running: ChildProcess, name: string): number {
  if (running.exitCode !== null || running.signalCode !== null) return 0;
  const status = readFileSync(`/proc/${running.pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
}

/** The most since the last report, looked at ten times a second. */
let peakMiB = 0;

function memory(running: ChildProcess): string {
  const peak = Math.max(peakMiB, sizeMiB(running, 'RssAnon'));
  peakMiB = 0;
  return `RssAnon ${sizeMiB(running, 'RssAnon')} MiB, at most ${peak} MiB, RssFile ${sizeMiB(running, 'RssFile')} MiB`;
}

function say(what: string, text: string): void {
  process.stdout.write(`${what.padEnd(44)} ${text}\n`);
}

const keyOf = (number: number): Uint8Array => utf8(`/registry/things/${String(number).padStart(8, '0')}`);

/** No two alike, so that nothing may share them. */
function valueOf(number: number, round: number): Uint8Array {
  const value = new Uint8Array(valueBytes).fill(97 + (number % 26));
  value.set(utf8(`${round}/${number}/`).subarray(0, valueBytes));
  return value;
}

async function untilServed(client: EtcdClient): Promise<void> {
  for (;;) {
    try {
      await client.range({ key: keyOf(0) });
      return;
    } catch {
      // Not yet; the next attempt tells.
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  }
}

/** Writes keys from `from` to `to`, a hundred in each transaction. */
async function write(client: EtcdClient, from: number, to: number, round: number): Promise<void> {
  let next = from;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (next < to) {
      const first = next;
      next += batch;
      const success = Array.from({ length: Math.min(batch, to - first) }, (_, at) => ({ type: 'put' as const, key: keyOf(first + at), value: valueOf(first + at, round) }));
      await client.txn({ compare: [], success, failure: [] });
    }
  }));
}

/** Latencies of puts until `done`, ascending. */
async function measure(client: EtcdClient, done: Promise<unknown>): Promise<number[]> {
  const latenciesMs: number[] = [];
  let over = false;
  const end = done.finally(() => { over = true; });
  await Promise.all([end, ...Array.from({ length: Number(options.writers) }, async (_, writer) => {
    for (let number = writer; !over; number += 7919) {
      const startMs = performance.now();
      await client.put({ key: keyOf(number % keyCount), value: valueOf(number, 9) });
      latenciesMs.push(performance.now() - startMs);
    }
  })]);
  return latenciesMs.toSorted((a, b) => a - b);
}

function tell(what: string, sorted: readonly number[]): number {
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  say(what, `${sorted.length} puts, p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, longest ${at(1).toFixed(0)} ms`);
  return at(0.99);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

async function timed(what: string, action: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now();
  await action();
  say(what, seconds(performance.now() - startMs));
}

async function story(host: Host): Promise<void> {
  let running = start();
  const sampler = setInterval(() => { peakMiB = Math.max(peakMiB, sizeMiB(running, 'RssAnon')); }, 100);
  const client = createEtcdClient(host, { endpoints: [clientUrl], requestTimeoutMs: 60_000 });
  const admin: EtcdAdmin = createEtcdAdmin(host, { endpoint: clientUrl, requestTimeoutMs: 600_000 });
  try {
    await untilServed(client);
    const startMs = performance.now();
    await write(client, 0, keyCount, 0);
    const tookMs = performance.now() - startMs;
    say(`load ${keyCount} keys of ${valueBytes} bytes`, `${seconds(tookMs)}, ${Math.round(keyCount / tookMs * 1000)}/s`);
    say('  memory', memory(running));
    running.kill('SIGKILL');
    await new Promise((resolve) => { running.once('exit', resolve); });
    await timed('restart after kill -9, until a read is answered', async () => {
      running = start();
      await untilServed(client);
    });
    say('  memory', memory(running));
    const pause = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, Number(options.seconds) * 1000); });
    const quiet = tell('puts, quiet', await measure(client, pause()));
    say('  memory', memory(running));
    let snapshotBytes = 0;
    const saving = tell('puts while a snapshot is read', await measure(client, timed('  snapshot', async () => {
      for await (const { blob } of admin.snapshot(new AbortController().signal)) snapshotBytes += blob.length;
    })));
    say('  size, p99 against quiet', `${Math.round(snapshotBytes / 2 ** 20)} MiB, ${(saving / quiet).toFixed(2)} x`);
    say('  memory', memory(running));
    await timed('half of the keys written again', () => write(client, 0, Math.floor(keyCount / 2), 1));
    say('  memory', memory(running));
    const { revision } = await client.range({ key: keyOf(0) });
    const before = await admin.status();
    const busy = tell('puts during compaction and defragmentation', await measure(client, timed('  compaction and defragmentation', async () => {
      await client.compact(revision);
      await admin.defragment();
    })));
    const after = await admin.status();
    say('  files before and after', `${Math.round(before.dbSize / 2 ** 20)} MiB, ${Math.round(after.dbSize / 2 ** 20)} MiB`);
    say('  p99 against quiet', `${(busy / quiet).toFixed(2)} x`);
    say('  memory', memory(running));
  } finally {
    clearInterval(sampler);
    running.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  }
}

await story(createRealHost(silentLogger));
process.exit(0);
