import { expect, test } from 'vitest';
import { plan, type Planned } from './plan.ts';
import type { Report, Row } from './report.ts';
import { checkResumable, keptRow, secondsLeft } from './resume.ts';
import type { Sample } from './sample.ts';

const [inProcess, real] = plan({ target: 'both', only: 'SchedulingBasic/50000Pods', drain: false, nodes: 5000, foreign: false, repeats: 2, short: true }).rows as [Planned, Planned];

const sample = {} as Sample;
const measured: Row = { workload: 'SchedulingBasic/50000Pods', target: 'decisions', drained: true, nodes: 5000, line: 810, samples: [sample, sample], tookSeconds: 20 };

function report(...rows: readonly Row[]): Report {
  return { kind: 'cox-bench-scheduling', machine: 'm', setting: 's', atIso: '', notes: [], rows, leftOut: {} };
}

test('a row that was measured whole is kept; one that failed, or is of another size, path, way or number of runs, is not', () => {
  expect(keptRow(inProcess, report(measured))).toBe(measured);
  expect(keptRow(inProcess, undefined)).toBeUndefined();
  for (const other of [{ failure: 'no' }, { nodes: 500 }, { target: 'own API server' }, { drained: false }, { samples: [sample] }, { workload: 'SchedulingBasic' }]) {
    expect(keptRow(inProcess, report({ ...measured, ...other })), JSON.stringify(other)).toBeUndefined();
  }
  const onServer = { ...measured, target: 'own API server, cox scheduler', drained: false };
  expect(keptRow(real, report(measured, onServer))).toBe(onServer);
});

test('rows of another machine or another scheduler do not come into one table', () => {
  expect(() => { checkResumable(report(), { machine: 'm', setting: 's' }); }).not.toThrow();
  expect(() => { checkResumable(report(), { machine: 'other', setting: 's' }); }).toThrow('measured on "m", and this is "other"');
  expect(() => { checkResumable(report(), { machine: 'm', setting: 'kube-scheduler' }); }).toThrow('measured on "s"');
});

test('what is left is reckoned by the runs so far, each path by itself', () => {
  expect(secondsLeft([inProcess, real], [measured])).toBe(2 * 10 + 2 * 17);
  expect(secondsLeft([real], [measured, { ...measured, target: 'own', samples: [sample], tookSeconds: 30 }])).toBe(60);
});
