import type { Disk } from '@coxswain/host';
import { keyBytes, keyText } from '../mvcc/key-text.ts';
import type { SnapshotMeta } from '../raft/types.ts';
import { crc32c } from '../wal/crc32c.ts';
import { storeManifest, type StoreManifest } from '../wire/schema.ts';
import { StoreCorruption } from './corruption.ts';

/** Magic (8), length of the content (4), its CRC-32C (4), the content: a StoreManifest. */
const magic = 'COXMAN01';
const headerBytes = 16;

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}

const namePattern = /^([0-9a-f]{16})-([0-9a-f]{16})\.manifest$/;

export function manifestName({ index, term }: SnapshotMeta): string {
  return `${hex(term)}-${hex(index)}.manifest`;
}

/** Undefined: the name of something else. */
export function manifestMeta(name: string): SnapshotMeta | undefined {
  const found = namePattern.exec(name);
  return found === null ? undefined : { term: Number.parseInt(found[1] as string, 16), index: Number.parseInt(found[2] as string, 16) };
}

export function segmentName(id: number): string {
  return `${hex(id)}.segment`;
}

export function segmentId(name: string): number | undefined {
  const found = /^([0-9a-f]{16})\.segment$/.exec(name);
  return found === null ? undefined : Number.parseInt(found[1] as string, 16);
}

export function encodeManifest(manifest: StoreManifest): Uint8Array {
  const content = storeManifest.encode(manifest);
  const out = new Uint8Array(headerBytes + content.length);
  const view = new DataView(out.buffer);
  out.set(keyBytes(magic));
  view.setUint32(8, content.length, true);
  view.setUint32(12, crc32c(content), true);
  out.set(content, headerBytes);
  return out;
}

/** Rejects with StoreCorruption. */
export function decodeManifest(data: Uint8Array, path: string): StoreManifest {
  if (data.length < headerBytes || keyText(data.subarray(0, 8)) !== magic) throw new StoreCorruption(path, 0, 'this is no manifest');
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const content = data.subarray(headerBytes);
  if (view.getUint32(8, true) !== content.length) throw new StoreCorruption(path, data.length, 'the manifest is not whole');
  if (view.getUint32(12, true) !== crc32c(content)) throw new StoreCorruption(path, headerBytes, 'the manifest does not match its checksum');
  return storeManifest.decode(content);
}

export async function readManifest(disk: Disk, directory: string, name: string): Promise<StoreManifest> {
  const path = `${directory}/${name}`;
  return decodeManifest(await disk.readFile(path), path);
}

/**
 * Puts a manifest in place as one step: when this resolves it is there and on disk, with the names of the segments it needs.
 * `named` is called when it may have its name: from then on what it names must stay, whether this resolves or not.
 */
export async function writeManifest(disk: Disk, directory: string, manifest: StoreManifest, named: () => void): Promise<Uint8Array> {
  const data = encodeManifest(manifest);
  const path = `${directory}/${manifestName(manifest)}`;
  const part = `${path}.part`;
  await disk.remove(part);
  const file = await disk.open(part, 'create');
  try {
    await file.write(0, data);
    await file.datasync();
  } finally {
    await file.close();
  }
  // Names of segments first: a manifest must never be found without them.
  await disk.syncDirectory(directory);
  named();
  await disk.rename(part, path);
  await disk.syncDirectory(directory);
  return data;
}
