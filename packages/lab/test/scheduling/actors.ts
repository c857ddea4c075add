import { ApiError, resources, type Client } from '@coxswain/client';
import { NetworkError, type Host } from '@coxswain/host';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { ControlPlane } from '../../src/control-plane.ts';
import { cpuOfNode, gateLabel, milliCpuOf, node, nodeNames, pod, podKinds, restlessNodes, stableNodes } from './cluster.ts';

export interface Actor { readonly host: Host; readonly client: Client; readonly untilMs: number }

/** Whatever the server says, or does not say: who tries again reads first. */
export async function tolerant<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApiError || error instanceof NetworkError) return undefined;
    throw error;
  }
}

function chooser(host: Host) {
  return {
    chance: (of: number): boolean => host.random.float() < of,
    below: (count: number): number => Math.floor(host.random.float() * count),
    pick: <T>(from: readonly T[]): T => from[Math.floor(host.random.float() * from.length)] as T,
  };
}

async function while_({ host, untilMs }: Actor, everyMs: number, turn: () => Promise<unknown>): Promise<void> {
  while (host.clock.monotonicMs() < untilMs) {
    await host.timers.sleep(host.random.float() * everyMs);
    await turn();
  }
}

export async function pods({ client }: Pick<Actor, 'client'>): Promise<readonly Pod[]> {
  return (await tolerant(client.list(resources.pods, { namespace: 'default' })))?.items ?? [];
}

export function remove({ client }: Pick<Actor, 'client'>, { metadata }: Pod): Promise<void | undefined> {
  const key = { namespace: 'default', name: metadata?.name ?? '' };
  return tolerant(client.delete(resources.pods, key, { gracePeriodSeconds: 0, preconditions: { uid: metadata?.uid ?? '' } }));
}

/** Makes pods, several at once, and deletes some: bound ones, waiting ones and those that are just being bound. */
export function runUser(actor: Actor, name: string): Promise<void> {
  const { below, chance, pick } = chooser(actor.host);
  let made = 0;
  return while_(actor, 700, async () => {
    if (chance(0.45)) {
      const doomed = pick(await pods(actor));
      if (doomed !== undefined) await remove(actor, doomed);
      return;
    }
    const count = 1 + below(5);
    await Promise.all(Array.from({ length: count }, () => {
      made += 1;
      const kind = pick(podKinds);
      return tolerant(actor.client.create(resources.pods, pod(`${name}-${made}-${kind}`, kind, kind === 'important' ? 2500 : 300 + 100 * below(8))));
    }));
  });
}

/** What kubelets do: a pod that is to go goes. */
export function runKubelets(actor: Actor): Promise<void> {
  return while_(actor, 800, async () => {
    for (const one of await pods(actor)) if (one.metadata?.deletionTimestamp !== undefined) await remove(actor, one);
  });
}

/** Binds what is not its business, anywhere. */
export function runRogue(actor: Actor): Promise<void> {
  const { pick } = chooser(actor.host);
  return while_(actor, 2500, async () => {
    const waiting = (await pods(actor)).filter((one) => (one.spec?.nodeName ?? '') === '');
    const one = pick(waiting);
    if (one === undefined) return;
    const { name = '', uid } = one.metadata ?? {};
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace: 'default', uid }, target: { kind: 'Node', name: pick(nodeNames) } };
    await tolerant(actor.client.createSubresource(resources.pods, { namespace: 'default', name }, 'binding', body));
  });
}

/** Until it is as said. */
export async function settleNode({ host, client }: Omit<Actor, 'untilMs'>, wanted: Node): Promise<void> {
  const name = wanted.metadata?.name ?? '';
  for (;;) {
    const found = await tolerant(client.get(resources.nodes, { name }));
    if (found === undefined) await tolerant(client.create(resources.nodes, wanted));
    else if ((found.spec?.taints ?? []).length + Number(found.spec?.unschedulable === true) > 0) await tolerant(client.update(resources.nodes, { ...found, spec: {} }));
    else if (milliCpuOf(found) !== milliCpuOf(wanted)) await tolerant(client.updateStatus(resources.nodes, { ...found, ...(wanted.status === undefined ? {} : { status: wanted.status }) }));
    else return;
    await host.timers.sleep(50);
  }
}

/** Cordons, shrinks, removes and brings back. */
export function runBreaker(actor: Actor): Promise<void> {
  const { chance, pick } = chooser(actor.host);
  const { client } = actor;
  return while_(actor, 2500, async () => {
    const name = pick(restlessNodes);
    if (chance(0.4)) { await settleNode(actor, node(name)); return; }
    const found = await tolerant(client.get(resources.nodes, { name }));
    if (found === undefined) return;
    if (chance(0.35)) await tolerant(client.delete(resources.nodes, { name }));
    else if (chance(0.5)) await tolerant(client.update(resources.nodes, { ...found, spec: { unschedulable: true } }));
    else await tolerant(client.updateStatus(resources.nodes, { ...found, status: node(name, cpuOfNode / 2).status ?? {} }));
  });
}

/** Schedulers are killed, stopped for longer than a lease, cut off from some server, and have their clocks set. */
export async function stormSchedulers(world: ControlPlane, actor: Actor, schedulers: readonly string[], servers: readonly string[]): Promise<void> {
  const { sim } = world;
  const { host } = actor;
  const { chance, pick } = chooser(host);
  const wait = (maxMs: number): Promise<void> => host.timers.sleep(host.random.float() * maxMs);
  await while_(actor, 3000, async () => {
    const victim = pick(schedulers);
    sim.machine(victim).clockOffsetMs = (host.random.float() - 0.5) * 120_000;
    const process = world.processes.get(victim);
    if (chance(0.2)) {
      world.kill(victim);
      await wait(2000);
      world.start(victim);
    } else if (process !== undefined && chance(0.5)) {
      sim.pause(process);
      await host.timers.sleep(4000);
      await wait(5000);
      sim.resume(process);
    } else {
      sim.cut(pick(servers), victim, { oneWay: chance(0.7) });
      await wait(6000);
      sim.heal();
    }
  });
}

/** Until all stable nodes have the label, or none. */
export async function openGate({ host, client }: Pick<Actor, 'host' | 'client'>, open: boolean): Promise<void> {
  for (const name of stableNodes) {
    const patch = { metadata: { labels: { [gateLabel]: open ? 'open' : null } } };
    while (await tolerant(client.patch(resources.nodes, { name }, 'merge', patch)) === undefined) await host.timers.sleep(50);
  }
}

export function runGate(actor: Actor): Promise<void> {
  return while_(actor, 5000, async () => {
    await openGate(actor, true);
    await actor.host.timers.sleep(150);
    await openGate(actor, false);
  });
}

export async function whenGone(actor: Actor): Promise<void> {
  for (;;) {
    const left = await tolerant(actor.client.list(resources.pods, { namespace: 'default' }));
    if (left?.items.length === 0) return;
    for (const one of left?.items ?? []) await remove(actor, one);
    await actor.host.timers.sleep(100);
  }
}
