import { expect, test } from 'vitest';
import { SupervisorKeeper } from './keeper.ts';

const refused = (): Error => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

test('all calls that meet nobody wait for one new supervisor, and are done by it', async () => {
  let alive = false;
  let starts = 0;
  const told: string[] = [];
  const keeper = new SupervisorKeeper({ start: async () => { starts += 1; await Promise.resolve(); alive = true; }, tell: (text) => { told.push(text); } });
  const call = async (): Promise<string> => { if (!alive) throw refused(); return 'done'; };
  expect(await Promise.all([keeper.ask(call), keeper.ask(call)])).toEqual(['done', 'done']);
  expect([starts, told.length]).toEqual([1, 1]);
});

test('supervisors that keep ending are given up, with what the call said', async () => {
  let starts = 0;
  const keeper = new SupervisorKeeper({ start: async () => { starts += 1; }, tell: () => undefined });
  await expect(keeper.ask(() => Promise.reject(refused()))).rejects.toThrow('ECONNREFUSED');
  expect(starts).toBe(3);
});

test('another mistake is none of its business', async () => {
  const keeper = new SupervisorKeeper({ start: () => Promise.reject(new Error('started')), tell: () => undefined });
  await expect(keeper.ask(() => Promise.reject(new Error('unknown request')))).rejects.toThrow('unknown request');
});
