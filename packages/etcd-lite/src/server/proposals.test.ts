import { Simulation } from '@coxswain/host/sim';
import { expect, it } from 'vitest';
import { EtcdError } from '../client/errors.ts';
import type { RaftDriver } from './driver.ts';
import { Proposals } from './proposals.ts';

const put = { compaction: { revision: 1, physical: false } };

function message(outcome: Promise<unknown>): Promise<string> {
  return outcome.then(() => '', (error: unknown) => {
    if (error instanceof EtcdError) return `${error.code} ${error.message}`;
    throw error;
  });
}

/** A driver that takes everything and does nothing. */
function proposalsOver(log: { committed: number; applied: number }): Proposals {
  const { host } = new Simulation({ seed: 1 }).start('a', 'a');
  return new Proposals(host, { raft: { log }, propose: () => undefined } as unknown as RaftDriver, { timeoutMs: 7000, maxRequestBytes: 1024 });
}

it('a member that is more than 5,000 entries behind what is committed takes no more', async () => {
  const log = { committed: 5001, applied: 1 };
  const proposals = proposalsOver(log);
  void message(proposals.propose(put));
  expect(proposals.size).toBe(1);
  log.committed += 1;
  expect(await message(proposals.propose(put))).toBe('8 etcdserver: too many requests');
  log.applied += 1;
  void message(proposals.propose(put));
  expect(proposals.size).toBe(2);
});

it('at most 5,000 wait at once', async () => {
  const proposals = proposalsOver({ committed: 1, applied: 1 });
  for (let count = 0; count < 5000; count += 1) void message(proposals.propose(put));
  expect(await message(proposals.propose(put))).toBe('8 etcdserver: too many requests');
});
