import { UsageError } from '@coxswain/service';
import { canDrain, countOf, isPaced, onRealPath, scaled, workloads, type Workload } from './workloads.ts';

export type TargetName = 'decisions' | 'real';

/** A row that is to be measured. */
export interface Planned {
  /** At the size that is asked for. */
  readonly workload: Workload;
  readonly target: TargetName;
  readonly drain: boolean;
  readonly repeats: number;
}

export interface PlanOptions {
  readonly target: TargetName | 'both';
  /** '': all. */
  readonly only: string;
  readonly drain: boolean;
  /** Sizes are so many 5,000ths of upstream's. */
  readonly nodes: number;
  /** Somebody else's cluster or scheduler, which are nothing in process. */
  readonly foreign: boolean;
  readonly repeats: number;
  /** Of the real path what no goal speaks of, and of both what goes at another's pace, is run once, unless something is chosen. */
  readonly short: boolean;
}

export function nodesOf(workload: Workload): number {
  return workload.ops.reduce((sum, op) => (op.opcode === 'createNodes' ? sum + countOf(workload, op.count) : sum), 0);
}

/** A whole name means that one alone. */
function chosenBy(only: string): readonly Workload[] {
  const exact = workloads.filter(({ name }) => name === only);
  const chosen = exact.length > 0 ? exact : workloads.filter(({ name }) => name.includes(only));
  if (chosen.length === 0) throw new UsageError(`no workload has ${JSON.stringify(only)} in its name; there are ${workloads.map(({ name }) => name).join(', ')}`);
  return chosen;
}

/** Rows in order, and what is left out of them with why. */
export function plan({ target, only, drain, nodes, foreign, repeats, short }: PlanOptions): { readonly rows: readonly Planned[]; readonly notes: readonly string[] } {
  if (foreign && target === 'decisions') throw new UsageError('--target=decisions runs our scheduler in this program, without --kubeconfig and --scheduler-command');
  const chosen = chosenBy(only);
  const brief = short && target === 'both' && only === '' && !drain && !foreign;
  const timesOf = (workload: Workload): number => (brief && isPaced(workload) ? 1 : repeats);
  const inProcess = target === 'real' || foreign ? [] : chosen.map((workload) => ({ workload, target: 'decisions' as const, drain: canDrain(workload), repeats: timesOf(workload) }));
  const able = chosen.filter(({ onlyInProcess }) => onlyInProcess === undefined);
  const all = able.map((workload) => ({ workload, target: 'real' as const, drain: drain && canDrain(workload), repeats }));
  const goals = onRealPath.flatMap(({ name, drain: drained }) => able.filter((workload) => workload.name === name).map((workload) => ({ workload, target: 'real' as const, drain: drained, repeats: timesOf(workload) })));
  const others = all.filter(({ workload }) => !onRealPath.some(({ name }) => name === workload.name)).map((row) => ({ ...row, repeats: 1 }));
  const real = target === 'decisions' ? [] : brief ? [...goals, ...others] : all;
  const notes = target === 'decisions' ? [] : chosen.flatMap(({ name, onlyInProcess }) => (onlyInProcess === undefined ? [] : [`${name}: only in process, ${onlyInProcess}`]));
  return { rows: [...inProcess, ...real].map((row) => ({ ...row, workload: scaled(row.workload, nodes) })), notes };
}
