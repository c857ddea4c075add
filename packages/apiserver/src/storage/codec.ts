import { internalError, type JsonObject } from '@coxswain/api';
import { assert, fromUtf8, utf8 } from '@coxswain/host';

/** How the objects of one resource become bytes; made from the description (or from a CRD). */
export interface StorageCodec {
  /** Keys in upstream's order, resourceVersion left out. */
  encode(object: JsonObject): string;
  /** Reads upstream's protobuf too (`k8s\0`). */
  decode(value: Uint8Array): JsonObject;
  /** What is stored where that is not what is served: custom resources have one version in the store and are defaulted when read. */
  toStore?(object: JsonObject): string;
  /** False if writing the same object again would store other bytes: it was stored under another version. */
  isCurrent?(value: Uint8Array): boolean;
}

const metadataMark = '"metadata":{';

/**
 * The served text from the stored one without parsing: resourceVersion stands behind the uid. undefined if the text is not of the
 * shape that we write (then it has to be parsed).
 */
export function spliceResourceVersion(stored: string, revision: number): string | undefined {
  const metadata = stored.indexOf(metadataMark);
  // name, generateName, namespace and uid come first and cannot contain quotes; anything else means a foreign key order.
  const head = metadata < 0 ? '' : stored.slice(metadata + metadataMark.length, metadata + metadataMark.length + 700);
  const match = /^(?:"(?:name|generateName|namespace|selfLink)":"[^"\\]*",)*"uid":"[^"\\]*"/.exec(head);
  if (match === null) return undefined;
  const at = metadata + metadataMark.length + match[0].length;
  return `${stored.slice(0, at)},"resourceVersion":"${revision}"${stored.slice(at)}`;
}

/** A store that was taken over without its --encryption-provider-config. */
function isEncrypted(value: Uint8Array): boolean {
  return value[0] === 0x6b && fromUtf8(value.subarray(0, 8)) === 'k8s:enc:';
}

export function metadataOf(object: JsonObject): JsonObject {
  const metadata = object['metadata'];
  assert(typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata), 'object without metadata', {});
  return metadata;
}

/** One stored state of one object; revision 0: it was not stored (a dry run). Immutable; text and object are made when first asked for. */
export class StoredObject {
  readonly key: string;
  readonly revision: number;
  readonly createRevision: number;
  readonly lease: bigint;
  /** It lies in the store under a former key: its next write is one even if nothing has changed. */
  readonly stale: boolean;
  readonly #value: Uint8Array;
  readonly #codec: StorageCodec;
  #object: JsonObject | undefined;
  #text: string | undefined;

  constructor(key: string, value: Uint8Array, revision: number, codec: StorageCodec, options: { readonly createRevision?: number; readonly lease?: bigint; readonly stale?: boolean } = {}) {
    this.key = key;
    this.revision = revision;
    this.createRevision = options.createRevision ?? revision;
    this.lease = options.lease ?? 0n;
    this.stale = options.stale ?? false;
    this.#value = value;
    this.#codec = codec;
  }

  /** Shared: copy before changing. resourceVersion is set. */
  get object(): JsonObject {
    if (this.#object === undefined) {
      if (isEncrypted(this.#value)) throw internalError('identity transformer tried to read encrypted data');
      this.#object = this.#codec.decode(this.#value);
      if (this.revision > 0) metadataOf(this.#object)['resourceVersion'] = String(this.revision);
    }
    return this.#object;
  }

  /** JSON as served in the storage version. */
  get text(): string {
    if (this.#text === undefined) {
      const stored = this.#value[0] === 0x7b && this.#codec.toStore === undefined ? fromUtf8(this.#value) : '';
      this.#text = (this.revision > 0 ? spliceResourceVersion(stored, this.revision) : undefined) ?? this.#codec.encode(this.object);
    }
    return this.#text;
  }

  get value(): Uint8Array {
    return this.#value;
  }

  /** The same state told at another revision: what a DELETED event carries. */
  at(revision: number): StoredObject {
    return new StoredObject(this.key, this.#value, revision, this.#codec, { createRevision: this.createRevision });
  }
}

/** A copy without resourceVersion, which is the store's to say. */
export function encodeForStore(object: JsonObject, codec: StorageCodec): Uint8Array {
  const metadata = { ...metadataOf(object) };
  delete metadata['resourceVersion'];
  delete metadata['selfLink'];
  const bare = { ...object, metadata };
  return utf8(codec.toStore?.(bare) ?? codec.encode(bare));
}
