import { concatBytes, fromUtf8, utf8, type DiskFile, type Host } from '@coxswain/host';
import type { NodeFiles } from '../system.ts';
import { parseLogLine, type LogLine } from './log-line.ts';

export interface LogOptions {
  readonly follow: boolean;
  /** Negative: everything. */
  readonly tailLines: number;
  readonly sinceMs: number;
  readonly timestamps: boolean;
  /** Negative: no limit. */
  readonly limitBytes: number;
}

const blockBytes = 64 * 1024;
const newline = 10;
/** Also without a notice (a lost inotify event) a follower looks again after this time. */
const followPollMs = 1000;

/** Where the last `lines` records begin. A last record without its newline counts as one. */
async function tailOffset(file: DiskFile, lines: number): Promise<number> {
  const sizeBytes = await file.sizeBytes();
  if (lines < 0) return 0;
  if (lines === 0) return sizeBytes;
  let seen = 0;
  let end = sizeBytes;
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const block = await file.read(start, end - start);
    for (let index = block.length - 1; index >= 0; index -= 1) {
      // The newline that ends the last record begins nothing.
      if (block[index] !== newline || start + index === sizeBytes - 1) continue;
      seen += 1;
      if (seen === lines) return start + index + 1;
    }
    end = start;
  }
  return 0;
}

function wanted(line: LogLine, options: LogOptions): boolean {
  return options.sinceMs === 0 || Date.parse(line.timestamp) >= options.sinceMs;
}

class Follower {
  readonly #stop: () => void;
  #wake: (() => void) | undefined;
  #changed = true;

  constructor(files: NodeFiles, path: string) {
    this.#stop = files.watch(path, () => { this.#changed = true; this.#wake?.(); });
  }

  async next(host: Host, signal: AbortSignal): Promise<void> {
    if (this.#changed) { this.#changed = false; return; }
    const abort = new AbortController();
    const end = (): void => abort.abort();
    signal.addEventListener('abort', end, { once: true });
    this.#wake = end;
    await host.timers.sleep(followPollMs, abort.signal);
    signal.removeEventListener('abort', end);
    this.#changed = false;
  }

  close(): void { this.#stop(); }
}

export interface LogSource {
  readonly path: string;
  /** Whether more can come. */
  readonly running: () => Promise<boolean>;
}

/** A container's output from its log file, as `kubectl logs` wants it. Goes on over a rotation of the file. */
export async function* readLogs(host: Host, files: NodeFiles, source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  let left = options.limitBytes < 0 ? Number.POSITIVE_INFINITY : options.limitBytes;
  for await (const record of records(host, files, source, options, signal)) {
    const line = parseLogLine(record);
    if (line === undefined || !wanted(line, options)) continue;
    const data = utf8(options.timestamps ? `${line.timestamp} ${line.text}` : line.text);
    yield data.length <= left ? data : data.subarray(0, left);
    left -= data.length;
    if (left <= 0) return;
  }
}

/** Records of one file; goes on where it stopped. */
class RecordReader {
  readonly #file: DiskFile;
  readonly inode: number | undefined;
  #offset: number;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(file: DiskFile, offset: number, inode: number | undefined) {
    this.#file = file;
    this.#offset = offset;
    this.inode = inode;
  }

  /** To the present end of the file. */
  async *read(): AsyncGenerator<string, void, undefined> {
    for (;;) {
      const block = await this.#file.read(this.#offset, blockBytes);
      if (block.length === 0) return;
      this.#offset += block.length;
      const joined = concatBytes([this.#rest, block]);
      const last = joined.lastIndexOf(newline);
      this.#rest = joined.slice(last + 1);
      for (const record of fromUtf8(joined.subarray(0, last + 1)).split('\n')) if (record !== '') yield record;
    }
  }

  close(): Promise<void> { return this.#file.close(); }
}

/** Again if the name went to another file in the middle. */
async function openRecords(host: Host, files: NodeFiles, path: string, tailLines: number): Promise<RecordReader> {
  for (;;) {
    const before = await files.stat(path);
    const file = await host.disk.open(path, 'read');
    const after = await files.stat(path);
    if (before !== undefined && before.inode === after?.inode) return new RecordReader(file, await tailOffset(file, tailLines), before.inode);
    await file.close();
  }
}

async function* records(host: Host, files: NodeFiles, source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  const follower = options.follow ? new Follower(files, source.path) : undefined;
  let reader = await openRecords(host, files, source.path, options.tailLines);
  try {
    for (;;) {
      const running = follower !== undefined && await source.running();
      const stat = await files.stat(source.path);
      yield* reader.read();
      const replaced = stat !== undefined && stat.inode !== reader.inode;
      if (replaced && follower !== undefined) {
        // What was written before the name was given to the new file has been read just now.
        await reader.close();
        reader = await openRecords(host, files, source.path, -1);
        continue;
      }
      if (!running || signal.aborted) return;
      await follower.next(host, signal);
    }
  } finally {
    follower?.close();
    await reader.close();
  }
}
