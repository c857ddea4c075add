import { generateKeyPairSync } from 'node:crypto';
import { isAlreadyExists, resources, type Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { expect, test } from 'vitest';
import { ControlPlane } from './control-plane.ts';

const serviceAccountKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const namespace = 'default';
const writers = 4;
/** Of a writer, between its writes. */
const pauseMs = 100;
/** The client asks who leads every half second and waits a quarter for those who hang; then comes the API server's second try. */
const afterElectionMs = 1000;
const retryMs = 20;

interface Writes {
  /** When each was answered. */
  readonly answeredMs: number[];
  /** Names that were created, each once. */
  readonly created: string[];
  increments: number;
  stopped: boolean;
}

/** Until it is done; who is not told whether it was looks. */
async function untilDone(host: Host, attempt: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await attempt().catch(() => false)) return;
    await host.timers.sleep(retryMs);
  }
}

/** Creates objects and counts in one of its own, one write at a time. */
async function write(host: Host, client: Client, name: string, writes: Writes): Promise<void> {
  const key = { namespace, name };
  const counter = { metadata: key, data: { count: '0' } };
  await untilDone(host, async () => { await client.create(resources.configmaps, counter).catch((error: unknown) => { if (!isAlreadyExists(error)) throw error; }); return true; });
  for (let at = 1; !writes.stopped; at += 1) {
    const made = `${name}-${at}`;
    await untilDone(host, async () => {
      await client.create(resources.configmaps, { metadata: { namespace, name: made } }).catch((error: unknown) => { if (!isAlreadyExists(error)) throw error; });
      return true;
    });
    writes.created.push(made);
    writes.answeredMs.push(host.clock.monotonicMs());
    await untilDone(host, async () => {
      const now = await client.get(resources.configmaps, key);
      if (Number(now.data?.['count']) < at) await client.update(resources.configmaps, { ...now, data: { count: String(Number(now.data?.['count']) + 1) } });
      return true;
    });
    writes.increments += 1;
    writes.answeredMs.push(host.clock.monotonicMs());
    await host.timers.sleep(pauseMs);
  }
}

test.each([1, 2, 3, 4, 5])('seed %d: the store\'s leader hangs; writes go on as soon as there is another, none is lost and none is done twice', async (seed) => {
  const world = new ControlPlane({ seed, apiservers: 1, nodes: 0, serviceAccountKeyPem });
  const { sim } = world;
  try {
    world.startAll();
    const writes: Writes = { answeredMs: [], created: [], increments: 0, stopped: false };
    const client = world.client('user');
    await world.until('the API server answers', 60_000, async () => (await client.get(resources.namespaces, { name: namespace })).metadata?.name === namespace);
    // Long enough for the API server to have found out who leads.
    await sim.run(11_000);
    const { host } = sim.start('writers', 'writers');
    const all = Promise.all(Array.from({ length: writers }, (_, at) => write(host, world.client(`writer-${at}`), `w${at}`, writes)));
    await sim.run(500 + sim.random.float() * 500);
    const hangs = world.storeLeader() as string;
    world.pause(hangs);
    const hangsMs = sim.nowMs;
    expect(await sim.run(10_000, () => world.storeLeader() !== undefined)).toBe(true);
    const electedMs = sim.nowMs;
    const before = writes.answeredMs.length;
    expect(await sim.run(20_000, () => writes.answeredMs.length >= before + 2 * writers)).toBe(true);
    const resumedMs = writes.answeredMs[before] as number;
    process.stdout.write(`seed ${seed}: elected after ${(electedMs - hangsMs).toFixed(0)} ms, writes go on after ${(resumedMs - hangsMs).toFixed(0)} ms\n`);
    expect(resumedMs - electedMs).toBeLessThan(afterElectionMs);
    // What it was sent before it hung reaches it now, too late.
    world.resume(hangs);
    await sim.run(1000);
    writes.stopped = true;
    await sim.runUntil(all, 60_000, 'the writers end');
    const { items } = await sim.runUntil(client.list(resources.configmaps, { namespace }), 10_000, 'the objects are listed');
    const counts = items.flatMap(({ data }) => (data?.['count'] === undefined ? [] : [Number(data['count'])]));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(writes.increments);
    const made = items.map(({ metadata }) => metadata?.name ?? '').filter((name) => /^w\d+-\d+$/.test(name));
    expect(made.toSorted()).toEqual(writes.created.toSorted());
  } finally {
    world.sim.stop();
  }
});
