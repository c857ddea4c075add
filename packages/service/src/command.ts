import type { Host } from '@coxswain/host';
import type { FlagSet, FlagValues } from './flags.ts';

/** A component as `cox NAME …` runs it. The component itself is a function of (config, host); this is its door. */
export interface Command {
  /** `apiserver`, `etcd-lite`, … */
  readonly name: string;
  readonly summary: string;
  readonly flags: FlagSet;
  /**
   * Checks the whole configuration first (throws UsageError with one clear line), then starts. Resolves when it serves;
   * the process then lives until SIGTERM/SIGINT or until `failed` settles.
   */
  start(flags: FlagValues, host: Host): Promise<RunningComponent>;
}

export interface RunningComponent {
  /** Rejects if the component cannot go on (process exits 1). Never resolves while it runs. */
  readonly failed: Promise<never>;
  /** Finishes what is under way, closes listeners. */
  stop(): Promise<void>;
}

/** A user's mistake: printed as one line, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
