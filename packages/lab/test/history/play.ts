import { generateKeyPairSync } from 'node:crypto';
import { ControlPlane } from '../../src/control-plane.ts';
import { prefersLeader } from '../leader.ts';
import { Actor, type Stage } from './actor.ts';
import { judge } from './judge.ts';
import { kinds } from './kinds.ts';
import type { History } from './model.ts';
import { runReader } from './readers.ts';
import { emptyRecords, type Records } from './records.ts';
import { cutOff, flicker, storm } from './storm.ts';
import { runMayflies, runUndertaker } from './mayflies.ts';
import { followLog } from './store-log.ts';
import { Follower } from './watchers.ts';
import { runWriter, writeLast } from './writers.ts';

const serviceAccountKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const stores = ['store-1', 'store-2', 'store-3'] as const;
const settleMs = 90_000;

export interface Outcome {
  readonly faults: readonly string[];
  readonly changes: number;
  readonly records: Records;
  readonly virtualMs: number;
  readonly digest: string;
}

interface Plan { readonly apiservers: number; readonly stormMs: number; readonly compactionIntervalMs: number; readonly special: 'none' | 'holes' | 'flicker'; readonly writers: number; readonly readers: number; readonly followers: number; readonly thinkMs: number }

/**
 * Odd seeds keep all history, even ones forget what is older than some seconds; every fourth so soon that a server that is cut off for
 * a while, which is all that happens there, has missed some. In every fourth of the others it is often unknown whether something was created.
 */
function planOf(seed: number, stormMs: number): Plan {
  const special = ({ 0: 'holes', 3: 'flicker' } as const)[seed % 4] ?? 'none';
  return { apiservers: 2 + (seed % 2), stormMs, special, compactionIntervalMs: seed % 2 === 1 ? 300_000 : special === 'holes' ? 1500 : 9000, writers: 5, readers: 5, followers: 10, thinkMs: 150 };
}

async function ready(world: ControlPlane, actor: Actor): Promise<void> {
  for (let servers = 0; servers < actor.stage.servers.length;) {
    const answer = await actor.call(actor.stage.servers[servers] as string, 'GET', '/api/v1/namespaces/kube-public/configmaps');
    if (answer?.status === 200) servers += 1;
    else await actor.host.timers.sleep(200);
    if (world.sim.nowMs > settleMs) throw new Error('the servers do not become ready');
  }
}

/** Until the log, as it is followed, has everything that was acknowledged. */
async function logIsThere(actor: Actor, histories: ReadonlyMap<string, History>): Promise<void> {
  for (const kind of kinds) {
    while (!histories.get(kind.resource)?.changes.some((change) => change.now?.value === `last ${kind.resource} kube-public y`)) await actor.host.timers.sleep(100);
  }
}

/** One world, one storm, one judgement. */
export async function play(seed: number, stormMs: number): Promise<Outcome> {
  const plan = planOf(seed, stormMs);
  const world = new ControlPlane({ seed, apiservers: plan.apiservers, nodes: 0, serviceAccountKeyPem, compactionIntervalMs: plan.compactionIntervalMs, preferLeader: prefersLeader(seed) });
  const { sim } = world;
  const servers = Array.from({ length: plan.apiservers }, (_, at) => `apiserver-${at + 1}`);
  try {
    for (const name of [...stores, ...servers]) sim.machine(name);
    for (const name of [...stores, ...servers]) world.start(name);
    const stage: Stage = {
      servers, tls: { certPem: JSON.stringify({ commonName: 'admin', organizations: ['system:masters'], fingerprint: '', notAfterMs: Number.MAX_SAFE_INTEGER }) },
      records: emptyRecords(), compacts: plan.compactionIntervalMs < stormMs, newest: 0, seen: [], writes: 0, calm: false,
    };
    const actor = (name: string): Actor => new Actor(name, sim.start(name, name).host, stage);
    const log = followLog(sim.start('log', 'log').host, stores.map((name) => `http://${name}:2379`));
    log.failed.catch((error: unknown) => { stage.records.faults.push(String(error)); });
    const admin = actor('admin');
    await sim.runUntil(ready(world, admin), settleMs, 'the servers become ready');
    const untilMs = sim.nowMs + plan.stormMs;
    const followers = Array.from({ length: plan.followers }, (_, at) => new Follower(actor(`follower-${at}`)));
    const following = followers.map((follower) => follower.run());
    const working = [
      ...Array.from({ length: plan.writers }, (_, at) => runWriter(actor(`writer-${at}`), untilMs, plan.thinkMs)),
      ...Array.from({ length: plan.readers }, (_, at) => runReader(actor(`reader-${at}`), untilMs, plan.thinkMs)),
      ...(plan.special === 'flicker' ? [flicker(world, actor('storm-flicker').host, servers, stores, untilMs), runMayflies(actor('mayflies'), untilMs), ...['undertaker-1', 'undertaker-2'].map((name) => runUndertaker(actor(name), untilMs))] : []),
      // Any other fault that ends would heal the cut, or take away those who must stay connected to see what comes after it.
      ...(plan.special === 'holes'
        ? [cutOff(world, actor('storm-holes').host, servers, stores, untilMs)]
        : [storm(world, actor('storm-stores').host, stores, untilMs), storm(world, actor('storm-servers').host, servers, untilMs)]),
    ];
    await sim.runUntil(Promise.all(working), stormMs + settleMs, `seed ${seed}: the storm`);
    sim.heal();
    stage.calm = true;
    await sim.runUntil(writeLast(admin), settleMs, `seed ${seed}: the last writes`);
    await sim.runUntil(logIsThere(admin, log.histories), settleMs, `seed ${seed}: the log`);
    let settled = false;
    void Promise.all(following).then(() => { settled = true; });
    if (!(await sim.run(settleMs, () => settled))) for (const follower of followers) if (!follower.done) stage.records.faults.push(`${follower.name} never saw the last write`);
    await sim.runUntil(runReader(actor('last-reader'), sim.nowMs + 3000, plan.thinkMs), settleMs, `seed ${seed}: the last reads`);
    const changes = [...log.histories.values()].reduce((sum, history) => sum + history.changes.length, 0);
    return { faults: judge(log.histories, stage.records), changes, records: stage.records, virtualMs: sim.nowMs, digest: sim.trace.digest() };
  } finally {
    sim.stop();
  }
}
