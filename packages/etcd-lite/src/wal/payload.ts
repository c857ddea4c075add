import type { Entry, HardState, MemberId, SnapshotMeta } from '../raft/types.ts';
import type { WalRecord } from './record.ts';

/** What records carry: fixed-width little-endian numbers, then an entry's data as it is. */
export interface SegmentHeader {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  readonly sequence: number;
  /**
   * The segment that this one continues, and where that ends: whatever it holds behind that, and whatever segments lie between,
   * were attempts that failed. Undefined: this is the first, or was written before segments said so.
   */
  readonly previous?: { readonly sequence: number; readonly end: number } | undefined;
}

function numbers(count: number): { readonly bytes: Uint8Array; readonly view: DataView } {
  const bytes = new Uint8Array(count * 8);
  return { bytes, view: new DataView(bytes.buffer) };
}

function viewOf(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.length);
}

export function segmentRecord(header: SegmentHeader): WalRecord {
  const { bytes, view } = numbers(header.previous === undefined ? 3 : 5);
  if (header.previous !== undefined) {
    view.setFloat64(24, header.previous.sequence, true);
    view.setFloat64(32, header.previous.end, true);
  }
  view.setBigUint64(0, header.clusterId, true);
  view.setBigUint64(8, header.memberId, true);
  view.setFloat64(16, header.sequence, true);
  return { kind: 'segment', payload: bytes };
}

export function readSegment(payload: Uint8Array): SegmentHeader {
  const view = viewOf(payload);
  const previous = payload.length < 40 ? undefined : { sequence: view.getFloat64(24, true), end: view.getFloat64(32, true) };
  return { clusterId: view.getBigUint64(0, true), memberId: view.getBigUint64(8, true), sequence: view.getFloat64(16, true), previous };
}

export function hardStateRecord(state: HardState): WalRecord {
  const { bytes, view } = numbers(3);
  view.setFloat64(0, state.term, true);
  view.setBigUint64(8, state.vote, true);
  view.setFloat64(16, state.commit, true);
  return { kind: 'hard-state', payload: bytes };
}

export function readHardState(payload: Uint8Array): HardState {
  const view = viewOf(payload);
  return { term: view.getFloat64(0, true), vote: view.getBigUint64(8, true), commit: view.getFloat64(16, true) };
}

export function entryRecord(entry: Entry): WalRecord {
  const { bytes, view } = numbers(2);
  view.setFloat64(0, entry.index, true);
  view.setFloat64(8, entry.term, true);
  return { kind: 'entry', payload: bytes, rest: entry.data };
}

export function readEntry(payload: Uint8Array): Entry {
  const view = viewOf(payload);
  return { index: view.getFloat64(0, true), term: view.getFloat64(8, true), data: payload.subarray(16) };
}

/** `snapshot`: of the own state, the entries go on; `install`: received from the leader, entries that do not match it are void. */
export function snapshotRecord(kind: 'snapshot' | 'install', snapshot: SnapshotMeta): WalRecord {
  const { bytes, view } = numbers(2);
  view.setFloat64(0, snapshot.index, true);
  view.setFloat64(8, snapshot.term, true);
  return { kind, payload: bytes };
}

export function readSnapshot(payload: Uint8Array): SnapshotMeta {
  const view = viewOf(payload);
  return { index: view.getFloat64(0, true), term: view.getFloat64(8, true) };
}
