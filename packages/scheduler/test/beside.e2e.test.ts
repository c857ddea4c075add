import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startOwn } from '@coxswain/apiserver/bench';
import { createClient, createInformerFactory, resources, type Client, type Informer } from '@coxswain/client';
import { makeCertificates } from '@coxswain/etcd-lite/bench';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { Event, Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';

const cox = fileURLToPath(new URL('../../cli/src/edge/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'schedulers-'));
const tls = (name: string): string => join(directory, 'tls', name);
const host = createRealHost(silentLogger);
const stopping = new AbortController();
const children: ChildProcess[] = [];
const asked: string[] = [];
let server: Awaited<ReturnType<typeof startOwn>>;
let client: Client;
let pods: Informer<Pod>;
let events: Informer<Event>;

function run(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  return child;
}

async function startExtender(): Promise<number> {
  const child = run([fileURLToPath(new URL('extender/main.ts', import.meta.url)), tls('member.crt'), tls('member.key'), tls('ca.crt')]);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [first] = await once(lines, 'line') as [string];
  lines.on('line', (line) => { asked.push(line); });
  return Number(first.split(' ')[1]);
}

function startScheduler(name: string, configuration: Readonly<Record<string, unknown>>): void {
  const file = (suffix: string, content: unknown): string => {
    const path = join(directory, `${name}.${suffix}`);
    writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
    return path;
  };
  const kubeconfig = file('kubeconfig', {
    apiVersion: 'v1', kind: 'Config', 'current-context': 'x', contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    clusters: [{ name: 'x', cluster: { server: server.server, 'insecure-skip-tls-verify': true } }], users: [{ name: 'x', user: { token: server.token } }],
  });
  const config = file('json', { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration', clientConnection: { kubeconfig }, ...configuration });
  run([cox, 'scheduler', `--config=${config}`, '--secure-port=0']).stdout?.resume();
}

function pod(name: string, schedulerName: string): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { schedulerName, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '100m' } } }] } };
}

function until(informer: Informer<Pod> | Informer<Event>, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => { if (holds()) resolve(); };
    informer.addHandler({ added: check, updated: check });
    check();
  });
}

const podsOf = (prefix: string): readonly Pod[] => pods.lister.list().filter(({ metadata }) => metadata?.name?.startsWith(prefix));

beforeAll(async () => {
  mkdirSync(join(directory, 'tls'));
  makeCertificates(join(directory, 'tls'));
  server = await startOwn({ directory, members: 1, storeTls: false, nodeArguments: [], withoutAdmission: ['TaintNodesByCondition', 'ServiceAccount'] });
  client = createClient(host, { server: server.server, userAgent: 'test', tls: { insecureSkipVerify: true }, bearerToken: server.token });
  const port = await startExtender();
  startScheduler('first', {
    profiles: [{ schedulerName: 'default-scheduler' }, { schedulerName: 'packer', pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type: 'MostAllocated' } } }] }],
    extenders: [{ urlPrefix: `https://127.0.0.1:${port}/v1`, filterVerb: 'filter', prioritizeVerb: 'prioritize', weight: 100, enableHTTPS: true, tlsConfig: { caFile: tls('ca.crt'), certFile: tls('client.crt'), keyFile: tls('client.key') } }],
  });
  startScheduler('second', { leaderElection: { resourceName: 'other' }, profiles: [{ schedulerName: 'other' }] });
  for (const [name, color] of [['n1', 'blue'], ['n2', 'blue'], ['n3', 'red']] as const) {
    const room = { cpu: '4', memory: '8Gi', pods: '110' };
    await client.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { color, 'kubernetes.io/hostname': name } }, status: { capacity: room, allocatable: room } });
  }
  const factory = createInformerFactory(host, client);
  pods = factory.informer(resources.pods);
  events = factory.informer(resources.events);
  await factory.start(stopping.signal);
}, 60_000);

afterAll(async () => {
  stopping.abort();
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).map((child) => once(child, 'exit')));
  await server.close();
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

test('three schedulers of two processes place their own pods; a real extender over HTTPS has its say in those of one process', async () => {
  const names = ['default-scheduler', 'packer', 'other', 'nobody'] as const;
  for (let at = 0; at < 4; at += 1) for (const name of names) await client.create(resources.pods, pod(`${name}-${at}`, name));
  await until(pods, () => names.slice(0, 3).every((name) => podsOf(name).filter(({ spec }) => (spec?.nodeName ?? '') !== '').length === 4));
  const nodesOf = (prefix: string): Set<string | undefined> => new Set(podsOf(prefix).map(({ spec }) => spec?.nodeName));
  // Ten points at a weight of a hundred outweigh every plugin.
  expect([nodesOf('default-scheduler'), nodesOf('packer')]).toEqual([new Set(['n2']), new Set(['n2'])]);
  expect(nodesOf('other')).toContain('n3');
  expect(nodesOf('nobody')).toEqual(new Set([undefined]));
  expect(new Set(asked.map((line) => line.replace(/-\d$/, '')))).toEqual(new Set(['/v1/filter default-scheduler', '/v1/filter packer', '/v1/prioritize default-scheduler', '/v1/prioritize packer']));
  for (const leaseName of ['kube-scheduler', 'other']) {
    expect((await client.get(resources.leases, { namespace: 'kube-system', name: leaseName })).spec?.holderIdentity).not.toBe('');
  }
}, 60_000);

test('events say which scheduler speaks', async () => {
  const scheduled = (): readonly Event[] => events.lister.list().filter(({ reason }) => reason === 'Scheduled');
  await until(events, () => scheduled().length === 12);
  for (const { involvedObject, reportingComponent, message, type } of scheduled()) {
    expect(involvedObject.name?.replace(/-\d$/, '')).toBe(reportingComponent);
    expect(message).toMatch(/^Successfully assigned default\/.*-\d to n[123]$/);
    expect(type).toBe('Normal');
  }
}, 30_000);
