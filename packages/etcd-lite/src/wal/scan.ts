import { parseRecord, type ParsedRecord } from './record.ts';

/** The log is damaged where it had been durable: going on would forget what was promised. */
export class WalCorruption extends Error {
  readonly file: string;
  readonly offset: number;
  constructor(file: string, offset: number, reason: string) {
    super(`write-ahead log is damaged: ${file} at offset ${offset}: ${reason}; replace this member while the others have a quorum (\`cox etcd member replace\`, or \`etcdctl member remove\` and \`member add\`), and start it with an empty data directory`);
    this.name = 'WalCorruption';
    this.file = file;
    this.offset = offset;
  }
}

export interface ChainPosition {
  /** Undefined: unknown, the first record tells. */
  readonly crc: number | undefined;
  readonly batch: number;
  readonly lastOfBatch: boolean;
}

/** A place between two batches of a segment. */
export interface BatchEnd {
  /** Records before it. */
  readonly count: number;
  readonly end: number;
  readonly position: ChainPosition;
}

export interface SegmentScan {
  /** Of whole batches only. */
  readonly records: readonly ParsedRecord[];
  /** Behind the last whole batch, and before it. */
  readonly whole: BatchEnd;
  readonly beforeLast: BatchEnd;
  /** Bytes behind the last whole batch that are no untouched zeros: the torn tail of a write nobody was answered for. */
  readonly tornBytes: number;
}

/**
 * Reads a segment from its start. `endsAt`: where it ends, as the segment after it says; undefined for the last one, whose end is
 * behind its last whole batch. A power cut or a failing disk can only damage the batch that was being written, and nobody was
 * answered for that: such a tail is cut, in the last segment only. Damage before it is refused.
 */
export function scanSegment(file: string, data: Uint8Array, from: ChainPosition, endsAt: number | undefined): SegmentScan {
  const content = withoutZeros(endsAt === undefined ? data : data.subarray(0, endsAt));
  const records: ParsedRecord[] = [];
  let at = from;
  let whole: BatchEnd = { count: 0, end: 0, position: from };
  let beforeLast = whole;
  // A record may itself end with zeros.
  const readable = endsAt === undefined ? data : data.subarray(0, endsAt);
  for (let offset = 0; offset < content;) {
    const record = parseRecord(readable, offset);
    if (record === undefined) {
      refuseUnlessTorn(file, readable, offset, content, at);
      break;
    }
    checkChain(file, offset, record, at);
    records.push(record);
    offset = record.end;
    at = { crc: record.crc, batch: record.batch, lastOfBatch: record.last };
    if (record.last) [beforeLast, whole] = [whole, { count: records.length, end: offset, position: at }];
  }
  if (endsAt !== undefined && whole.end !== endsAt) {
    throw new WalCorruption(file, whole.end, `a record is damaged or missing: the segment after it says that this one ends at ${endsAt}`);
  }
  return { records: records.slice(0, whole.count), whole, beforeLast, tornBytes: Math.max(0, content - whole.end) };
}

function withoutZeros(data: Uint8Array): number {
  let end = data.length;
  while (end > 0 && data[end - 1] === 0) end -= 1;
  return end;
}

function checkChain(file: string, offset: number, record: ParsedRecord, at: ChainPosition): void {
  if (at.crc === undefined) return;
  if (record.previousCrc !== at.crc) throw new WalCorruption(file, offset, 'the record does not continue the one before it');
  if (record.batch !== openBatch(at)) throw new WalCorruption(file, offset, `batch ${record.batch} follows batch ${at.batch}`);
}

/** Batches are counted modulo 2^32: at a thousand a second that is fifty days. */
export function batchAfter(batch: number): number {
  return (batch + 1) >>> 0;
}

/** The batch to which the next record belongs. */
function openBatch(position: ChainPosition): number {
  return position.lastOfBatch ? batchAfter(position.batch) : position.batch;
}

/** A whole record of a later batch behind the damage proves that the damaged one had been durable. */
function refuseUnlessTorn(file: string, data: Uint8Array, offset: number, until: number, position: ChainPosition): void {
  let open = position.crc === undefined ? undefined : openBatch(position);
  for (let at = offset + 1; at < until; at += 1) {
    const later = parseRecord(data, at);
    if (later === undefined) continue;
    open ??= later.batch;
    if (((later.batch - open) | 0) > 0) {
      throw new WalCorruption(file, offset, `a record is damaged, and whole records of a later write follow at offset ${at}`);
    }
  }
}
