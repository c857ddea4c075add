import { UsageError } from '@coxswain/service';
import { nodesOf, type Planned, type TargetName } from './plan.ts';
import type { Report, Row } from './report.ts';

/** What must be the same for rows of two runs to stand in one table. */
export type Setting = Pick<Report, 'machine' | 'setting'>;

const secondsOfRun: Readonly<Record<TargetName, number>> = { decisions: 3, real: 17 };

function isOf({ workload, target, drain }: Planned, row: Row): boolean {
  return row.workload === workload.name && (row.target === 'decisions') === (target === 'decisions') && row.drained === drain && row.nodes === nodesOf(workload);
}

/** Of a report that was broken off, the row that was planned, if it was measured whole. */
export function keptRow(planned: Planned, earlier: Report | undefined): Row | undefined {
  return earlier?.rows.find((row) => isOf(planned, row) && row.failure === undefined && row.samples.length >= planned.repeats);
}

export function checkResumable(earlier: Report, now: Setting): void {
  for (const part of ['machine', 'setting'] as const) {
    if (earlier[part] !== now[part]) throw new UsageError(`--resume: the file's rows were measured on ${JSON.stringify(earlier[part])}, and this is ${JSON.stringify(now[part])}`);
  }
}

/** How long rows will take: as those of their kind have, run by run, or what two idle cores took for sizes of the whole. */
export function secondsLeft(left: readonly Planned[], done: readonly Row[]): number {
  const of = (target: TargetName): number => {
    const rows = done.filter((row) => (row.target === 'decisions') === (target === 'decisions') && row.samples.length > 0 && row.tookSeconds !== undefined);
    const runs = rows.reduce((sum, { samples }) => sum + samples.length, 0);
    return runs === 0 ? secondsOfRun[target] : rows.reduce((sum, { tookSeconds = 0 }) => sum + tookSeconds, 0) / runs;
  };
  const each = { decisions: of('decisions'), real: of('real') };
  return left.reduce((sum, { target, repeats }) => sum + each[target] * repeats, 0);
}
