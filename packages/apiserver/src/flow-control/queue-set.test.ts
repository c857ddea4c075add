import { Simulation, type SimulatedProcess } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import type { Work } from './estimate.ts';
import { QueueSet, type Arrival, type Limiting, type Start } from './queue-set.ts';
import { deal } from './shuffle.ts';

const fair: Limiting = { kind: 'queue', queues: 64, handSize: 6, queueLengthLimit: 50 };

function world(seed: number): { sim: Simulation; host: SimulatedProcess['host'] } {
  const sim = new Simulation({ seed });
  return { sim, host: sim.start('a', 'server').host };
}

function arrival(distinguisher: string, options: Partial<Arrival> & { readonly seats?: number } = {}): Arrival {
  const { seats = 1, ...rest } = options;
  return { schema: 's', distinguisher, work: { initialSeats: seats, finalSeats: 0, lingerMs: 0 }, waitMs: 15_000, signal: new AbortController().signal, ...rest };
}

test('a hand has different cards, all of the deck alike', () => {
  const seen = new Map<number, number>();
  for (let hash = 0; hash < 16 * 15 * 14; hash += 1) {
    const hand = deal(hash, 16, 3);
    expect(new Set(hand).size).toBe(3);
    for (const card of hand) seen.set(card, (seen.get(card) ?? 0) + 1);
  }
  expect(new Set(seen.values())).toEqual(new Set([3 * 15 * 14]));
});

test('with room a request starts at once; without it waits, and is refused when its time is over or its client gone', async () => {
  const { sim, host } = world(1);
  const set = new QueueSet('l', fair, 1, host);
  const first = set.start(arrival('a'));
  expect(first).toMatchObject({ kind: 'execute' });
  const late = set.start(arrival('b', { waitMs: 100 }));
  expect(late).toBeInstanceOf(Promise);
  const gone = new AbortController();
  const left = set.start(arrival('c', { signal: gone.signal }));
  gone.abort();
  expect(await left).toEqual({ kind: 'reject', reason: 'cancelled' });
  expect(await sim.runUntil(Promise.resolve(late), 200, 'the wait')).toEqual({ kind: 'reject', reason: 'time-out' });
  const next = set.start(arrival('d'));
  if (!(first instanceof Promise) && first.kind === 'execute') first.finish();
  expect(await next).toMatchObject({ kind: 'execute' });
  expect([set.waiting, set.seatsWaiting, set.executing, set.seatsInUse]).toEqual([0, 0, 1, 1]);
});

test('a full queue refuses, a level without queues refuses at its limit, the exempt one never', async () => {
  const { host } = world(2);
  const one = new QueueSet('l', { kind: 'queue', queues: 1, handSize: 1, queueLengthLimit: 2 }, 1, host);
  const starts = Array.from({ length: 4 }, () => one.start(arrival('a')));
  expect(starts[3]).toEqual({ kind: 'reject', reason: 'queue-full' });
  const plain = new QueueSet('l', { kind: 'reject' }, 2, host);
  expect([arrival('a'), arrival('a'), arrival('a')].map((one_) => (plain.start(one_) as Start).kind)).toEqual(['execute', 'execute', 'reject']);
  const exempt = new QueueSet('l', { kind: 'exempt' }, 0, host);
  for (let n = 0; n < 1000; n += 1) expect(exempt.start(arrival('a'))).toMatchObject({ kind: 'execute' });
});

test('seats linger after a write that many watchers are told of', async () => {
  const { sim, host } = world(3);
  const set = new QueueSet('l', fair, 4, host);
  const work: Work = { initialSeats: 1, finalSeats: 4, lingerMs: 20 };
  const start = set.start(arrival('a', { work })) as Start;
  expect(set.seatsInUse).toBe(4);
  const next = set.start(arrival('b'));
  if (start.kind === 'execute') start.finish();
  expect([set.executing, set.seatsInUse, set.waiting]).toEqual([0, 4, 1]);
  const sinceMs = sim.nowMs;
  await sim.runUntil(Promise.resolve(next), 100, 'the seats');
  expect(sim.nowMs - sinceMs).toBeGreaterThanOrEqual(19);
});

test('queues that become too many are emptied, not cut off', async () => {
  const { sim, host } = world(4);
  const set = new QueueSet('l', fair, 1, host);
  const starts = Array.from({ length: 20 }, (_, n) => Promise.resolve(set.start(arrival(`f${n}`))));
  set.configure({ kind: 'queue', queues: 2, handSize: 1, queueLengthLimit: 50 });
  expect(set.queues.length).toBeGreaterThan(2);
  await sim.runUntil(Promise.all(starts.map(async (start) => {
    const begun = await start;
    if (begun.kind === 'execute') begun.finish();
  })), 100, 'all of them');
  expect(set.queues).toHaveLength(2);
  expect(set.idle).toBe(true);
});

/** A flow that keeps `open` requests open all the time. */
async function drive(set: QueueSet, host: SimulatedProcess['host'], flow: string, open: number, serviceMs: () => number, until: () => boolean, served: Map<string, number>): Promise<void> {
  const one = async (): Promise<void> => {
    while (!until()) {
      const start = await set.start(arrival(flow, { waitMs: 60_000 }));
      if (start.kind === 'reject') {
        await host.timers.sleep(5);
        continue;
      }
      expect(set.seatsInUse).toBeLessThanOrEqual(set.limit);
      const ms = serviceMs();
      await host.timers.sleep(ms);
      served.set(flow, (served.get(flow) ?? 0) + ms);
      start.finish();
    }
  };
  await Promise.all(Array.from({ length: open }, one));
}

test.each([11, 12, 13])('seed %i: an elephant does not starve mice, and no more seats are taken than there are', async (seed) => {
  const { sim, host } = world(seed);
  const set = new QueueSet('l', { ...fair, queueLengthLimit: 200 }, 10, host);
  const endMs = sim.nowMs + 5_000;
  const served = new Map<string, number>();
  const until = (): boolean => sim.nowMs >= endMs;
  const flows = [...Array.from({ length: 5 }, (_, n) => ({ flow: `mouse-${n}`, open: 4 })), { flow: 'elephant', open: 150 }];
  await sim.runUntil(Promise.all(flows.map(({ flow, open }) => drive(set, host, flow, open, () => 5 + Math.floor(host.random.float() * 20), until, served))), 200_000, 'the load');
  const total = [...served.values()].reduce((sum, ms) => sum + ms, 0);
  // Six flows want more than a sixth each: each mouse gets most of its sixth, although the elephant asks forty times as often.
  for (let n = 0; n < 5; n += 1) expect((served.get(`mouse-${n}`) ?? 0) / total).toBeGreaterThan(0.1);
  expect((served.get('elephant') ?? 0) / total).toBeLessThan(0.5);
  expect(total).toBeGreaterThan(0.9 * 10 * 5_000);
  expect([set.idle, set.seatsInUse, set.seatsWaiting]).toEqual([true, 0, 0]);
});

test.each([21, 22, 23, 24, 25])('seed %i: whatever happens, counts add up and seats stay within the limit', async (seed) => {
  const { sim, host } = world(seed);
  const below = (bound: number): number => Math.floor(host.random.float() * bound);
  const set = new QueueSet('l', fair, 8, host);
  const outcomes = { execute: 0, reject: 0 };
  const open: Promise<void>[] = [];
  for (let n = 0; n < 700; n += 1) {
    const gone = new AbortController();
    const seats = 1 + below(below(10) === 0 ? 12 : 3);
    const lingers = below(4) === 0;
    const work = { initialSeats: seats, finalSeats: lingers ? below(8) : 0, lingerMs: lingers ? 1 + below(10) : 0 };
    const running = Promise.resolve(set.start(arrival(`f${below(30)}`, { work, waitMs: 50 + below(200), signal: gone.signal }))).then(async (start) => {
      outcomes[start.kind] += 1;
      if (start.kind === 'reject') return;
      // One that needs more than there is runs when nothing else does.
      expect(set.seatsInUse <= Math.max(set.limit, 12) || set.executing === 1).toBe(true);
      await host.timers.sleep(below(40));
      start.finish();
      start.finish();
    });
    open.push(running);
    if (below(20) === 0) gone.abort();
    if (below(200) === 0) set.setLimit(1 + below(12));
    if (below(300) === 0) set.configure({ kind: 'queue', queues: 1 + below(64), handSize: 1 + below(4), queueLengthLimit: 5 + below(50) });
    if (below(3) === 0) await sim.runUntil(host.timers.sleep(below(8)), 100, 'a moment');
  }
  await sim.runUntil(Promise.all(open), 100_000, 'all of them');
  await sim.runUntil(host.timers.sleep(100), 200, 'the last seats');
  expect(outcomes.execute + outcomes.reject).toBe(700);
  expect(set.dispatched).toBe(outcomes.execute);
  expect(set.rejected).toBe(outcomes.reject);
  expect([set.idle, set.seatsInUse, set.seatsWaiting]).toEqual([true, 0, 0]);
  expect(set.queues.every((queue) => queue.seatsInUse === 0 && queue.workWaiting === 0)).toBe(true);
});
