import { parseRecord, type ParsedRecord } from './record.ts';

/** The log is damaged where it had been durable: going on would forget what was promised. */
export class WalCorruption extends Error {
  readonly file: string;
  readonly offset: number;
  constructor(file: string, offset: number, reason: string) {
    super(`write-ahead log is damaged: ${file} at offset ${offset}: ${reason}; restore this member's data directory from a copy, or empty it while all other members are healthy: it then fetches the state from them`);
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

export interface SegmentScan {
  /** Of whole batches only. */
  readonly records: readonly ParsedRecord[];
  /** Where the last whole batch ends; less than the file's size if the tail was torn. */
  readonly end: number;
  readonly position: ChainPosition;
}

/**
 * Reads a segment from its start. A power cut can only damage the batch that was being written when it came, and nobody was
 * answered for that: such a tail is cut (only in the last segment). Damage before it is refused.
 */
export function scanSegment(file: string, data: Uint8Array, from: ChainPosition, isLastSegment: boolean): SegmentScan {
  const records: ParsedRecord[] = [];
  let at = from;
  let whole = { count: 0, end: 0, position: from };
  let offset = 0;
  while (offset < data.length) {
    const record = parseRecord(data, offset);
    if (record === undefined) {
      refuseUnlessTorn(file, data, offset, at);
      break;
    }
    if (at.crc !== undefined && record.previousCrc !== at.crc) throw new WalCorruption(file, offset, 'the record does not continue the one before it');
    if (at.crc !== undefined && record.batch !== openBatch(at)) throw new WalCorruption(file, offset, `batch ${record.batch} follows batch ${at.batch}`);
    records.push(record);
    offset = record.end;
    at = { crc: record.crc, batch: record.batch, lastOfBatch: record.last };
    if (record.last) whole = { count: records.length, end: offset, position: at };
  }
  if (!isLastSegment && whole.end < data.length) throw new WalCorruption(file, whole.end, 'a record is damaged or missing, and a later segment exists');
  return { records: records.slice(0, whole.count), end: whole.end, position: whole.position };
}

/** The batch to which the next record belongs. */
function openBatch(position: ChainPosition): number {
  return position.lastOfBatch ? position.batch + 1 : position.batch;
}

/** A whole record of a later batch behind the damage proves that the damaged one had been durable. */
function refuseUnlessTorn(file: string, data: Uint8Array, offset: number, position: ChainPosition): void {
  for (let at = offset + 1; at < data.length; at += 1) {
    const later = parseRecord(data, at);
    if (later !== undefined && later.batch > openBatch(position)) {
      throw new WalCorruption(file, offset, `a record is damaged, and whole records of a later write follow at offset ${at}`);
    }
  }
}
