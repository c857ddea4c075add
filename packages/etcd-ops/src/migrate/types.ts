import type { EtcdClient } from '@coxswain/etcd-lite/client';

export interface MigrateOptions {
  readonly source: EtcdClient;
  readonly target: EtcdClient;
  /** Only keys that begin with it; empty: all. */
  readonly prefix: Uint8Array;
  /** The target may have keys in the range already: they are deleted first. */
  readonly overwrite: boolean;
  /** After the copy, take over what is written meanwhile until this aborts. Absent: one copy, of one revision. */
  readonly follow?: AbortSignal;
  /** One line for the user. */
  readonly report: (line: string) => void;
}

export interface MigrateResult {
  /** The source's revision that the target now shows. */
  readonly sourceRevision: number;
  readonly targetRevision: number;
  readonly keys: number;
  readonly leases: number;
}
