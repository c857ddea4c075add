import { resources } from '@coxswain/client';
import type { ControlPlane } from '../../src/control-plane.ts';
import { openGate, pods, remove, tolerant, whenGone, type Actor } from './actors.ts';
import { cpuOfNode, nodeNames, pod, type PodKind } from './cluster.ts';
import type { Wire } from './wire.ts';

export interface Scene {
  readonly world: ControlPlane;
  readonly admin: Actor;
  readonly wire: { -readonly [K in keyof Wire]: Wire[K] };
  readonly servers: readonly string[];
}

const rivals = ['scheduler-a', 'scheduler-b'] as const;
type Rival = (typeof rivals)[number];
/** A lease that runs out, twice; what takes longer is not waited for, and the scene shows nothing. */
const leadMs = 20_000;
const patienceMs = 60_000;

async function until({ admin }: Scene, forMs: number, probe: () => Promise<boolean>): Promise<boolean> {
  const { host } = admin;
  for (const endMs = host.clock.monotonicMs() + forMs; host.clock.monotonicMs() < endMs; await host.timers.sleep(50)) if (await probe()) return true;
  return false;
}

async function leader({ admin }: Scene): Promise<Rival | undefined> {
  const lease = await tolerant(admin.client.get(resources.leases, { namespace: 'kube-system', name: 'kube-scheduler' }));
  const holder = lease?.spec?.holderIdentity ?? '';
  return rivals.find((rival) => holder.startsWith(`${rival}_`));
}

interface Roles { readonly first: Rival; readonly second: Rival }

/** One leads, and the other one knows everything and waits. */
async function roles(scene: Scene): Promise<Roles | undefined> {
  let first: Rival | undefined;
  if (!await until(scene, leadMs, async () => (first = await leader(scene)) !== undefined)) return undefined;
  const second = rivals.find((rival) => rival !== first) as Rival;
  await scene.admin.host.timers.sleep(3000);
  return await leader(scene) === first ? { first: first as Rival, second } : undefined;
}

async function make({ admin }: Scene, what: string, kind: PodKind, count: number, milliCpu: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, async (_, at) => {
    while (await tolerant(admin.client.create(resources.pods, pod(`${what}-${at}`, kind, milliCpu))) === undefined) await admin.host.timers.sleep(50);
  }));
}

async function boundCount({ admin }: Scene): Promise<number> {
  return (await pods(admin)).filter((one) => (one.spec?.nodeName ?? '') !== '').length;
}

/** All room is asked for by pods of one node each; those that get none though nothing is there. */
async function fill(scene: Scene, what: string): Promise<readonly string[]> {
  await make(scene, what, 'plain', nodeNames.length, cpuOfNode);
  await until(scene, patienceMs, async () => await boundCount(scene) === nodeNames.length);
  return (await pods(scene.admin)).filter((one) => (one.spec?.nodeName ?? '') === '').map((one) => one.metadata?.name ?? '');
}

async function removeAll(scene: Scene): Promise<void> {
  await Promise.all((await pods(scene.admin)).map((one) => remove(scene.admin, one)));
}

/** The leader's watches break, and before they are there again everything goes. */
async function blink(scene: Scene): Promise<readonly string[]> {
  const { world, servers } = scene;
  const cast = await roles(scene);
  if (cast === undefined) return [];
  await fill(scene, 'blink');
  for (const server of servers) world.sim.resetConnections(server, cast.first);
  await removeAll(scene);
  return fill(scene, 'blinked');
}

/** Everything goes while who will lead is cut off, and no server remembers what happened when it is back. */
async function hole(scene: Scene): Promise<readonly string[]> {
  const { world, servers, admin } = scene;
  const { sim } = world;
  const cast = await roles(scene);
  if (cast === undefined) return [];
  await fill(scene, 'hole');
  for (const server of servers) {
    sim.cut(server, cast.second);
    sim.resetConnections(server, cast.second);
  }
  await removeAll(scene);
  for (const server of servers) world.kill(server);
  await admin.host.timers.sleep(200);
  for (const server of servers) world.start(server);
  world.kill(cast.first);
  sim.heal();
  await until(scene, leadMs, async () => await leader(scene) === cast.second);
  const missing = await fill(scene, 'refilled');
  world.start(cast.first);
  return missing;
}

/** Who will lead is not told what the leader has bound just before its end. */
async function deaf(scene: Scene): Promise<readonly string[]> {
  const { world, admin, wire } = scene;
  const cast = await roles(scene);
  const process = cast && world.processes.get(cast.first);
  if (cast === undefined || process === undefined) return [];
  world.sim.pause(process);
  await make(scene, 'deaf', 'plain', 2 * nodeNames.length, 0.6 * cpuOfNode);
  await admin.host.timers.sleep(200);
  wire.deaf = cast.second;
  world.sim.resume(process);
  await until(scene, leadMs, async () => await boundCount(scene) >= nodeNames.length);
  world.kill(cast.first);
  await until(scene, leadMs, async () => await leader(scene) === cast.second);
  await admin.host.timers.sleep(3000);
  wire.deaf = '';
  world.start(cast.first);
  return [];
}

/** A binding of a former leader arrives where its Lease was looked at before, and the next leader has not written since. */
async function late(scene: Scene): Promise<readonly string[]> {
  const { world, admin, wire } = scene;
  const cast = await roles(scene);
  const process = cast && world.processes.get(cast.first);
  if (cast === undefined || process === undefined) return [];
  const release = async (): Promise<void> => { await Promise.all(wire.held.splice(0).map((send) => send())); };
  await openGate(admin, false);
  await make(scene, 'gated', 'gated', 1, 100);
  wire.harm = 'held';
  await make(scene, 'early', 'plain', 1, 100);
  await until(scene, leadMs, () => Promise.resolve(wire.held.length > 0));
  wire.harm = 'none';
  await release();
  // Until its sender knows.
  await admin.host.timers.sleep(3000);
  wire.harm = 'held';
  await openGate(admin, true);
  await until(scene, leadMs, () => Promise.resolve(wire.held.length > 0));
  world.sim.pause(process);
  wire.harm = 'none';
  await openGate(admin, false);
  await until(scene, leadMs, async () => await leader(scene) === cast.second);
  await release();
  world.sim.resume(process);
  await openGate(admin, true);
  return [];
}

/**
 * After the storm, states that it comes to seldom: each is reached by when connections break and processes stop, and is one that a network may
 * bring about by itself. Gives the pods that had room and got no node; all else is the judge's.
 */
export async function playScenes(scene: Scene): Promise<readonly string[]> {
  const { world: { sim }, admin } = scene;
  const missing: string[] = [];
  for (const [name, play] of Object.entries({ blink, hole, deaf, late })) {
    await sim.runUntil(whenGone(admin), patienceMs, `${name}: all pods go`);
    for (const one of await sim.runUntil(play(scene), 4 * patienceMs, name)) missing.push(one);
  }
  return missing;
}
