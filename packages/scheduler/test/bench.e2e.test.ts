import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchScheduling, compareSchedulingReports, workloads, type SchedulingBenchOptions } from '@coxswain/scheduler/bench';
import { afterAll, expect, test } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'bench-scheduling-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function options(name: string, more: Partial<SchedulingBenchOptions>): SchedulingBenchOptions {
  return {
    target: 'real', quick: true, minutes: 5, kubeconfig: '', schedulerCommand: '', schedulerName: 'default-scheduler', schedulerMetrics: '', drain: false, nodes: 20, repeats: 1, only: '', members: 1,
    directory, resume: false, json: join(directory, `${name}.json`), html: join(directory, `${name}.html`), nodeArguments: [], print: () => undefined, ...more,
  };
}

test('every workload runs in process, and each of its measured pods gets a node', async () => {
  const { rows } = await benchScheduling(options('decisions', { target: 'decisions' }));
  expect(rows.map(({ workload, failure }) => ({ workload, failure }))).toEqual(workloads.map(({ name }) => ({ workload: name, failure: undefined })));
  for (const { samples: [sample] } of rows) {
    expect(sample?.bySecond.reduce((sum, pods) => sum + pods)).toBe(sample?.pods);
    expect(sample?.decisionMs?.p50).toBeGreaterThan(0);
  }
}, 120_000);

test('on the real path: API server, store and scheduler as processes, created before the scheduler\'s eyes and drained', async () => {
  const [created] = (await benchScheduling(options('created', { only: 'PreferredTopologySpreading' }))).rows;
  const [drained] = (await benchScheduling(options('drained', { only: 'PreferredTopologySpreading', drain: true }))).rows;
  expect(created?.failure).toBeUndefined();
  expect(drained?.failure).toBeUndefined();
  expect(created?.samples[0]?.processes.map(({ name }) => name)).toEqual(['scheduler', 'apiserver', 'store1', 'client']);
  expect(created?.samples[0]?.createToBoundMs?.p99).toBeGreaterThan(0);
  expect(drained?.samples[0]?.createToBoundMs).toBeUndefined();
  for (const row of [created, drained]) {
    expect(row?.samples[0]?.pods).toBe(20);
    expect(row?.samples[0]?.attempts?.['scheduled']).toBeGreaterThanOrEqual(20);
    expect(row?.samples[0]?.decisionMs?.p50).toBeGreaterThan(0);
    expect(row?.samples[0]?.written?.requests['POST pods/binding']).toBe(20);
    // On a busy machine events of the pods before may come after the measurement began.
    expect(row?.samples[0]?.written?.requests['POST events']).toBeGreaterThanOrEqual(20);
    // Twenty spread pods and twenty others on twenty equal nodes: 100 of 4000 thousandths each.
    expect(row?.samples[0]?.placement.cpuUtilisation).toBeCloseTo(0.05);
    expect(row?.samples[0]?.placement.zoneSkew).toBeLessThanOrEqual(5);
  }
  expect(readFileSync(join(directory, 'created.html'), 'utf8')).toContain('<rect ');
  expect(compareSchedulingReports(join(directory, 'created.json'), join(directory, 'created.json'))).toMatch(/PreferredTopologySpreading +\| real +\| 20 +\| .*\| 1\.00/);
}, 120_000);

test('devices on the real path: a controller makes the claims of the measured pods, and each gets its device', async () => {
  const { rows: [row] } = await benchScheduling(options('devices', { only: 'SchedulingWithResourceClaimTemplate', nodes: 10 }));
  expect(row?.failure).toBeUndefined();
  const sample = row?.samples[0];
  expect(sample?.processes.map(({ name }) => name)).toEqual(['scheduler', 'controllers', 'apiserver', 'store1', 'client']);
  // Claims of earlier pods may be counted late, never fewer.
  expect(sample?.written?.requests['POST resourceclaims']).toBeGreaterThanOrEqual(sample?.pods ?? Infinity);
  expect(sample?.written?.requests['PUT resourceclaims/status']).toBeGreaterThanOrEqual(sample?.pods ?? Infinity);
}, 120_000);
