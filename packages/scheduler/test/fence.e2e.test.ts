import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOwn } from '@coxswain/apiserver/bench';
import { createClient, resources, type Client, type KubeObject } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { fromUtf8, silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Way } from './support/way.ts';

const cox = fileURLToPath(new URL('../../cli/src/edge/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'fence-'));
const host = createRealHost(silentLogger);
const nodeCount = 20;
const label = 'example.com/pool';

async function until<T>(what: string, forMs: number, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const endMs = performance.now() + forMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`${what}: not within ${forMs} ms`);
    await host.timers.sleep(20);
  }
}

let server: Awaited<ReturnType<typeof startOwn>>;
let client: Client;
let way: Way | undefined;
const schedulers: ChildProcess[] = [];

function kubeconfig(name: string, address: string): string {
  const path = join(directory, name);
  writeFileSync(path, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }], users: [{ name: 'u', user: { token: server.token } }],
  }), { mode: 0o600 });
  return path;
}

function logOf(name: string): string {
  return readFileSync(join(directory, `${name}.log`), 'utf8');
}

function startScheduler(name: string, configPath: string): ChildProcess {
  const log = openSync(join(directory, `${name}.log`), 'w');
  const flags = ['--leader-elect-lease-duration=3s', '--leader-elect-renew-deadline=2s', '--leader-elect-retry-period=500ms', '--secure-port=0'];
  const child = spawn(process.execPath, [cox, 'scheduler', `--kubeconfig=${configPath}`, ...flags], { stdio: ['ignore', log, log] });
  closeSync(log);
  schedulers.push(child);
  return child;
}

async function fencedWrites(): Promise<number> {
  const metrics = fromUtf8((await client.raw({ method: 'GET', target: '/metrics' })).body);
  return Number(/^coxswain_apiserver_fenced_writes_total\{lease="kube-system\/kube-scheduler"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

async function holder(): Promise<string> {
  return (await client.get(resources.leases, { namespace: 'kube-system', name: 'kube-scheduler' })).spec?.holderIdentity ?? '';
}

async function createPods(prefix: string, count: number, nodeSelector: Record<string, string> = {}): Promise<void> {
  const spec = { nodeSelector, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '10m' } } }] };
  await Promise.all(Array.from({ length: count }, (_, at) => client.create(resources.pods, { metadata: { name: `${prefix}-${at}`, namespace: 'default' }, spec })));
}

/** Until nothing more comes. */
async function allHeld(link: Way): Promise<void> {
  let heldBytes = -1;
  await until('all of the call has been sent', 10_000, async () => {
    heldBytes = link.heldBytes;
    await host.timers.sleep(100);
    return heldBytes === link.heldBytes ? true : undefined;
  });
}

async function labelNodes(value: string | null): Promise<void> {
  for (let at = 0; at < nodeCount; at += 1) await client.patch(resources.nodes, { name: `n${at}` }, 'merge', { metadata: { labels: { [label]: value } } });
}

beforeAll(async () => {
  server = await startOwn({ directory, members: 1, storeTls: false, nodeArguments: [], withoutAdmission: ['TaintNodesByCondition'] });
  client = createClient(host, { ...await loadKubeconfig(kubeconfig('direct', server.server)), userAgent: 'fence-test' });
  await client.create(resources.serviceaccounts, { metadata: { name: 'default', namespace: 'default' } }).catch(() => undefined);
  const allocatable = { cpu: '8', memory: '32Gi', pods: '110' };
  for (let at = 0; at < nodeCount; at += 1) await client.create(resources.nodes, { metadata: { name: `n${at}`, labels: { 'kubernetes.io/hostname': `n${at}`, [label]: 'a' } }, status: { capacity: allocatable, allocatable } });
  await createPods('late', 100, { [label]: 'a' });
  await createPods('other', 100);
});

afterAll(async () => {
  for (const child of schedulers) child.kill('SIGKILL');
  way?.close();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

test('a leader that is stopped past its lease with bindings on their way: they are refused when they arrive, and the next one binds all', async () => {
  const boundTo = new Map<string, string>();
  const twice: string[] = [];
  const watching = new AbortController();
  const { metadata: { resourceVersion } } = await client.list(resources.pods, { namespace: 'default' });
  const told = (async () => {
    for await (const { type, object } of client.watch(resources.pods, { resourceVersion, signal: watching.signal })) {
      if (type === 'ERROR' || type === 'BOOKMARK') continue;
      const name = object.metadata?.name ?? '';
      const node = object.spec?.nodeName ?? '';
      if (node !== '' && (boundTo.get(name) ?? node) !== node) twice.push(name);
      if (node !== '') boundTo.set(name, node);
    }
  })();
  const link = way = new Way(Number(new URL(server.server).port));
  // More than anything but a call with many bindings has.
  link.holdFrom(3000);
  const first = startScheduler('first', kubeconfig('slow', `https://127.0.0.1:${await link.open()}`));
  const bound = (prefix: string): number => [...boundTo.keys()].filter((name) => name.startsWith(prefix)).length;
  await until('bindings are on their way', 30_000, () => (link.heldBytes > 0 ? true : undefined));
  await allHeld(link);
  const former = await holder();
  startScheduler('second', kubeconfig('second', server.server));
  first.kill('SIGSTOP');
  // So that only who decided before can bind them.
  await labelNodes(null);
  await until('the second leads and binds', 30_000, async () => ((await holder()) !== former && bound('other') === 100 ? true : undefined));
  const left = 100 - bound('late');
  expect(left).toBeGreaterThan(10);
  expect(await fencedWrites()).toBe(0);
  link.release();
  await until('late bindings are refused', 10_000, async () => (await fencedWrites()) || undefined);
  const ended = once(first, 'exit');
  first.kill('SIGCONT');
  const [code] = await ended as [number];
  expect(code).not.toBe(0);
  expect(logOf('first')).toMatch(/another scheduler leads|leadership lost/);
  expect((await client.list(resources.pods, { namespace: 'default' })).items.filter(({ spec }) => (spec?.nodeName ?? '') === '')).toHaveLength(left);
  await labelNodes('a');
  await until('all are bound', 30_000, () => (bound('late') === 100 ? true : undefined));
  watching.abort();
  await told;
  expect(twice).toEqual([]);
}, 110_000);

const victimCount = 80;

/** A node full of pods that a more important one drives out. Resolves when their conditions and deletions are on their way. */
async function preemptSlowly(link: Way): Promise<void> {
  const nodeName = 'full';
  const labels = { 'kubernetes.io/hostname': nodeName };
  const allocatable = { cpu: '1', memory: '32Gi', pods: '110' };
  const spec = { nodeName, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '10m' } } }] };
  await client.create(resources.nodes, { metadata: { name: nodeName, labels }, status: { capacity: allocatable, allocatable } });
  const names = Array.from({ length: victimCount }, (_, index) => `victim-${index}`);
  await Promise.all(names.map((name) => client.create(resources.pods, { metadata: { name, namespace: 'default', labels: { at: nodeName } }, spec })));
  // One call for all of them, many times as large as anything else that is sent.
  link.holdFrom(5000);
  await client.create(resources.pods, { metadata: { name: 'important', namespace: 'default' }, spec: { priorityClassName: 'important', nodeSelector: labels, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] } });
  await until('deletions are on their way', 15_000, async () => (link.heldBytes > 0 ? true : undefined));
}

test('a leader that is stopped past its lease with deletions on their way: they are refused when they arrive', async () => {
  for (const child of schedulers) child.kill('SIGKILL');
  await client.create(resources.priorityclasses, { metadata: { name: 'important' }, value: 1000 } as KubeObject);
  way?.close();
  const link = way = new Way(Number(new URL(server.server).port));
  const former = await holder();
  const third = startScheduler('third', kubeconfig('third', `https://127.0.0.1:${await link.open()}`));
  const leads = await until('the third leads', 30_000, async () => { const now = await holder(); return now !== former && now !== '' ? now : undefined; });
  await preemptSlowly(link);
  await allHeld(link);
  third.kill('SIGSTOP');
  // So that the next leader drives nobody out.
  await client.delete(resources.pods, { namespace: 'default', name: 'important' }, { gracePeriodSeconds: 0 });
  const before = await fencedWrites();
  startScheduler('fourth', kubeconfig('fourth', server.server));
  await until('the fourth leads', 30_000, async () => { const now = await holder(); return now !== leads && now !== '' ? true : undefined; });
  const touched = async (): Promise<number> => (await client.list(resources.pods, { labelSelector: 'at=full' })).items.filter(({ metadata, status }) => metadata?.deletionTimestamp !== undefined || status?.conditions?.some(({ type }) => type === 'DisruptionTarget') === true).length;
  const there = async (): Promise<number> => (await client.list(resources.pods, { labelSelector: 'at=full' })).items.length;
  expect([await there(), await touched()]).toEqual([victimCount, 0]);
  link.release();
  await until('late deletions are refused', 10_000, async () => (await fencedWrites() >= before + victimCount ? true : undefined));
  const ended = once(third, 'exit');
  third.kill('SIGCONT');
  expect((await ended as [number])[0]).not.toBe(0);
  expect([await there(), await touched()]).toEqual([victimCount, 0]);
}, 110_000);
