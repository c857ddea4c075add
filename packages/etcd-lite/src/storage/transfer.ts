import { type Crypto } from '@coxswain/host';
import { keyBytes, keyText } from '../mvcc/key-text.ts';
import type { SnapshotMeta } from '../raft/types.ts';
import type { StoreManifest } from '../wire/schema.ts';
import { ByteCutter } from './byte-cutter.ts';
import { StoreCorruption } from './corruption.ts';
import { decodeManifest, segmentName, writeManifest } from './manifest.ts';
import { Segment } from './segment.ts';
import type { ExportedState, StoreFiles } from './store-files.ts';

/**
 * A state as one stream, between members and as a file; docs/etcd-lite-format.md describes it: magic (8), length of the manifest
 * (4), the manifest as its file is, the segments it names in its order, digest (32). A damaged or shortened stream is refused as a
 * whole.
 */
const magic = 'COXSNAP1';
const digestBytes = 32;
const blockBytes = 1024 * 1024;
const maxManifestBytes = 1024 * 1024 * 1024;

/** SHA-256 as a chain over blocks of 1 MiB: each block's digest is made of the one before and the block. */
class ChainDigest {
  readonly #crypto: Crypto;
  #digest = new Uint8Array(digestBytes);
  readonly #block = new Uint8Array(digestBytes + blockBytes);
  #filled = digestBytes;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  add(data: Uint8Array): void {
    for (let at = 0; at < data.length;) {
      const part = data.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#block.length) this.#close();
    }
  }

  #close(): void {
    this.#block.set(this.#digest);
    this.#digest = Uint8Array.from(this.#crypto.hash('sha256', this.#block.subarray(0, this.#filled)));
    this.#filled = digestBytes;
  }

  finish(): Uint8Array {
    if (this.#filled > digestBytes) this.#close();
    return this.#digest;
  }
}

/** What etcd's clients want behind `sizeBytes`: zeros up to a multiple of 512, and 32 bytes more (they check the length). */
export function etcdTrailerBytes(sizeBytes: number): number {
  return (512 - sizeBytes % 512) % 512 + digestBytes;
}

export function streamBytes({ manifest, data }: Pick<ExportedState, 'manifest' | 'data'>): number {
  return manifest.segments.reduce((sum, segment) => sum + segment.sizeBytes, magic.length + 4 + data.length + digestBytes);
}

/** The caller closes `state` afterwards, also if it takes only a part. */
export async function* streamState(crypto: Crypto, state: Pick<ExportedState, 'data' | 'segments'>): AsyncGenerator<Uint8Array, void, undefined> {
  const digest = new ChainDigest(crypto);
  const head = new Uint8Array(magic.length + 4);
  head.set(keyBytes(magic));
  new DataView(head.buffer).setUint32(magic.length, state.data.length, true);
  for (const part of [head, state.data]) {
    digest.add(part);
    yield part;
  }
  for (const segment of state.segments) {
    for await (const part of segment.bytes()) {
      digest.add(part);
      yield part;
    }
  }
  yield digest.finish();
}

/** How a received state is kept: `change` may rewrite what the manifest says of it. */
export interface ReceiveOptions {
  readonly name: string;
  /** Another state is refused. */
  readonly expected?: SnapshotMeta;
  readonly change?: (manifest: StoreManifest) => StoreManifest;
}

/**
 * Reads a stream into files of this store, under names of its own, and checks every value. Resolves when the state is on disk with
 * its manifest; nothing refers to it yet. On any failure nothing of it is left.
 */
export async function receiveState(files: StoreFiles, crypto: Crypto, source: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<StoreManifest> {
  const { ended, done } = await files.beginTransfer();
  const written: string[] = [];
  try {
    return await receiveFiles(files, crypto, new ByteCutter(source, ended), options, written);
  } catch (error) {
    files.notReceived(written);
    for (const one of written) await files.removeFile(one);
    throw error;
  } finally {
    done();
  }
}

/** Up to the manifest in its place; `written` gets the names of segments as they are begun. */
async function receiveFiles(files: StoreFiles, crypto: Crypto, cutter: ByteCutter, options: ReceiveOptions, written: string[]): Promise<StoreManifest> {
  const { name, expected, change = (manifest: StoreManifest): StoreManifest => manifest } = options;
  const digest = new ChainDigest(crypto);
  const sent = await readHead(cutter, digest, name);
  if (expected !== undefined && (sent.index !== expected.index || sent.term !== expected.term)) throw new StoreCorruption(name, 0, `it holds entry ${sent.index}, not ${expected.index}`);
  const segments: StoreManifest['segments'][number][] = [];
  for (const segment of sent.segments) {
    const { id, path } = files.nextSegment();
    written.push(segmentName(id));
    files.receiving(segmentName(id));
    await receiveFile(files, path, cutter, digest, segment.sizeBytes, name);
    segments.push({ ...segment, id });
  }
  await checkEnd(cutter, digest, name);
  for (const segment of segments) await verifySegment(files, segment);
  const manifest = change({ ...sent, segments });
  const before = files.receivedState(manifest);
  if (before !== undefined) {
    // Its message came to nothing, for instance because its sender led no more. This one's may not.
    files.notReceived(written);
    for (const one of written.splice(0)) await files.removeFile(one);
    return before;
  }
  if (files.isHere(manifest)) throw new Error(`the state of entry ${manifest.index} is here already`);
  // From here on its files stay, even if the manifest does not come to its name: the next cleaning finds them.
  await writeManifest(files.disk, files.options.directory, manifest, () => { files.received(written.splice(0), manifest); });
  return manifest;
}

async function readHead(cutter: ByteCutter, digest: ChainDigest, name: string): Promise<StoreManifest> {
  const head = await cutter.take(magic.length + 4, name);
  digest.add(head);
  if (keyText(head.subarray(0, magic.length)) !== magic) throw new StoreCorruption(name, 0, 'this is no snapshot of a store');
  const length = new DataView(head.buffer, head.byteOffset, head.length).getUint32(magic.length, true);
  if (length > maxManifestBytes) throw new StoreCorruption(name, magic.length, 'the length of the manifest is no length');
  const data = await cutter.take(length, name);
  digest.add(data);
  return decodeManifest(data, name);
}

async function receiveFile(files: StoreFiles, path: string, cutter: ByteCutter, digest: ChainDigest, sizeBytes: number, name: string): Promise<void> {
  const file = await files.disk.open(path, 'create');
  try {
    let offset = 0;
    for await (const part of cutter.stream(sizeBytes, name)) {
      digest.add(part);
      await file.write(offset, part);
      offset += part.length;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function checkEnd(cutter: ByteCutter, digest: ChainDigest, name: string): Promise<void> {
  const expected = digest.finish();
  const at = cutter.position;
  const found = await cutter.take(digestBytes, name);
  if (expected.some((byte, index) => byte !== found[index])) throw new StoreCorruption(name, at, 'the snapshot does not match its digest');
  if (await cutter.ended()) return;
  // What a file has that came through Maintenance/Snapshot; the digest above says more than it does.
  const trailer = await cutter.take(etcdTrailerBytes(cutter.position), name);
  if (trailer.subarray(0, -digestBytes).some((byte) => byte !== 0) || !await cutter.ended()) throw new StoreCorruption(name, cutter.position, 'something follows the end of the snapshot');
}

async function verifySegment(files: StoreFiles, info: StoreManifest['segments'][number]): Promise<void> {
  const segment = await Segment.open(files.disk, `${files.options.directory}/${segmentName(info.id)}`, info, info.live.length === 0 ? undefined : info.live.slice(), () => undefined);
  try {
    await segment.verify();
  } finally {
    segment.release(files.log);
  }
}
