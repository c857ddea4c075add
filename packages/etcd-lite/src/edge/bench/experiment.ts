import { clientTls } from './certificates.ts';
import type { StoreCluster, StoreOptions } from './cluster.ts';
import type { EmptyTarget } from './empty.ts';
import type { EmptyServerOptions } from './empty-server.ts';
import type { Reach, Row, Sample } from './rows.ts';

export interface BenchOptions {
  readonly quick: boolean;
  readonly repeats: number;
  readonly seconds: number;
  readonly keys: number;
}

export interface RowSpec {
  readonly name: string;
  readonly unit: Row['unit'];
  readonly reach: Reach;
}

/** Rows that one kind of run fills; `measure` answers a sample for each, in order. */
export interface Experiment {
  readonly title: string;
  readonly rows: readonly RowSpec[];
  readonly sizes: readonly StoreOptions['size'][];
  readonly transports: readonly ('plaintext' | 'mutual TLS')[];
  /** Restarts members, so it needs a cluster of its own. */
  readonly alone: boolean;
  /** At most so often, however often the others. */
  readonly repeatsMax: number;
  readonly flags?: readonly string[];
  measure(cluster: StoreCluster): Promise<readonly Sample[]>;
  /** How to see what the client could do. */
  readonly empty?: { readonly server: Omit<EmptyServerOptions, 'tls'>; measure(target: EmptyTarget): Promise<number> };
}

export function tlsOf(cluster: StoreCluster): EmptyTarget['tls'] {
  return cluster.certificates === undefined ? undefined : clientTls(cluster.certificates);
}
