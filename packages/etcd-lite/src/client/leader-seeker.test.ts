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
  terms: number[] = [1, 1, 1];
  readonly abandoned: number[] = [];
  /** Happens while somebody is asked. */
  meanwhile: () => void = () => undefined;
  readonly seeker = new LeaderSeeker({
    timers: this.host.timers, endpointCount: 3, current: () => this.current, ask: (endpoint) => this.#ask(endpoint),
    use: (endpoint, insteadOf) => { if (this.current === insteadOf) this.current = endpoint; }, abandon: (endpoint) => { this.abandoned.push(endpoint); },
  });

  async #ask(endpoint: number): Promise<Standing> {
    this.asked.push(endpoint);
    this.meanwhile();
    const leader = this.says[endpoint];
    if (leader === undefined) throw new EtcdError(grpcCode.unavailable, 'connection refused');
    return { memberId: BigInt(endpoint + 1), leader, term: this.terms[endpoint] as number };
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

test('in doubt the newest leader is used, and what waits for one that says nothing or is behind is given up', async () => {
  const hangs = new World();
  hangs.says = [undefined, 3n, 3n];
  hangs.terms = [0, 2, 2];
  await hangs.seeker.doubt();
  expect([hangs.current, hangs.abandoned, hangs.asked]).toEqual([2, [0], [0, 1, 2]]);
  const cutOff = new World();
  cutOff.says = [1n, 2n, 2n];
  cutOff.terms = [4, 5, 5];
  await cutOff.seeker.doubt();
  expect([cutOff.current, cutOff.abandoned]).toEqual([1, [0]]);
  const handedOver = new World();
  handedOver.says = [2n, 2n, 2n];
  handedOver.terms = [5, 5, 5];
  await handedOver.seeker.doubt();
  expect([handedOver.current, handedOver.abandoned]).toEqual([1, []]);
});

test.each<[string, readonly (bigint | undefined)[], readonly number[]]>([
  ['it leads, but is slow', [1n, 1n, 1n], [1, 1, 1]],
  ['it leads, and one that led before has not heard of it', [1n, 2n, 1n], [2, 1, 2]],
  ['the others have not chosen yet', [undefined, 1n, 0n], [1, 1, 1]],
  ['nobody answers', [undefined, undefined, undefined], [1, 1, 1]],
])('in doubt all stays as it is when %s', async (_why, says, terms) => {
  const world = new World();
  world.says = [...says];
  world.terms = [...terms];
  await world.seeker.doubt();
  expect([world.current, world.abandoned]).toEqual([0, []]);
});

test('in doubt nobody is given up whom others have left meanwhile', async () => {
  const world = new World();
  world.says = [undefined, 3n, 3n];
  world.meanwhile = () => { world.current = 1; };
  await world.seeker.doubt();
  expect([world.current, world.abandoned]).toEqual([1, []]);
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
