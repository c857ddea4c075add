import { internalError, type JsonObject } from '@coxswain/api';
import { assert, concatBytes, copyBytes, fromUtf8, utf8 } from '@coxswain/host';
import { EncodedBudget, type BytePart, type Kept } from './encoded.ts';
import { memberTexts, textFinder } from './find.ts';
import { ParsedBudget } from './parsed.ts';
import { behindUid, placeOf } from './splice.ts';

/** How the objects of one resource become bytes; made from the description (or from a CRD). */
export interface StorageCodec {
  /** Keys in upstream's order, resourceVersion left out. */
  encode(object: JsonObject): string;
  /** As `encode`; `exact`: decoding the text would give an equal object. Absent: nobody knows. `kept`: members whose text is known. */
  encodeExactly?(object: JsonObject, kept?: ReadonlyMap<string, string>): { readonly text: string; readonly exact: boolean };
  /** Reads upstream's protobuf too (`k8s\0`). */
  decode(value: Uint8Array): JsonObject;
  /** What `encodeProtobuf` makes of what `decode` makes of our own JSON, without either; good until the next is asked for. undefined: it takes both. */
  transcode?(value: Uint8Array, resourceVersion: string | undefined): Uint8Array | undefined;
  /** What is stored where that is not what is served: custom resources have one version in the store and are defaulted when read. */
  toStore?(object: JsonObject): string;
  /** False if writing the same object again would store other bytes: it was stored under another version. */
  isCurrent?(value: Uint8Array): boolean;
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

/** Of the stored sizes, over all resources. */
const parsed = new ParsedBudget(8 * 1024 * 1024);
/** Of what is sent in protobuf, which is at most about as much as JSON. */
const encoded = new EncodedBudget({ leastBytes: 48 * 1024 * 1024, share: 1 });
/** Objects are held, by who lists them, of so many bytes more or fewer. */
export function holdStored(changeBytes: number): void {
  encoded.hold(changeBytes);
}
/** For who measures what memory holds beside what is made of stored bytes: it takes long until these are full. */
export function forgetDerived(): void {
  parsed.forgetAll();
  encoded.forgetAll();
}

const findNodeName = textFinder('spec', 'nodeName');
const unknown = -2;
const versionHead = Uint8Array.from(',"resourceVersion":"', (char) => char.charCodeAt(0));
const quote = 0x22;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** JSON as we write it: kube-apiserver's ends with a line feed, and may lack defaults or be of another version. */
export function isOwnJson(value: Uint8Array): boolean {
  return value[0] === openBrace && value[value.length - 1] === closeBrace;
}

export interface StoredOptions {
  readonly createRevision?: number;
  readonly lease?: bigint;
  readonly stale?: boolean;
  /** What decoding the value would give, but for resourceVersion, if that is known. Nobody may change it any more. */
  readonly object?: JsonObject | undefined;
  readonly specIsValid?: boolean;
}

/** One stored state of one object; revision 0: it was not stored (a dry run). Immutable; kept as bytes, parsed when asked for. */
export class StoredObject {
  readonly key: string;
  readonly revision: number;
  readonly createRevision: number;
  readonly lease: bigint;
  /** It lies in the store under a former key: its next write is one even if nothing has changed. */
  readonly stale: boolean;
  /** All rules of its kind were asked of its spec by this server, and none refused it. */
  readonly specIsValid: boolean;
  readonly #value: Uint8Array;
  readonly #codec: StorageCodec;
  #object: JsonObject | undefined;
  #protobuf: Kept | undefined;
  /** Where resourceVersion goes in the stored bytes; -1: nowhere, they are not what is served. Found when it is first asked for. */
  #versionAt = unknown;

  constructor(key: string, value: Uint8Array, revision: number, codec: StorageCodec, options: StoredOptions = {}) {
    this.key = key;
    this.revision = revision;
    this.createRevision = options.createRevision ?? revision;
    this.lease = options.lease ?? 0n;
    this.stale = options.stale ?? false;
    this.specIsValid = options.specIsValid ?? false;
    this.#value = value;
    this.#codec = codec;
    if (options.object !== undefined && revision > 0) this.#object = { ...options.object, metadata: { ...metadataOf(options.object), resourceVersion: String(revision) } };
  }

  /** The same state as the store tells of it, which knows more. */
  as(known: Pick<StoredOptions, 'createRevision' | 'lease' | 'stale'>): StoredObject {
    const same = new StoredObject(this.key, this.#value, this.revision, this.#codec, { createRevision: known.createRevision, lease: known.lease, stale: known.stale, specIsValid: this.specIsValid });
    same.#object = this.#object;
    same.#versionAt = this.#versionAt;
    if (same.#object !== undefined) parsed.keep(same, this.#value.length);
    return same;
  }

  /** Shared: copy before changing. resourceVersion is set. Later calls may answer another, equal object. */
  get object(): JsonObject {
    if (this.#object === undefined) {
      this.#object = this.#decode();
      parsed.keep(this, this.#value.length);
    }
    return this.#object;
  }

  #decode(): JsonObject {
    if (isEncrypted(this.#value)) throw internalError('identity transformer tried to read encrypted data');
    const object = this.#codec.decode(this.#value);
    if (this.revision > 0) metadataOf(object)['resourceVersion'] = String(this.revision);
    return object;
  }

  forget(): void {
    this.#object = undefined;
  }

  /** `spec.nodeName`, for pods what most is decided by: found without parsing all of it. */
  get nodeName(): string {
    if (this.#object === undefined && this.isServedForm) return findNodeName(this.#value);
    const { spec } = this.object;
    const name = typeof spec === 'object' && spec !== null && !Array.isArray(spec) ? spec['nodeName'] : undefined;
    return typeof name === 'string' ? name : '';
  }

  /** The stored bytes are JSON as it is served, but for resourceVersion. */
  get isServedForm(): boolean {
    return isOwnJson(this.#value) && this.#codec.toStore === undefined;
  }

  /** Where resourceVersion goes in the stored bytes; -1: they are not what is served, or it is not known yet. */
  get versionAt(): number {
    if (this.#versionAt === unknown) this.#versionAt = this.revision > 0 && this.isServedForm ? behindUid(this.#value) : -1;
    return this.#versionAt;
  }

  /** More than `writeServed` writes. */
  get servedBytesMax(): number {
    return this.#value.length + versionBytesMax;
  }

  /** What `bytes` says, but for its first `from` bytes, into `target`; answers where that ends. Only where `versionAt` is not -1. */
  writeServed(from: number, target: Uint8Array, at: number): number {
    const { versionAt } = this;
    copyBytes(this.#value, from, versionAt, target, at);
    const end = writeVersion(this.revision, target, at + versionAt - from);
    copyBytes(this.#value, versionAt, this.#value.length, target, end);
    return end + this.#value.length - versionAt;
  }

  /** JSON as served in the storage version. */
  get bytes(): Uint8Array {
    return concatBytes(this.parts);
  }

  /** As `bytes`, in views of what is stored: nothing is copied. */
  get parts(): readonly Uint8Array[] {
    const at = this.versionAt;
    if (at >= 0) return [this.#value.subarray(0, at), versionBytes(this.revision), this.#value.subarray(at)];
    const served = utf8(this.#codec.encode(this.object));
    // Custom resources may lack defaults or be of another version; having been read once they are known not to.
    if (this.revision > 0) this.#versionAt = placeOf(versionBytes(this.revision), this.#value, served);
    return [served];
  }

  get text(): string {
    return fromUtf8(this.bytes);
  }

  /** `protobuf` need not encode. */
  get knowsProtobuf(): boolean {
    return this.#protobuf?.isThere === true;
  }

  /** As `protobufPart`, in a view. */
  protobuf(encode: (object: JsonObject) => Uint8Array): Uint8Array {
    const { bytes, from, to } = this.protobufPart(encode);
    return bytes.subarray(from, to);
  }

  /** What `encode` makes of the object, kept for a while (in place of its parsed form, which few ask for as well). */
  protobufPart(encode: (object: JsonObject) => Uint8Array): BytePart {
    const known = this.#protobuf?.part;
    if (known !== undefined) return known;
    const version = this.revision > 0 ? String(this.revision) : undefined;
    const made = this.isServedForm ? this.#codec.transcode?.(this.#value, version) : undefined;
    this.#protobuf = encoded.keep(made ?? encode(this.#object ?? this.#decode()));
    return this.#protobuf.part as BytePart;
  }

  get value(): Uint8Array {
    return this.#value;
  }

  /** The same state told at another revision: what a DELETED event carries. */
  at(revision: number): StoredObject {
    return new StoredObject(this.key, this.#value, revision, this.#codec, { createRevision: this.createRevision });
  }
}

/** Of a revision of 16 digits. */
const versionBytesMax = versionHead.length + 17;

function writeVersion(revision: number, target: Uint8Array, at: number): number {
  target.set(versionHead, at);
  const digits = String(revision);
  let end = at + versionHead.length;
  for (let index = 0; index < digits.length; index += 1) target[end + index] = digits.charCodeAt(index);
  end += digits.length;
  target[end] = quote;
  return end + 1;
}

const versionScratch = new Uint8Array(versionBytesMax);

/** Short enough to lie in the heap: no buffer of its own. */
function versionBytes(revision: number): Uint8Array {
  return versionScratch.slice(0, writeVersion(revision, versionScratch, 0));
}

export interface Encoded {
  readonly value: Uint8Array;
  /** What decoding the value would give, if that is known without. Shares all but its metadata with what was encoded. */
  readonly object: JsonObject | undefined;
}

/** The text of the members that the object has in common with the stored one, found in what is stored. */
function textInCommon(object: JsonObject, stored: StoredObject): ReadonlyMap<string, string> | undefined {
  const before = stored.object;
  const common = Object.keys(object).filter((key) => typeof object[key] === 'object' && object[key] === before[key]);
  return common.length === 0 ? undefined : memberTexts(stored.value, common);
}

/** Without resourceVersion, which is the store's to say. `stored`: what the object was made from; members that are the very same are not encoded again. */
export function encodeForStore(object: JsonObject, codec: StorageCodec, stored?: StoredObject): Encoded {
  const { resourceVersion: _version, selfLink: _link, ...metadata } = metadataOf(object);
  const bare = { ...object, metadata };
  if (codec.toStore !== undefined || codec.encodeExactly === undefined) return { value: utf8(codec.toStore?.(bare) ?? codec.encode(bare)), object: undefined };
  const { text, exact } = codec.encodeExactly(bare, stored?.isServedForm === true ? textInCommon(object, stored) : undefined);
  return { value: utf8(text), object: exact ? bare : undefined };
}
