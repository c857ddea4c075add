import { DiskError, type Disk } from '@coxswain/host';
import { readSegment, type SegmentHeader } from './payload.ts';
import { parseRecord } from './record.ts';
import { WalCorruption, scanSegment } from './scan.ts';

const namePattern = /^([0-9a-f]{16})\.wal$/;
const readBytes = 1024 * 1024;
/** More than a segment's first record needs. */
const headBytes = 128;

export function segmentName(sequence: number): string {
  return `${sequence.toString(16).padStart(16, '0')}.wal`;
}

/** One segment of the log as it must be read. */
export interface SegmentPlan {
  readonly name: string;
  readonly sequence: number;
  /** Undefined: it is the last, or was written before segments said where the one before ends. */
  readonly endsAt: number | undefined;
  /** Undefined: its first record cannot be read. */
  readonly header: SegmentHeader | undefined;
}

export interface LogPlan {
  /** Oldest first. */
  readonly segments: readonly SegmentPlan[];
  /** Files of attempts that failed: nothing in them counts. */
  readonly leftovers: readonly string[];
  /** Above all that was ever used. */
  readonly nextSequence: number;
}

interface Found { readonly name: string; readonly sequence: number; readonly header: SegmentHeader | undefined }

/** Which files make up the log: each segment names the one that it continues. Reads only the first record of each. */
export async function planSegments(disk: Disk, directory: string): Promise<LogPlan> {
  const found: Found[] = [];
  for (const name of await disk.list(directory)) {
    if (!namePattern.test(name)) continue;
    const sequence = Number.parseInt(name.slice(0, 16), 16);
    found.push({ name, sequence, header: await readHeader(disk, `${directory}/${name}`, sequence) });
  }
  const nextSequence = (found[found.length - 1]?.sequence ?? -1) + 1;
  const leftovers: string[] = [];
  while (found.length > 1 && !await wasBegun(disk, directory, found[found.length - 1] as Found)) leftovers.push((found.pop() as Found).name);
  const segments: SegmentPlan[] = [];
  let endsAt: number | undefined;
  for (let last = found.pop(); last !== undefined; last = found.pop()) {
    segments.unshift({ ...last, endsAt });
    const previous = last.header?.previous;
    endsAt = previous?.end;
    while (previous !== undefined && found.length > 0 && (found[found.length - 1] as Found).sequence > previous.sequence) leftovers.push((found.pop() as Found).name);
  }
  checkSequences(directory, segments);
  return { segments, leftovers, nextSequence };
}

function checkSequences(directory: string, segments: readonly SegmentPlan[]): void {
  for (const [at, segment] of segments.entries()) {
    const before = segments[at - 1]?.sequence;
    if (before === undefined || before === (segment.header?.previous?.sequence ?? segment.sequence - 1)) continue;
    throw new WalCorruption(`${directory}/${segment.name}`, 0, `segment ${segment.sequence} follows segment ${before}`);
  }
}

async function readHeader(disk: Disk, path: string, sequence: number): Promise<SegmentHeader | undefined> {
  const record = parseRecord(await readSome(disk, path, headBytes), 0);
  if (record?.kind !== 'segment') return undefined;
  const header = readSegment(record.payload);
  if (header.sequence !== sequence) throw new WalCorruption(path, 0, `the file holds segment ${header.sequence}`);
  return header;
}

/** False: the last segment's first batch never became whole, so that nothing was promised in it. Refuses damage. */
async function wasBegun(disk: Disk, directory: string, last: Found): Promise<boolean> {
  const path = `${directory}/${last.name}`;
  const scan = scanSegment(path, await readSegmentFile(disk, path), { crc: undefined, batch: 0, lastOfBatch: true }, undefined);
  return scan.records.length > 0;
}

/** In pieces, so that a disk that cannot read says where. */
export async function readSegmentFile(disk: Disk, path: string): Promise<Uint8Array> {
  return readSome(disk, path, Number.POSITIVE_INFINITY);
}

async function readSome(disk: Disk, path: string, mostBytes: number): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  let offset = 0;
  try {
    const data = new Uint8Array(Math.min(await file.sizeBytes(), mostBytes));
    while (offset < data.length) {
      const piece = await file.read(offset, Math.min(readBytes, data.length - offset));
      if (piece.length === 0) return data.subarray(0, offset);
      data.set(piece, offset);
      offset += piece.length;
    }
    return data;
  } catch (error) {
    if (error instanceof DiskError && error.kind === 'io') throw new WalCorruption(path, offset, `the disk cannot read it (${error.message})`);
    throw error;
  } finally {
    await file.close();
  }
}
