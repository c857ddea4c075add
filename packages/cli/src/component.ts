/** One process that the supervisor keeps running. */
export interface ComponentSpec {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Not started before all of these files exist. */
  readonly startAfterFiles?: readonly string[];
  /** Time from SIGTERM to SIGKILL. */
  readonly stopTimeoutMs?: number;
}

export type ComponentPhase = 'waiting' | 'running' | 'backing-off' | 'stopped';

export interface ComponentStatus {
  readonly name: string;
  readonly phase: ComponentPhase;
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Short runs in a row. */
  readonly failures: number;
  readonly startedAtMs: number | undefined;
  /** How the last run ended: `exit 1`, `SIGKILL`, or `gone` if it was not our child. */
  readonly lastExit: string | undefined;
}

const backoffMs = [100, 500, 1000, 2000, 5000, 10_000] as const;

/** A run this long counts as healthy: the next failure starts from the first step again. */
export const healthyRunMs = 30_000;

/** Wait before the next start, after `failures` short runs in a row (1 or more). */
export function backoffAfter(failures: number): number {
  return backoffMs[Math.min(failures, backoffMs.length) - 1] as number;
}
