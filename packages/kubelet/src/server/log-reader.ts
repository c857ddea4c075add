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
export async function tailOffset(file: DiskFile, lines: number): Promise<number> {
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

async function* records(host: Host, files: NodeFiles, source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  const follower = options.follow ? new Follower(files, source.path) : undefined;
  let file = await host.disk.open(source.path, 'read');
  try {
    let offset = await tailOffset(file, options.tailLines);
    let rest: Uint8Array = new Uint8Array(0);
    for (;;) {
      const running = follower !== undefined && await source.running();
      for (;;) {
        const block = await file.read(offset, blockBytes);
        if (block.length === 0) break;
        offset += block.length;
        const joined = concatBytes([rest, block]);
        const last = joined.lastIndexOf(newline);
        rest = joined.slice(last + 1);
        for (const record of fromUtf8(joined.subarray(0, last + 1)).split('\n')) if (record !== '') yield record;
      }
      if (!running || signal.aborted) return;
      await follower.next(host, signal);
      const stat = await files.stat(source.path);
      if (stat !== undefined && stat.sizeBytes < offset) {
        await file.close();
        file = await host.disk.open(source.path, 'read');
        offset = 0;
        rest = new Uint8Array(0);
      }
    }
  } finally {
    follower?.close();
    await file.close();
  }
}
