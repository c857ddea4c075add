import { expect, test } from 'vitest';
import { Simulation } from '@coxswain/host/sim';
import { EtcdError, grpcCode } from './errors.ts';
import { LeaderSeeker, type Standing } from './leader-seeker.ts';

const everyMs = 10_000;

/** Three members 1n to 3n; `leader` as each of them says, undefined: it does not answer. */
class World {
  readonly sim = new Simulation({ seed: 1 });
  readonly host = this.sim.start('client', 'client').host;
  says: (bigint | undefined)[] = [1n, 1n, 1n];
  current = 0;
  asked: number[] = [];
  /** Happens while somebody is asked. */
  meanwhile: () => void = () => undefined;
  readonly seeker = new LeaderSeeker({
    timers: this.host.timers, endpointCount: 3, current: () => this.current, ask: (endpoint) => this.#ask(endpoint),
    use: (endpoint, insteadOf) => { if (this.current === insteadOf) this.current = endpoint; },
  });

  async #ask(endpoint: number): Promise<Standing> {
    this.asked.push(endpoint);
    this.meanwhile();
    const leader = this.says[endpoint];
    if (leader === undefined) throw new EtcdError(grpcCode.unavailable, 'connection refused');
    return { memberId: BigInt(endpoint + 1), leader };
  }
}

test('the leader is asked for as long as it leads, and nobody else', async () => {
  const world = new World();
  await world.seeker.look();
  expect([world.current, world.asked]).toEqual([0, [0]]);
  world.says = [3n, 3n, 3n];
  await world.seeker.look();
  expect([world.current, world.asked]).toEqual([2, [0, 0, 1, 2]]);
});

test('a member that does not answer is passed over; without a leader, or while the answers differ, all stays', async () => {
  const world = new World();
  world.says = [3n, undefined, 3n];
  await world.seeker.look();
  expect(world.current).toBe(2);
  world.says = [1n, 1n, undefined];
  await world.seeker.look();
  expect(world.current).toBe(2);
  world.says = [1n, 1n, 0n];
  await world.seeker.look();
  expect(world.current).toBe(2);
  world.says = [2n, 2n, 1n];
  await world.seeker.look();
  expect(world.current).toBe(2);
});

test('who has left its endpoint meanwhile is not moved', async () => {
  const world = new World();
  world.says = [3n, 3n, 3n];
  world.meanwhile = () => { world.current = 1; };
  await world.seeker.look();
  expect(world.current).toBe(1);
});

test('begun once, it looks at once and every ten seconds until it is closed', async () => {
  const world = new World();
  const { sim, seeker, host } = world;
  seeker.begin();
  seeker.begin();
  expect(world.asked).toEqual([0]);
  world.says = [2n, 2n, 2n];
  await sim.runUntil(host.timers.sleep(everyMs + 100), 60_000, 'the second look');
  expect(world.current).toBe(1);
  seeker.close();
  world.says = [1n, 1n, 1n];
  await sim.runUntil(host.timers.sleep(3 * everyMs), 60_000, 'no further look');
  expect(world.current).toBe(1);
  seeker.begin();
  expect(world.asked).toEqual([0, 0, 1]);
});
