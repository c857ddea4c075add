import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOwn } from '@coxswain/apiserver/bench';
import { createClient, createInformerFactory, resources, type Client, type Informer, type KubeObject, type ResourceType } from '@coxswain/client';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Way } from './support/way.ts';

const cox = fileURLToPath(new URL('../../cli/src/edge/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'gang-killed-'));
const host = createRealHost(silentLogger);
const stopping = new AbortController();
/** As many as one transaction of the store takes. */
const members = 100;
const groupLabel = 'scheduling.x-k8s.io/pod-group';
const podGroups: ResourceType<KubeObject> = { group: 'scheduling.x-k8s.io', version: 'v1alpha1', resource: 'podgroups', kind: 'PodGroup', namespaced: true };
const definitions: ResourceType<KubeObject> = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false };

let server: Awaited<ReturnType<typeof startOwn>>;
let client: Client;
let pods: Informer<Pod>;
let leases: Informer<Lease>;
let schedulers: ChildProcess[] = [];
let started = 0;

/** Resolves when it holds, asked at each change. */
function until<T extends KubeObject>(informer: Informer<T>, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => { if (holds()) resolve(); };
    informer.addHandler({ added: check, updated: check, deleted: check });
    check();
  });
}

const isBound = ({ spec }: Pod): boolean => (spec?.nodeName ?? '') !== '';
const gangOf = (name: string): readonly Pod[] => pods.lister.list().filter(({ metadata }) => metadata?.labels?.[groupLabel] === name);
const lease = (): Lease['spec'] => leases.lister.get({ namespace: 'kube-system', name: 'kube-scheduler' })?.spec;

/** Resolves when it leads. */
async function startScheduler(address: string): Promise<ChildProcess> {
  started += 1;
  const [kubeconfig, config] = [join(directory, `${started}.kubeconfig`), join(directory, `${started}.config`)];
  writeFileSync(kubeconfig, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }], users: [{ name: 'u', user: { token: server.token } }],
  }), { mode: 0o600 });
  writeFileSync(config, JSON.stringify({
    apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration', clientConnection: { kubeconfig }, leaderElection: { leaseDuration: '3s', renewDeadline: '2s', retryPeriod: '500ms' },
    profiles: [{ plugins: { multiPoint: { enabled: [{ name: 'Coscheduling' }] }, queueSort: { enabled: [{ name: 'Coscheduling' }], disabled: [{ name: '*' }] } } }],
  }));
  const former = lease()?.holderIdentity;
  const child = spawn(process.execPath, [cox, 'scheduler', `--config=${config}`, '--secure-port=0'], { stdio: 'ignore' });
  schedulers.push(child);
  await until(leases, () => (lease()?.holderIdentity ?? '') !== '' && lease()?.holderIdentity !== former);
  return child;
}

async function killAll(): Promise<void> {
  const ended = schedulers.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).map((child) => once(child, 'exit'));
  for (const child of schedulers) child.kill('SIGKILL');
  await Promise.all(ended);
  schedulers = [];
}

beforeAll(async () => {
  server = await startOwn({ directory, members: 1, storeTls: false, nodeArguments: [], withoutAdmission: ['TaintNodesByCondition'] });
  client = createClient(host, { server: server.server, userAgent: 'test', tls: { insecureSkipVerify: true }, bearerToken: server.token });
  const [definition] = parseAllDocuments(readFileSync(fileURLToPath(new URL('../manifests/pod-groups.yaml', import.meta.url)), 'utf8'));
  await client.create(definitions, definition?.toJSON() as KubeObject);
  const factory = createInformerFactory(host, client);
  [pods, leases] = [factory.informer(resources.pods), factory.informer(resources.leases)];
  const kinds = factory.informer(definitions);
  await factory.start(stopping.signal);
  const isEstablished = (kind: KubeObject): boolean => (kind as { status?: { conditions?: { type: string; status: string }[] } }).status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') === true;
  await until(kinds, () => kinds.lister.list().some(isEstablished));
  const allocatable = { cpu: '64', memory: '128Gi', pods: '500' };
  for (const name of ['n1', 'n2', 'n3']) await client.create(resources.nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name } }, status: { capacity: allocatable, allocatable } });
}, 60_000);

afterAll(async () => {
  stopping.abort();
  await killAll();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

async function createGang(name: string): Promise<void> {
  await client.create(podGroups, { apiVersion: 'scheduling.x-k8s.io/v1alpha1', kind: 'PodGroup', metadata: { name, namespace: 'default' }, spec: { minMember: members } } as KubeObject);
  const spec = { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '100m' } } }] };
  await Promise.all(Array.from({ length: members }, (_, at) => client.create(resources.pods, { metadata: { name: `${name}-${at}`, namespace: 'default', labels: { [groupLabel]: name } }, spec })));
}

/** How much of the call gets through before the leader is killed, and by whom the gang is bound then. */
test.each<[string, (way: Way) => void, 'the next' | 'either']>([
  ['nothing of the call has arrived', () => undefined, 'the next'],
  ['a part of the call has arrived', (way) => { way.letThrough(Math.floor(way.heldBytes / 2)); }, 'the next'],
  ['the call has just been sent', (way) => { way.release(); }, 'either'],
])('a leader is killed in the middle of binding a gang, when %s: all of it is bound in one revision of the store, or none', async (title, letThrough, binder) => {
  const name = title.replaceAll(' ', '-').slice(0, 40);
  // By pod: where, and at which revision of the store.
  const bindings = new Map<string, { readonly node: string; readonly revision: string }>();
  const twice: string[] = [];
  pods.addHandler({ updated: (_before, pod) => {
    const [key, node] = [pod.metadata?.name ?? '', pod.spec?.nodeName ?? ''];
    if (node === '' || pod.metadata?.labels?.[groupLabel] !== name) return;
    if ((bindings.get(key)?.node ?? node) !== node) twice.push(key);
    if (!bindings.has(key)) bindings.set(key, { node, revision: pod.metadata.resourceVersion ?? '' });
  } });
  const way = new Way(Number(new URL(server.server).port));
  const leader = await startScheduler(`https://127.0.0.1:${await way.open()}`);
  // More than anything but a call with a hundred bindings has.
  way.holdFrom(7000);
  await createGang(name);
  await way.firstHeld;
  expect(gangOf(name).filter(isBound)).toEqual([]);
  letThrough(way);
  const ended = once(leader, 'exit');
  leader.kill('SIGKILL');
  await ended;
  if (binder === 'the next') expect(gangOf(name).filter(isBound)).toEqual([]);
  way.close();
  await startScheduler(server.server);
  await until(pods, () => gangOf(name).length === members && gangOf(name).every(isBound));
  expect(twice).toEqual([]);
  expect(bindings.size).toBe(members);
  expect(new Set([...bindings.values()].map(({ revision }) => revision)).size).toBe(1);
  await killAll();
  // The next leader has nothing to say of it.
  await client.delete(podGroups, { namespace: 'default', name });
  await Promise.all(gangOf(name).map((pod) => client.delete(resources.pods, { namespace: 'default', name: pod.metadata?.name ?? '' }, { gracePeriodSeconds: 0 })));
  await until(pods, () => gangOf(name).length === 0);
}, 60_000);
