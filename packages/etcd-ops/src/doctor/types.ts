import type { EtcdAdmin, HashKv, Member, ServerStatus } from '@coxswain/etcd-lite/client';

/** What one endpoint said of itself; a failure stands as the text of its error. */
export interface Examined {
  readonly endpoint: string;
  readonly status: ServerStatus | { readonly error: string };
  /** At a revision that all reachable members have. Absent: there was none, or the member did not answer. */
  readonly hash: HashKv | { readonly error: string } | undefined;
  /** Of linearizable reads, in ms, sorted; empty if none was answered. */
  readonly readsMs: readonly number[];
}

export interface Facts {
  /** As the first member that answered knows them. Empty: none did. */
  readonly members: readonly Member[];
  readonly alarms: readonly { readonly memberId: bigint; readonly alarm: 'NOSPACE' | 'CORRUPT' }[];
  readonly endpoints: readonly Examined[];
}

export type Level = 'ok' | 'warn' | 'fail';

export interface Finding {
  readonly level: Level;
  readonly what: string;
  /** What to do; absent where nothing is to be done. */
  readonly advice?: string;
}

export type Connect = (endpoint: string) => EtcdAdmin;
