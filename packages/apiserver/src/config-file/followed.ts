import { utf8, type Clock, type Crypto, type Logger } from '@coxswain/host';
import { UsageError, type Metrics } from '@coxswain/service';
import { serverName, type ServerIdentity } from '../bootstrap/identity-lease.ts';
import { describeError } from '../transport/describe-error.ts';

export interface FileReader {
  /** Another text than the last one. `again`: to be told at the next look as if it were new. */
  changed(text: string): Promise<'settled' | 'again'>;
  unreadable(error: unknown): void;
}

/** A file whose text may change while the server runs. */
export interface FollowedFile {
  readonly path: string;
  /** One call at a time, until `signal` aborts. */
  follow(reader: FileReader, signal: AbortSignal): void;
}

/** A followed file and what its text means; throws UsageError where it means nothing. */
export interface LiveFile<T> extends FollowedFile {
  parse(text: string): T | Promise<T>;
}

export interface ReloadTools {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly identity: ServerIdentity;
}

export type Reloadable = 'authentication' | 'authorization' | 'encryption';

interface Told {
  succeeded(): void;
  failed(): void;
}

function counting(what: Reloadable, { clock, crypto, metrics, identity }: ReloadTools): Told {
  const prefix = `apiserver_${what}_config_controller_automatic_reload`;
  const total = metrics.counter(`${prefix}s_total`, `Total number of automatic reloads of ${what} configuration split by status and apiserver identity.`, ['status', 'apiserver_id_hash']);
  const last = metrics.gauge(`${prefix}_last_timestamp_seconds`, `Timestamp of the last automatic reload of ${what} configuration split by status and apiserver identity.`, ['status', 'apiserver_id_hash']);
  const apiserverIdHash = `sha256:${crypto.hash('sha256', utf8(serverName(crypto, identity))).toHex()}`;
  const tell = (status: 'success' | 'failure'): void => {
    const labels = { status, apiserver_id_hash: apiserverIdHash };
    total.inc(labels);
    last.set(clock.nowMs() / 1000, labels);
  };
  return { succeeded: () => tell('success'), failed: () => tell('failure') };
}

/** Uses a configuration again whenever its file has become another; what cannot be used leaves the former in place. A text that means nothing is tried once, what else fails again at each look. */
export function followConfig<T>(what: Reloadable, file: LiveFile<T>, use: (next: T) => Promise<void> | void, tools: ReloadTools, signal: AbortSignal): void {
  const told = counting(what, tools);
  const failed = (error: unknown): void => {
    told.failed();
    tools.log.error(`The new ${what} configuration is not used`, { file: file.path, error: describeError(error) });
  };
  // As the original: what it began with counts.
  if (what === 'authorization') told.succeeded();
  file.follow({
    unreadable: failed,
    async changed(text) {
      try {
        await use(await file.parse(text));
      } catch (error) {
        failed(error);
        return error instanceof UsageError ? 'settled' : 'again';
      }
      told.succeeded();
      tools.log.info(`The ${what} configuration was loaded again`, { file: file.path });
      return 'settled';
    },
  }, signal);
}
