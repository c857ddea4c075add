import { assert } from '@coxswain/host';
import type { Entry, MemberId } from './types.ts';

/** Who takes part. A learner is sent everything and counts for nothing: neither in elections, commits, nor reads. */
export interface ConfState {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
}

export const emptyConf: ConfState = { voters: [], learners: [] };

/**
 * The data of an entry that changes the configuration begins with this byte; no other may (a protobuf message cannot). The
 * whole new configuration follows, then what the state machine wants to know of the change. So nothing that carries or keeps
 * entries need know of kinds.
 */
const confMark = 0;
const headBytes = 5;

export type EntryKind = 'no-op' | 'normal' | 'conf-change';

export function entryKind(data: Uint8Array): EntryKind {
  if (data.length === 0) return 'no-op';
  return data[0] === confMark ? 'conf-change' : 'normal';
}

export function encodeConf(conf: ConfState): Uint8Array {
  const ids = [...conf.voters, ...conf.learners];
  const out = new Uint8Array(headBytes + ids.length * 8);
  const view = new DataView(out.buffer);
  view.setUint8(0, confMark);
  view.setUint16(1, conf.voters.length);
  view.setUint16(3, conf.learners.length);
  for (const [at, id] of ids.entries()) view.setBigUint64(headBytes + at * 8, id);
  return out;
}

export function confChangeData(conf: ConfState, payload: Uint8Array): Uint8Array {
  const head = encodeConf(conf);
  const out = new Uint8Array(head.length + payload.length);
  out.set(head);
  out.set(payload, head.length);
  return out;
}

/** The inverse of `confChangeData` (and, with an empty payload, of `encodeConf`). */
export function readConfChange(data: Uint8Array): { readonly conf: ConfState; readonly payload: Uint8Array } {
  assert(data.length >= headBytes && data[0] === confMark, 'not a configuration', { bytes: data.length });
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const voters = view.getUint16(1);
  const count = voters + view.getUint16(3);
  assert(data.length >= headBytes + count * 8, 'a configuration is cut off', { bytes: data.length, count });
  const ids = Array.from({ length: count }, (_, at) => view.getBigUint64(headBytes + at * 8));
  return { conf: { voters: ids.slice(0, voters), learners: ids.slice(voters) }, payload: data.subarray(headBytes + count * 8) };
}

export function quorumOf(conf: ConfState): number {
  return Math.floor(conf.voters.length / 2) + 1;
}

/** Voters that are in one of them only. More than one: two majorities need not overlap (thesis 4.1). */
export function votersChanged(before: ConfState, after: ConfState): number {
  return before.voters.filter((id) => !after.voters.includes(id)).length + after.voters.filter((id) => !before.voters.includes(id)).length;
}

interface Recorded {
  readonly index: number;
  readonly conf: ConfState;
}

/** Which configuration holds from which entry on, as far back as the log goes. Follows the log, also when its tail is replaced. */
export class ConfHistory {
  #recorded: Recorded[];

  constructor(index: number, conf: ConfState) {
    this.#recorded = [{ index, conf }];
  }

  /** A configuration is used from when its entry is in the log (thesis 4.1), so this is the one in force. */
  get latest(): ConfState {
    return this.#last.conf;
  }

  /** Of the entry that brought the latest one; of the log's beginning if none did. */
  get latestIndex(): number {
    return this.#last.index;
  }

  get #last(): Recorded {
    return this.#recorded[this.#recorded.length - 1] as Recorded;
  }

  at(index: number): ConfState {
    return (this.#recorded.findLast((one) => one.index <= index) ?? this.#recorded[0] as Recorded).conf;
  }

  appended(entry: Entry): void {
    if (entryKind(entry.data) === 'conf-change') this.#recorded.push({ index: entry.index, conf: readConfChange(entry.data).conf });
  }

  truncated(from: number): void {
    while (this.#recorded.length > 1 && this.latestIndex >= from) this.#recorded.pop();
  }

  compacted(index: number): void {
    const conf = this.at(index);
    this.#recorded = [{ index, conf }, ...this.#recorded.filter((one) => one.index > index)];
  }
}
