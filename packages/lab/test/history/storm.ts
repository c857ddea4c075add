import type { Host } from '@coxswain/host';
import type { SimulatedProcess } from '@coxswain/host/sim';
import type { ControlPlane } from '../../src/control-plane.ts';

/** Whatever may happen to a machine, one at a time of `victims`; everything is up and joined when it ends. */
export async function storm(world: ControlPlane, host: Host, victims: readonly string[], untilMs: number): Promise<void> {
  const { sim } = world;
  const pick = (from: readonly string[]): string => from[Math.floor(host.random.float() * from.length)] as string;
  const wait = (maxMs: number): Promise<void> => host.timers.sleep(host.random.float() * maxMs);
  while (host.clock.monotonicMs() < untilMs) {
    await host.timers.sleep(200 + host.random.float() * 1500);
    const victim = pick(victims);
    const others = world.names().filter((name) => name !== victim);
    const what = host.random.float();
    if (what < 0.3) {
      world.kill(victim, { powerCut: host.random.float() < 0.5 });
      await wait(3000);
      world.start(victim);
    } else if (what < 0.5) {
      const process = world.processes.get(victim) as SimulatedProcess;
      sim.pause(process);
      await wait(5000);
      sim.resume(process);
    } else if (what < 0.7) {
      sim.partition([victim], others);
      await wait(5000);
      sim.heal();
    } else if (what < 0.85) {
      sim.cut(victim, pick(others), { oneWay: host.random.float() < 0.5 });
      await wait(5000);
      sim.heal();
    } else if (what < 0.93) sim.resetConnections(victim, pick(others));
    else {
      sim.slow(pick(others), victim, { min: 50, max: 400 });
      await wait(4000);
      sim.heal();
    }
  }
}

/** One server at a time has no store for some seconds; whoever is connected to it stays so. No other fault may be under way: its end would heal the cut. */
export async function cutOff({ sim }: ControlPlane, host: Host, servers: readonly string[], stores: readonly string[], untilMs: number): Promise<void> {
  while (host.clock.monotonicMs() < untilMs) {
    await host.timers.sleep(500 + host.random.float() * 2000);
    const server = servers[Math.floor(host.random.float() * servers.length)] as string;
    for (const store of stores) sim.resetConnections(server, store);
    sim.partition([server], stores);
    await host.timers.sleep(4000 + host.random.float() * 2500);
    sim.heal();
  }
}

/** Connections between servers and stores break, and are made again at once: what was on its way may have been done. */
export async function flicker({ sim }: ControlPlane, host: Host, servers: readonly string[], stores: readonly string[], untilMs: number): Promise<void> {
  const pick = (from: readonly string[]): string => from[Math.floor(host.random.float() * from.length)] as string;
  while (host.clock.monotonicMs() < untilMs) {
    await host.timers.sleep(50 + host.random.float() * 150);
    const server = pick(servers);
    for (const store of stores) sim.resetConnections(server, store);
  }
}
