import { describe, expect, it } from 'vitest';
import { EtcdError } from '../client/errors.ts';
import { LeaseTable } from './lease-table.ts';
import { Lessor } from './lessor.ts';
import { TimeQueue } from './time-queue.ts';

const all = Number.POSITIVE_INFINITY;

function world(startMs = 0): { readonly leases: LeaseTable; readonly lessor: Lessor; readonly grant: (id: bigint, ttlSeconds: number, nowMs: number) => void } {
  const leases = new LeaseTable();
  const lessor = new Lessor({ leases });
  lessor.promote(startMs, 0);
  return { leases, lessor, grant: (id, ttlSeconds, nowMs) => { leases.grant(id, ttlSeconds); lessor.granted(id, nowMs); } };
}

it('the queue gives ids in order of their time', () => {
  const queue = new TimeQueue();
  for (const at of [5, 3, 9, 1, 7, 3, 8]) queue.push(at, BigInt(at));
  const taken: number[] = [];
  for (let next = queue.take(8); next !== undefined; next = queue.take(8)) taken.push(next.atMs);
  expect(taken).toEqual([1, 3, 3, 5, 7, 8]);
  expect(queue.nextMs).toBe(9);
});

// A monotonic clock that has counted 2^31 or 2^32 ms must not look like one that went back.
describe.each([0, 2 ** 31 - 5000, 2 ** 32 - 5000])('on a clock that stands at %d ms', (startMs) => {
  it('a lease ends at its time, and later if it is kept', () => {
    const { lessor, grant } = world(startMs);
    grant(1n, 10, startMs);
    grant(2n, 10, startMs);
    expect(lessor.renew(1n, startMs + 6000)).toBe(10);
    expect(lessor.takeExpired(startMs + 9999, all)).toEqual([]);
    expect(lessor.takeExpired(startMs + 10_000, all)).toEqual([2n]);
    expect(lessor.renew(2n, startMs + 10_000), 'over is over').toBeUndefined();
    expect(lessor.takeExpired(startMs + 15_999, all)).toEqual([]);
    expect(lessor.takeExpired(startMs + 16_000, all)).toEqual([1n]);
  });
});

it('ends come in portions and in order, and one that did not come through is named again', () => {
  const { lessor, grant } = world();
  for (let id = 1; id <= 5; id += 1) grant(BigInt(id), 10 + id, 0);
  expect(lessor.takeExpired(20_000, 2)).toEqual([1n, 2n]);
  lessor.revoked(1n);
  lessor.notEnded(2n, 23_000);
  expect(lessor.takeExpired(20_000, 2)).toEqual([3n, 4n]);
  expect(lessor.takeExpired(20_000, 2)).toEqual([5n]);
  expect(lessor.takeExpired(22_999, 2)).toEqual([]);
  expect(lessor.renew(2n, 22_999)).toBeUndefined();
  expect(lessor.takeExpired(23_000, 2)).toEqual([2n]);
});

it('a lease that is kept is never written down, one that is not at each half, at the latest after five minutes', () => {
  const { leases, lessor, grant } = world();
  grant(1n, 60, 0);
  grant(2n, 3600, 0);
  const written: (readonly [number, bigint, number])[] = [];
  for (let nowMs = 0; nowMs <= 1_200_000; nowMs += 1000) {
    if (nowMs % 20_000 === 0) lessor.renew(1n, nowMs);
    for (const { ID, remainingTTL } of lessor.takeCheckpoints(nowMs, all)) {
      written.push([nowMs / 1000, ID, remainingTTL]);
      leases.checkpoint(ID, remainingTTL);
      lessor.checkpointed(ID);
    }
  }
  expect(written).toEqual([[300, 2n, 3300], [600, 2n, 3000], [900, 2n, 2700], [1200, 2n, 2400]]);
});

it('a new leader gives what was written down, never less than was left and at most twice that', () => {
  for (const ttlSeconds of [2, 5, 10, 60, 299, 1000, 86_400]) {
    const { leases, lessor, grant } = world();
    grant(1n, ttlSeconds, 0);
    for (let leftMs = ttlSeconds * 1000 - 500; leftMs > 0; leftMs -= Math.max(500, leftMs / 50)) {
      const nowMs = ttlSeconds * 1000 - leftMs;
      for (const { ID, remainingTTL } of lessor.takeCheckpoints(nowMs, all)) {
        leases.checkpoint(ID, remainingTTL);
        lessor.checkpointed(ID);
      }
      const next = new Lessor({ leases });
      next.promote(nowMs, 0);
      const given = next.remainingMs(1n, nowMs) as number;
      expect(given, `${ttlSeconds} s, ${leftMs} ms left`).toBeGreaterThanOrEqual(leftMs);
      expect(given, `${ttlSeconds} s, ${leftMs} ms left`).toBeLessThanOrEqual(Math.min(leftMs * 2 + leftMs / 25, leftMs + 302_000) + 2500);
    }
  }
});

it('a renewal has to be written down first when a new leader would give less, also while that is on its way', () => {
  const { leases, lessor, grant } = world();
  grant(1n, 100, 0);
  expect(lessor.mustClearFirst(1n)).toBe(false);
  expect(lessor.takeCheckpoints(50_000, all)).toEqual([{ ID: 1n, remainingTTL: 50 }]);
  expect(lessor.mustClearFirst(1n), 'on its way').toBe(true);
  leases.checkpoint(1n, 50);
  lessor.checkpointed(1n);
  expect(lessor.mustClearFirst(1n), 'written').toBe(true);
  leases.checkpoint(1n, 0);
  lessor.checkpointed(1n);
  expect(lessor.mustClearFirst(1n)).toBe(false);
  expect(lessor.renew(1n, 51_000)).toBe(100);
});

it("etcd's errors", () => {
  const leases = new LeaseTable();
  leases.grant(1n, 9_000_000_000);
  const message = (act: () => void): string => {
    try { act(); } catch (error) { if (error instanceof EtcdError) return `${error.code} ${error.message}`; throw error; }
    return '';
  };
  expect(message(() => { leases.grant(2n, 9_000_000_001); })).toBe('11 etcdserver: too large lease TTL');
  expect(message(() => { leases.grant(1n, 5); })).toBe('9 etcdserver: lease already exists');
  expect(message(() => { leases.keysOf(3n); })).toBe('5 etcdserver: requested lease not found');
});
