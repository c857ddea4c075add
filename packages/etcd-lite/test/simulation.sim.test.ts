import { describe, expect, it } from 'vitest';
import { failedSeeds } from './sim/failed-seeds.ts';
import { makePlan, planText, type Plan } from './sim/plan.ts';
import { runSeed, type Report } from './sim/run.ts';

/** Seeds nobody has seen before; `ETCD_SIM_FROM` and `ETCD_SIM_COUNT` choose them. */
const first = Number(process.env['ETCD_SIM_FROM'] ?? Math.floor(Date.now() / 1000) % 100_000_000);
const count = Number(process.env['ETCD_SIM_COUNT'] ?? 20);

async function expectGood(seed: number, changes: Partial<Plan> = {}): Promise<Report> {
  const report = await runSeed(seed, changes);
  console.log(`seed ${seed}: ${planText(report.plan)} ${JSON.stringify(report.counts)}`);
  expect(report.violations, `repeat with: node packages/etcd-lite/scripts/simulate.ts --seed=${seed} --trace\n${report.tail.join('\n')}`).toEqual([]);
  return report;
}

describe('one, three and five members on simulated time, network and disk', () => {
  for (let seed = first; seed < first + count; seed += 1) it(`fresh seed ${seed}`, async () => { await expectGood(seed); });

  for (const { seed, found, plan } of failedSeeds) it(`seed ${seed}, which found: ${found}`, async () => { await expectGood(seed, plan); });

  it('the same seed gives the same trace, byte for byte', async () => {
    const again = { forMs: 6000, members: 3 } as const;
    const report = await runSeed(7, again);
    expect((await runSeed(7, again)).digest).toBe(report.digest);
    expect((await runSeed(8, again)).digest).not.toBe(report.digest);
  });

  it('plans differ from seed to seed, in everything that they decide', () => {
    const plans = Array.from({ length: 200 }, (_, seed) => makePlan(seed));
    expect(new Set(plans.map((plan) => plan.members))).toEqual(new Set([1, 3, 5]));
    expect(new Set(plans.flatMap((plan) => [...plan.faults.keys()])).size).toBe(24);
    expect(plans.every((plan) => !(plan.faults.has('bit-rot') && plan.faults.has('misdirected-write')))).toBe(true);
  });
});
