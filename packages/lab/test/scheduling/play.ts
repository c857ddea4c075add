import { generateKeyPairSync } from 'node:crypto';
import { isAlreadyExists, resources, type Client, type KubeObject, type ResourceType } from '@coxswain/client';
import type { Simulation } from '@coxswain/host/sim';
import { defaultProfile, defaultSchedulerConfig, type SchedulerConfig } from '@coxswain/scheduler';
import type { Pod } from 'kubernetes-types/core/v1';
import { ControlPlane } from '../../src/control-plane.ts';
import { prefersLeader } from '../leader.ts';
import { storm } from '../history/storm.ts';
import { pods, remove, runBreaker, runKubelets, runGate, runRogue, runUser, openGate, settleNode, stormSchedulers, tolerant, whenGone, type Actor } from './actors.ts';
import { cpuOfNode, foreignScheduler, node, nodeNames, pod, type PodKind } from './cluster.ts';
import { judge, type Judgement } from './judge.ts';
import { followFacts } from './log.ts';
import { playScenes } from './scenes.ts';
import { onWire, type Wire } from './wire.ts';

const serviceAccountKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const stores = ['store-1', 'store-2', 'store-3'] as const;
const servers = ['apiserver-1', 'apiserver-2'] as const;
const schedulers = ['scheduler-a', 'scheduler-b', 'scheduler-other'] as const;
const settleMs = 120_000;
/** Back-off, a lease that runs out, and connections that turn out to be dead. */
const patienceMs = 90_000;

export interface Outcome extends Judgement { readonly virtualMs: number; readonly digest: string }

function configOf(name: string, identity: string): SchedulerConfig {
  const config = defaultSchedulerConfig(identity);
  const foreign = name === 'scheduler-other';
  return {
    ...config, podMaxBackoffMs: 2000, profiles: [foreign ? { ...defaultProfile, schedulerName: foreignScheduler } : defaultProfile],
    leaderElection: { ...config.leaderElection, leaseDurationMs: 4000, renewDeadlineMs: 2500, retryPeriodMs: 500, resourceName: foreign ? 'other' : config.leaderElection.resourceName },
  };
}

async function ensure<T extends KubeObject>(client: Client, type: ResourceType<T>, object: T): Promise<void> {
  for (let done = false; !done;) {
    done = await tolerant(client.create(type, object).then(() => true, (error: unknown) => {
      if (isAlreadyExists(error)) return true;
      throw error;
    })) === true;
  }
}

async function furnish(admin: Actor): Promise<void> {
  const { client, host } = admin;
  while (await tolerant(client.get(resources.namespaces, { name: 'default' })) === undefined) await host.timers.sleep(200);
  await ensure(client, resources.serviceaccounts, { metadata: { name: 'default', namespace: 'default' } });
  await ensure(client, resources.priorityclasses, { metadata: { name: 'important' }, value: 1000 } as KubeObject);
  for (const name of nodeNames) await settleNode(admin, node(name));
}

function waitingOf(all: readonly Pod[]): readonly string[] {
  return all.filter(({ spec, metadata }) => (spec?.nodeName ?? '') === '' && metadata?.deletionTimestamp === undefined).map(({ metadata }) => metadata?.name ?? '');
}

/** Which pods are still without a node when patience ends. */
async function starving(admin: Actor): Promise<readonly string[]> {
  const { host } = admin;
  for (const endMs = host.clock.monotonicMs() + patienceMs; ; await host.timers.sleep(250)) {
    const all = await pods(admin);
    const waiting = waitingOf(all);
    if ((all.length > 0 && waiting.length === 0) || host.clock.monotonicMs() > endMs) return waiting;
  }
}

/** The whole room of the cluster is asked for: whatever a scheduler believes to be taken, and is not, leaves a pod without a node. */
async function lastWave(admin: Actor): Promise<readonly string[]> {
  await whenGone(admin);
  for (const name of nodeNames) await ensure(admin.client, resources.pods, pod(`last-${name}`, 'port', cpuOfNode));
  const waiting = await starving(admin);
  await whenGone(admin);
  for (const name of nodeNames) await ensure(admin.client, resources.pods, pod(`apart-${name}`, 'apart', cpuOfNode));
  return [...waiting, ...await starving(admin)];
}

/** How many of each kind have room together, whatever is apart from what. */
const roomFor: Readonly<Record<PodKind, number>> = { plain: 3, port: 3, apart: 3, 'apart-zones': 1, spread: 3, important: 1, other: 3, gated: 1 };

/** What waits may stay as far as it has room; what is bound goes. */
async function makeRoom(admin: Actor): Promise<void> {
  const room = new Map<string, number>(Object.entries(roomFor));
  for (const one of await pods(admin)) {
    const role = one.metadata?.labels?.['role'] ?? '';
    const left = room.get(role) ?? 0;
    const waits = (one.spec?.nodeName ?? '') === '';
    if (waits) room.set(role, left - 1);
    if (!waits || left <= 0) await remove(admin, one);
  }
}

/** Without a storm, so that one and the same scheduler must come to terms with what it is answered: first with nothing, and then with refusals. */
async function rough(sim: Simulation, admin: Actor, wire: { harm: Wire['harm'] }): Promise<void> {
  wire.harm = 'late';
  const names = [...nodeNames, ...nodeNames].map((name, at) => `big-${name}-${at}`);
  for (const name of names) await sim.runUntil(ensure(admin.client, resources.pods, pod(name, 'plain', 2500)), settleMs, 'large pods');
  await sim.run(6000);
  wire.harm = 'refused';
  for (const name of names) await sim.runUntil(tolerant(admin.client.delete(resources.pods, { namespace: 'default', name }, { gracePeriodSeconds: 0 })), settleMs, 'large pods go');
  for (const name of nodeNames) await sim.runUntil(ensure(admin.client, resources.pods, pod(`small-${name}`, 'plain', 100)), settleMs, 'small pods');
  await sim.run(1500);
  wire.harm = 'none';
}

export async function play(seed: number, stormMs: number, onTrace?: (line: string) => void): Promise<Outcome> {
  const wire: { -readonly [K in keyof Wire]: Wire[K] } = { host: undefined as never, sent: [], harm: 'any', held: [], deaf: '', onLate: () => undefined, late: undefined as never };
  const world = new ControlPlane({
    seed, apiservers: servers.length, nodes: 0, serviceAccountKeyPem, preferLeader: prefersLeader(seed), schedulers, schedulerConfig: configOf, schedulerClient: (name, client) => onWire(wire, name, client),
    ...(onTrace === undefined ? {} : { onTrace }),
  });
  const { sim } = world;
  try {
    wire.host = sim.start('wire', 'wire').host;
    const late = world.client('wire-client', { certPem: JSON.stringify({ commonName: 'system:kube-scheduler', organizations: [], fingerprint: '', notAfterMs: Number.MAX_SAFE_INTEGER }) });
    wire.late = () => late;
    wire.onLate = (name) => {
      const process = world.processes.get(name);
      if (process === undefined || wire.harm !== 'any' || wire.host.random.float() < 0.3) return;
      sim.pause(process);
      void wire.host.timers.sleep(4500 + wire.host.random.float() * 4500).then(() => sim.resume(process));
    };
    for (const name of [...stores, ...servers, ...schedulers]) sim.machine(name);
    for (const name of [...stores, ...servers, ...schedulers]) world.start(name);
    const log = followFacts(sim.start('log', 'log').host, stores.map((name) => `http://${name}:2379`));
    const broken: string[] = [];
    log.failed.catch((error: unknown) => { broken.push(String(error)); });
    const actor = (name: string, untilMs: number): Actor => ({ host: sim.start(name, name).host, client: world.client(`${name}-client`), untilMs });
    const admin = actor('admin', Number.POSITIVE_INFINITY);
    await sim.runUntil(furnish(admin), settleMs, `seed ${seed}: the cluster`);
    const untilMs = sim.nowMs + stormMs;
    const kubelets = actor('kubelets', untilMs + settleMs * 10);
    void runKubelets(kubelets);
    const working = [
      runUser(actor('user-1', untilMs), 'a'), runUser(actor('user-2', untilMs), 'b'), runRogue(actor('rogue', untilMs)), runBreaker(actor('breaker', untilMs)),
      storm(world, sim.start('storm-stores', 'storm-stores').host, stores, untilMs), storm(world, sim.start('storm-servers', 'storm-servers').host, servers, untilMs),
      stormSchedulers(world, actor('storm-schedulers', untilMs), schedulers, servers), runGate(actor('gate', untilMs)),
    ];
    await sim.runUntil(Promise.all(working), stormMs + settleMs, `seed ${seed}: the storm`);
    sim.heal();
    for (const name of nodeNames) await sim.runUntil(settleNode(admin, node(name)), settleMs, `seed ${seed}: the nodes`);
    await sim.runUntil(openGate(admin, true), settleMs, `seed ${seed}: the gate`);
    await sim.runUntil(makeRoom(admin), settleMs, `seed ${seed}: room`);
    await rough(sim, admin, wire);
    const starved = [...await sim.runUntil(starving(admin), 2 * settleMs, `seed ${seed}: the rest`), ...await sim.runUntil(lastWave(admin), 4 * settleMs, `seed ${seed}: the last wave`)];
    for (const name of await playScenes({ world, admin, wire, servers })) starved.push(name);
    await sim.run(2000);
    const verdict = judge(log.facts, wire.sent);
    return { ...verdict, faults: [...broken, ...verdict.faults, ...starved.map((name) => `${name} has room and no node`)], virtualMs: sim.nowMs, digest: sim.trace.digest() };
  } finally {
    sim.stop();
  }
}
