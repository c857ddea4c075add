export type DiskErrorKind = 'not-found' | 'exists' | 'no-space' | 'read-only' | 'permission' | 'io' | 'not-empty';

export class DiskError extends Error {
  readonly kind: DiskErrorKind;
  readonly path: string;
  constructor(kind: DiskErrorKind, path: string, message: string) {
    super(message);
    this.name = 'DiskError';
    this.kind = kind;
    this.path = path;
  }
}

/**
 * Paths are absolute and '/'-separated. Every failure is a DiskError.
 * Durability: written bytes survive a crash only after `datasync` of the file (or if it was opened for durable writes), and a new, renamed or
 * removed name only after `syncDirectory` of its parent; all of a removed directory by that of the directory it was in. The simulated disk loses the rest.
 */
export interface Disk {
  open(path: string, mode: 'read' | 'write' | 'create', options?: OpenOptions): Promise<DiskFile>;
  readFile(path: string): Promise<Uint8Array>;
  /** Replaces the file as one step that survives a crash: temporary file, datasync, rename, syncDirectory. */
  writeFileAtomic(path: string, data: Uint8Array, options?: { readonly mode?: number }): Promise<void>;
  /** Names (not paths), sorted. */
  list(directory: string): Promise<readonly string[]>;
  /** With parents; no error if it exists. */
  makeDirectory(path: string, options?: { readonly mode?: number }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** No error if it does not exist. */
  remove(path: string, options?: { readonly recursive?: boolean }): Promise<void>;
  exists(path: string): Promise<boolean>;
  syncDirectory(path: string): Promise<void>;
  freeBytes(path: string): Promise<number>;
}

export interface OpenOptions {
  /** A write resolves when its bytes would survive a crash, as after `datasync`, in one step. One that rejects has promised nothing. */
  readonly durableWrites?: boolean;
}

/** Calls on one file may overlap; reads see completed writes. */
export interface DiskFile {
  readonly path: string;
  sizeBytes(): Promise<number>;
  /** Fewer bytes than asked only at the end of the file. */
  read(offset: number, lengthBytes: number): Promise<Uint8Array>;
  /** Writes all of `data`. Extends the file with zeros where `offset` is past its end. */
  write(offset: number, data: Uint8Array): Promise<void>;
  datasync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  close(): Promise<void>;
}
