import { generateKeyPairSync } from 'node:crypto';
import { resources, type Client, type KubeObject } from '@coxswain/client';
import { createEtcdClient, EtcdError } from '@coxswain/etcd-lite/client';
import { fromUtf8, utf8, type Host } from '@coxswain/host';
import type { Deployment } from 'kubernetes-types/apps/v1';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { ControlPlane } from './control-plane.ts';

const serviceAccountKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

const stormMs = 60_000;
const deploymentNames = ['a', 'b', 'c'] as const;
const replicas = 4;

function deployment(name: string): Deployment {
  return {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'example.com/c:1' }] } } },
  };
}

/** Kills, cuts, heals and sets dates. One store member at most is down at a time; everything comes back in the end. */
async function storm(world: ControlPlane, host: Host, untilMs: number): Promise<void> {
  const { sim } = world;
  const names = world.names();
  const pick = (from: readonly string[]): string => from[sim.random.uint32() % from.length] as string;
  while (host.clock.monotonicMs() < untilMs) {
    await host.timers.sleep(200 + sim.random.float() * 3000);
    const victim = pick(names);
    if (sim.random.float() < 0.1) {
      sim.machine(victim).clockOffsetMs = (sim.random.float() - 0.5) * 60_000;
    } else if (sim.random.float() < 0.6) {
      world.kill(victim, { powerCut: sim.random.float() < 0.5 });
      await host.timers.sleep(sim.random.float() * 5000);
      world.start(victim);
    } else {
      const others = names.filter((name) => name !== victim);
      if (sim.random.float() < 0.6) sim.partition([victim], others);
      else sim.cut(victim, pick(others), { oneWay: sim.random.float() < 0.5 });
      await host.timers.sleep(sim.random.float() * 8000);
      sim.heal();
    }
  }
  sim.heal();
}

interface Told { readonly acknowledged: Map<string, string>; readonly faults: string[] }

/** Creates and changes objects of its own, and lists: what it was told must never be taken back. */
async function user(client: Client, host: Host, name: string, untilMs: number, told: Told): Promise<void> {
  let listed = 0;
  const revisions = new Map<string, number>();
  for (let count = 0; host.clock.monotonicMs() < untilMs; count += 1) {
    await host.timers.sleep(host.random.float() * 700);
    const key = `${name}-${Math.floor(count / 3)}`;
    const object: ConfigMap = { metadata: { name: key, namespace: 'default' }, data: { value: String(count) } };
    try {
      const made: KubeObject = count % 3 === 0 ? await client.create(resources.configmaps, object) : await client.patch(resources.configmaps, { namespace: 'default', name: key }, 'merge', { data: object.data });
      const revision = Number(made.metadata?.resourceVersion);
      if (revision <= (revisions.get(key) ?? 0)) told.faults.push(`${key}: written at ${revision} after ${revisions.get(key)}`);
      revisions.set(key, revision);
      told.acknowledged.set(key, String(count));
      const read = await client.get(resources.configmaps, { namespace: 'default', name: key });
      if (Number(read.metadata?.resourceVersion) < revision) told.faults.push(`${key}: read ${read.metadata?.resourceVersion} after writing ${revision}`);
      const list = await client.list(resources.configmaps, { namespace: 'default' });
      const at = Number(list.metadata.resourceVersion);
      if (at < Math.max(listed, revision)) told.faults.push(`${name}: list at ${at} after ${listed} and ${revision}`);
      listed = at;
      if (!list.items.some((item) => item.metadata?.name === key)) told.faults.push(`${name}: list at ${at} without ${key}`);
    } catch (error) {
      // Unknown: it may have been done, so nothing is claimed of this key any more.
      host.log.info('user failed', { key, error: String(error) });
      told.acknowledged.delete(key);
    }
  }
}

/**
 * The informer's way: revisions must grow, whichever API server tells them. Bindings that were stored together have one revision: of such a
 * one all objects are told, each once, and all of them again to a watch that goes on from it.
 */
async function watcher(client: Client, host: Host, told: Told, signal: AbortSignal): Promise<void> {
  let resourceVersion = '';
  const seen = new Map<string, { readonly revision: number; readonly gone: boolean }>();
  let at = 0;
  let together = new Set<string>();
  let repeated: string | undefined;
  while (!signal.aborted) {
    try {
      if (resourceVersion === '') resourceVersion = (await client.list(resources.pods, {})).metadata.resourceVersion ?? '';
      at = Math.max(at, Number(resourceVersion));
      together = new Set();
      for await (const event of client.watch(resources.pods, { resourceVersion, allowWatchBookmarks: true, timeoutSeconds: 20, signal })) {
        if (event.type === 'ERROR') { resourceVersion = ''; break; }
        const revision = Number(event.object.metadata?.resourceVersion);
        const uid = event.object.metadata?.uid ?? 'bookmark';
        if (revision < at || (event.type !== 'BOOKMARK' && revision === at && together.has(uid))) told.faults.push(`watch: ${event.type} of ${uid} at ${revision} after ${at}`);
        if (revision > at) {
          if (repeated !== undefined && together.size < 2) told.faults.push(`watch: ${repeated} was told again at ${at}`);
          together = new Set();
          repeated = undefined;
        } else if (event.type !== 'BOOKMARK' && together.size === 0) repeated = uid;
        if (event.type !== 'BOOKMARK') {
          together.add(uid);
          if (event.type === 'ADDED' && seen.get(uid) !== undefined) told.faults.push(`watch: ${uid} was added twice`);
          seen.set(uid, { revision, gone: event.type === 'DELETED' });
        }
        at = revision;
        resourceVersion = String(revision);
      }
    } catch (error) {
      host.log.info('watch broke', { error: String(error), resourceVersion });
      await host.timers.sleep(200);
    }
  }
}

/** All states that pods ever had, from the store itself. */
async function bindings(world: ControlPlane, host: Host): Promise<readonly string[]> {
  const client = createEtcdClient(host, { endpoints: ['store-1', 'store-2', 'store-3'].map((name) => `http://${name}:2379`) });
  const key = utf8('/registry/pods/');
  let last = 0;
  for (let tries = 0; last === 0; tries += 1) {
    try {
      last = (await client.range({ key, rangeEnd: utf8('/registry/pods0'), countOnly: true })).revision;
    } catch (error) {
      if (!(error instanceof EtcdError) || tries > 20) throw error;
      await host.timers.sleep(500);
    }
  }
  const nodes = new Map<string, string>();
  const faults: string[] = [];
  const end = new AbortController();
  void host.timers.sleep(1000).then(() => { end.abort(); });
  for await (const batch of client.watch({ key, rangeEnd: utf8('/registry/pods0'), startRevision: 1, signal: end.signal })) {
    if (batch.canceled === true) throw new Error('history is gone');
    for (const { type, kv } of batch.events) {
      if (type !== 'PUT') continue;
      const pod = JSON.parse(fromUtf8(kv.value)) as Pod;
      const uid = pod.metadata?.uid ?? '';
      const bound = nodes.get(uid) ?? '';
      const now = pod.spec?.nodeName ?? '';
      if (bound !== '' && now !== bound) faults.push(`pod ${pod.metadata?.name} was bound to ${bound} and then to ${now}`);
      if (now !== '') nodes.set(uid, now);
    }
  }
  expect(nodes.size, `seed: no pod was ever bound up to ${last}`).toBeGreaterThan(0);
  return faults;
}

async function converged(client: Client): Promise<boolean> {
  const pods = (await client.list(resources.pods, { namespace: 'default' })).items;
  for (const name of deploymentNames) {
    const { status, metadata } = await client.get(resources.deployments, { namespace: 'default', name });
    if (status?.readyReplicas !== replicas || status.observedGeneration !== metadata?.generation) return false;
    if (pods.filter((pod) => pod.metadata?.labels?.['app'] === name && pod.metadata.deletionTimestamp === undefined).length !== replicas) return false;
  }
  return true;
}

async function story(seed: number): Promise<{ readonly acknowledged: number; readonly virtualMs: number }> {
  const world = new ControlPlane({ seed, apiservers: 2, nodes: 3, serviceAccountKeyPem });
  const stop = new AbortController();
  try {
    world.startAll();
    const admin = world.client('admin');
    await world.until('three nodes are Ready', 120_000, async () => (await admin.list(resources.nodes)).items.filter((node) => node.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True')).length === 3);
    for (const name of deploymentNames.slice(0, 2)) await world.until('a deployment is made', 60_000, async () => (await admin.create(resources.deployments, deployment(name))).metadata?.name === name);
    const told: Told = { acknowledged: new Map(), faults: [] };
    const endMs = world.sim.nowMs + stormMs;
    const host = (name: string): Host => world.sim.start(name, name).host;
    const users = ['u1', 'u2'].map((name) => user(world.client(name), host(`${name}-clock`), name, endMs, told));
    let broken: unknown;
    watcher(world.client('w'), host('w-clock'), told, stop.signal).catch((error: unknown) => { broken = error; });
    await world.sim.runUntil(Promise.all([storm(world, host('nemesis'), endMs), ...users]), stormMs + 120_000, 'the storm');
    await world.until('the last deployment is made', 120_000, async () => {
      const found = await admin.get(resources.deployments, { namespace: 'default', name: 'c' }).catch(() => undefined);
      return (found ?? await admin.create(resources.deployments, deployment('c'))).metadata?.name === 'c';
    });
    await world.until('every deployment has its replicas', 480_000, () => converged(admin));
    const there = new Map<string, string | undefined>();
    await world.until('what is there', 60_000, async () => {
      for (const { metadata, data } of (await admin.list(resources.configmaps, { namespace: 'default' })).items) there.set(metadata?.name ?? '', data?.['value']);
      return true;
    });
    for (const [key, value] of told.acknowledged) expect(there.get(key), `seed ${seed}: ${key} was acknowledged`).toBe(value);
    expect(told.faults, `seed ${seed}`).toEqual([]);
    expect(broken, `seed ${seed}`).toBeUndefined();
    expect(await world.sim.runUntil(bindings(world, host('judge')), 60_000, 'the history of pods'), `seed ${seed}`).toEqual([]);
    return { acknowledged: told.acknowledged.size, virtualMs: world.sim.nowMs };
  } finally {
    stop.abort();
    world.sim.stop();
  }
}

/** `LAB_SIM_SEEDS=100-200` searches further. */
function seeds(): readonly number[] {
  const [from, to] = (process.env['LAB_SIM_SEEDS'] ?? '1-3').split('-').map(Number) as [number, number];
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

test.each(seeds())('seed %d: kills and cuts of any component lose nothing, bind nothing twice, and heal', async (seed) => {
  const { acknowledged, virtualMs } = await story(seed);
  process.stdout.write(`seed ${seed}: ${acknowledged} acknowledged, ${(virtualMs / 1000).toFixed(1)} s of virtual time\n`);
  expect(acknowledged).toBeGreaterThan(5);
});
