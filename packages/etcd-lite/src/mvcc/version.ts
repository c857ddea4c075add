import { assert, emptyBytes } from '@coxswain/host';
import { crc32c } from '../wal/crc32c.ts';
import type { KeyValue } from '../client/types.ts';
import { keyBytes } from './key-text.ts';
import { placeLength, placeStart, wholeBlock } from './value-blocks.ts';

/** A file that holds values; see src/storage. Values in it are known by their number. */
export interface ValueFile {
  lengthOf(ordinal: number): number;
  /** No version needs this value any more. */
  drop(ordinal: number): void;
}

/** `ordinal` of a version that is in no file yet. */
export const notStored = -1;
/** `ordinal` of a version that is no longer part of the store: its value may be gone. */
export const pruned = -2;

/**
 * One version of one key, the unit of which the whole index is made: there are as many as keys, so it has few fields, all of
 * them small integers or shared. `version` 0 is a tombstone, made by a delete.
 */
export class Version {
  /** The key; see key-text.ts. */
  readonly text: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
  /** CRC-32C of the value, as a signed integer. */
  readonly crc: number;
  /** Where the value is in memory; see value-blocks.ts. An array of its own for each would leave a hole between versions when it goes. */
  #block: Uint8Array | undefined;
  #place = wholeBlock;
  file: ValueFile | undefined = undefined;
  ordinal: number = notStored;
  /** The version before it, unless that was dropped. */
  older: Version | undefined = undefined;

  constructor(text: string, createRevision: number, modRevision: number, version: number, lease: bigint, crc: number, value: Uint8Array | undefined) {
    this.text = text;
    this.createRevision = createRevision;
    this.modRevision = modRevision;
    this.version = version;
    this.lease = lease;
    this.crc = crc;
    this.#block = value;
  }

  /** Undefined: in `file` only. Set for as long as it is in no file; else a cache decides. */
  get value(): Uint8Array | undefined {
    const block = this.#block;
    if (block === undefined || this.#place === wholeBlock) return block;
    const start = placeStart(this.#place);
    return block.subarray(start, start + placeLength(this.#place));
  }

  set value(value: Uint8Array | undefined) {
    this.#block = value;
    this.#place = wholeBlock;
  }

  /** Its value is a part of a block. */
  setPlace(block: Uint8Array, place: number): void {
    this.#block = block;
    this.#place = place;
  }

  get hasValue(): boolean {
    return this.#block !== undefined;
  }

  /** Of the value, if it is in memory. */
  get valueLength(): number | undefined {
    return this.#place === wholeBlock ? this.#block?.length : placeLength(this.#place);
  }
}

export function valueCrc(value: Uint8Array): number {
  return value.length === 0 ? 0 : crc32c(value) | 0;
}

export function valueLength(version: Version): number {
  return version.valueLength ?? version.file?.lengthOf(version.ordinal) ?? 0;
}

/** For what was made sure to be in memory. */
export function valueOf(version: Version): Uint8Array {
  const { value } = version;
  assert(value !== undefined, 'the value was not fetched before it was needed', { key: version.text, revision: version.modRevision });
  return value;
}

/** The version that stood at `revision`, given the newest; undefined if there was none (or it was deleted). */
export function versionAt(newest: Version, revision: number): Version | undefined {
  for (let at: Version | undefined = newest; at !== undefined; at = at.older) {
    if (at.modRevision <= revision) return at.version === 0 ? undefined : at;
  }
  return undefined;
}

/** What a version adds to the store's hash: 32 bits of everything a client can read of it. The hash is the sum of them. */
export function contentHash(version: Version): number {
  let hash = Math.imul(version.crc ^ 0x2545f491, 0x01000193);
  const { text } = version;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = mixNumber(hash, version.createRevision);
  hash = mixNumber(hash, version.modRevision);
  hash = mixNumber(hash, version.version);
  if (version.lease !== 0n) hash = mixNumber(mixNumber(hash, Number(BigInt.asUintN(32, version.lease))), Number(BigInt.asUintN(32, version.lease >> 32n)));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mixNumber(hash: number, value: number): number {
  const low = Math.imul(hash ^ (value | 0), 0x01000193);
  return Math.imul(low ^ (Math.floor(value / 0x1_0000_0000) | 0), 0x01000193) ^ (low >>> 15);
}

/**
 * What a client is told of a version whose value is not in memory. Reading `value` before `fill` breaks an invariant rather
 * than answering with nothing; see `Values.load`.
 */
export class AbsentKeyValue implements KeyValue {
  readonly source: Version;
  readonly key: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
  /** The version was compacted away before its value could be read. */
  gone = false;
  #value: Uint8Array | undefined;

  constructor(source: Version) {
    this.source = source;
    this.key = keyBytes(source.text);
    this.createRevision = source.createRevision;
    this.modRevision = source.modRevision;
    this.version = source.version;
    this.lease = source.lease;
  }

  get value(): Uint8Array {
    assert(this.#value !== undefined, 'a value is used before it was read from its file', { key: this.source.text, revision: this.modRevision });
    return this.#value;
  }

  get loaded(): boolean {
    return this.#value !== undefined;
  }

  fill(value: Uint8Array): void {
    this.#value = value;
  }
}

export function keyValueOf(version: Version): KeyValue {
  const { value } = version;
  if (value === undefined) return new AbsentKeyValue(version);
  const { createRevision, modRevision, lease } = version;
  return { key: keyBytes(version.text), value, createRevision, modRevision, version: version.version, lease };
}

/** Without its value. */
export function keyOnlyOf(version: Version): KeyValue {
  const { createRevision, modRevision, lease } = version;
  return { key: keyBytes(version.text), value: emptyBytes, createRevision, modRevision, version: version.version, lease };
}

export function isAbsent(kv: KeyValue | undefined): kv is AbsentKeyValue {
  return kv instanceof AbsentKeyValue && !kv.loaded;
}
