import type { Host } from '@coxswain/host';
import type { FlagSet, FlagValues } from './flags.ts';

/** A component as `cox NAME …` runs it. The component itself is a function of (config, host); this is its door. */
export interface Command {
  /** `apiserver`, `etcd-lite`, … */
  readonly name: string;
  readonly summary: string;
  readonly flags: FlagSet;
  /** Where values come from beside the command line, if the original has more than `--config`. */
  readonly sources?: ValueSources;
  /**
   * Checks the whole configuration first (throws UsageError with one clear line), then starts. Resolves when it serves;
   * the process then lives until SIGTERM/SIGINT or until `failed` settles.
   */
  start(flags: FlagValues, host: Host): Promise<RunningComponent>;
}

export interface ValueSources {
  /** `ETCD`: what the command line doesn't give may come from `ETCD_FLAG_NAME`; both at once is a mistake. */
  readonly environmentPrefix?: string;
  /** The flag that names a YAML file in whose favour everything else is ignored, and how its content becomes flags. */
  readonly configFile?: { readonly flag: string; toFlags(content: unknown): Readonly<Record<string, unknown>> };
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
