import { utf8, type Clock, type Disk, type DiskFile, type Logger } from '@coxswain/host';
import { describeError } from '../transport/describe-error.ts';

export interface LineWriter {
  /** Rejects if the lines are not there afterwards. Calls must not overlap. */
  write(lines: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface RotatingFileOptions {
  readonly path: string;
  readonly maxSizeBytes: number;
  /** 0: all are kept. */
  readonly maxBackups: number;
  /** 0: for ever. */
  readonly maxAgeMs: number;
  /** Absent: backups stay as they are. */
  readonly compress?: ((data: Uint8Array) => Promise<Uint8Array>) | undefined;
}

function split(path: string): { readonly directory: string; readonly stem: string; readonly extension: string } {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const dot = name.lastIndexOf('.');
  return { directory: slash <= 0 ? '/' : path.slice(0, slash), stem: dot < 0 ? name : name.slice(0, dot), extension: dot < 0 ? '' : name.slice(dot) };
}

/** `2026-11-21T15-31-02.642` */
function stamp(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 23).replaceAll(':', '-');
}

function timeOf(stampText: string): number {
  const match = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(stampText);
  return match === null ? Number.NaN : Date.parse(`${match[1] as string}:${match[2] as string}:${match[3] as string}Z`);
}

/**
 * A log file that is set aside under the time of day when it gets too large. A write that fails (a full disk) leaves no half line: the
 * next one begins where the last whole one ended.
 */
export class RotatingFile implements LineWriter {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #options: RotatingFileOptions;
  #file: DiskFile | undefined;
  #sizeBytes = 0;
  #torn = false;
  #tidying: Promise<void> = Promise.resolve();

  constructor(disk: Disk, clock: Clock, log: Logger, options: RotatingFileOptions) {
    this.#disk = disk;
    this.#clock = clock;
    this.#log = log;
    this.#options = options;
  }

  async write(lines: Uint8Array): Promise<void> {
    let file = await this.#open();
    if (this.#sizeBytes > 0 && this.#sizeBytes + lines.length > this.#options.maxSizeBytes) file = await this.#rotate(file);
    if (this.#torn) await file.truncate(this.#sizeBytes);
    this.#torn = true;
    await file.write(this.#sizeBytes, lines);
    this.#torn = false;
    this.#sizeBytes += lines.length;
  }

  async #open(): Promise<DiskFile> {
    if (this.#file !== undefined) return this.#file;
    const { path } = this.#options;
    await this.#disk.makeDirectory(split(path).directory, { mode: 0o700 });
    const file = await this.#disk.open(path, 'create');
    this.#sizeBytes = await file.sizeBytes();
    this.#file = file;
    return file;
  }

  /** Where setting aside fails, the file goes on. */
  async #rotate(file: DiskFile): Promise<DiskFile> {
    try {
      await this.#disk.rename(this.#options.path, await this.#freeName());
    } catch (error) {
      this.#log.warn('The audit log was not rotated', { path: this.#options.path, error: describeError(error) });
      return file;
    }
    this.#file = undefined;
    await file.close();
    const next = await this.#open();
    this.#tidying = this.#tidying.then(() => this.#tidy()).catch((error: unknown) => {
      this.#log.warn('Old audit logs were not put in order', { path: this.#options.path, error: describeError(error) });
    });
    return next;
  }

  async #freeName(): Promise<string> {
    const { directory, stem, extension } = split(this.#options.path);
    for (let atMs = this.#clock.nowMs(); ; atMs += 1) {
      const name = `${directory}/${stem}-${stamp(atMs)}${extension}`;
      if (!(await this.#disk.exists(name)) && !(await this.#disk.exists(`${name}.gz`))) return name;
    }
  }

  async #tidy(): Promise<void> {
    const { directory, stem, extension } = split(this.#options.path);
    const { maxBackups, maxAgeMs, compress } = this.#options;
    const backups = (await this.#disk.list(directory)).flatMap((name) => {
      const plain = name.endsWith('.gz') ? name.slice(0, -3) : name;
      if (!plain.startsWith(`${stem}-`) || !plain.endsWith(extension)) return [];
      const atMs = timeOf(plain.slice(stem.length + 1, plain.length - extension.length));
      return Number.isNaN(atMs) ? [] : [{ path: `${directory}/${name}`, atMs, compressed: plain !== name }];
    }).sort((a, b) => b.atMs - a.atMs);
    const oldestMs = this.#clock.nowMs() - maxAgeMs;
    for (const [index, backup] of backups.entries()) {
      if ((maxBackups > 0 && index >= maxBackups) || (maxAgeMs > 0 && backup.atMs < oldestMs)) await this.#disk.remove(backup.path);
      else if (compress !== undefined && !backup.compressed) {
        await this.#disk.writeFileAtomic(`${backup.path}.gz`, await compress(await this.#disk.readFile(backup.path)), { mode: 0o600 });
        await this.#disk.remove(backup.path);
      }
    }
  }

  /** Resolves when backups are as they should be. */
  async close(): Promise<void> {
    await this.#tidying;
    await this.#file?.close();
    this.#file = undefined;
  }
}

/** One write for all lines that came while the last one was under way. */
export class GatheredLines {
  readonly #writer: LineWriter;
  #pending: { readonly text: string; readonly settle: (error: Error | undefined) => void }[] = [];
  #writing: Promise<void> | undefined;

  constructor(writer: LineWriter) {
    this.#writer = writer;
  }

  write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ text, settle: (error) => { if (error === undefined) resolve(); else reject(error); } });
      this.#writing ??= this.#run().finally(() => { this.#writing = undefined; });
    });
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      const failed = await this.#writer.write(utf8(lines.map((line) => line.text).join(''))).then(() => undefined, (error: unknown) => (error instanceof Error ? error : new Error('the lines were not written', { cause: error })));
      for (const line of lines) line.settle(failed);
    }
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#writer.close();
  }
}
