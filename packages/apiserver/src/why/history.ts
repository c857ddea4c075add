import { fromUtf8, header, rfc3339Micros, utf8 } from '@coxswain/host';
import { sourceIps, userAgentOf } from '../audit/sources.ts';
import type { Flight } from '../transport/handler.ts';
import type { WrittenChange } from '../types.ts';

const perObject = 32;
/** Of everything remembered, about. */
const defaultMaxBytes = 32 * 1024 * 1024;
/** Of a record beside its texts, and of an object beside its records. */
const recordBytes = 400;
const objectBytes = 310;
/** Whoever asks chooses how much they say of themselves; who really was connected comes last. */
const maxText = 256;
const maxSources = 4;

/** Set by our controllers' clients: whose decision a request carries out. */
const decisionHeader = 'x-coxswain-decision';

/** One change of an object and the request that made it. */
export interface ChangeRecord {
  readonly time: string;
  readonly resourceVersion: string;
  readonly uid: string;
  readonly deleted: boolean;
  readonly verb: string;
  readonly subresource: string;
  readonly auditId: string;
  readonly user: string;
  readonly impersonated: string;
  readonly userAgent: string;
  readonly sourceIps: readonly string[];
  readonly decision: string;
}

function keyOf({ group, resource, namespace, name }: Pick<WrittenChange, 'group' | 'resource' | 'namespace' | 'name'>): string {
  return `${group}/${resource}/${namespace}/${name}`;
}

/** A part of a text holds all of it in memory. */
function copied(text: string, maxLength = text.length): string {
  return fromUtf8(utf8(text.slice(0, maxLength)));
}

function short(text: string): string {
  return text.length > maxText ? copied(text, maxText) : text;
}

/** Characters outside Latin-1 take two bytes; of those who send them there are few. */
function sizeOf(record: KeptRecord): number {
  const { resourceVersion, uid, verb, subresource, auditId, user, impersonated, userAgent, decision, sourceIps: addresses } = record;
  return recordBytes + resourceVersion.length + uid.length + verb.length + subresource.length + auditId.length + user.length + impersonated.length + userAgent.length + decision.length
    + addresses.reduce((sum, address) => sum + address.length + 16, 0);
}

/** The time is put into words for who asks. */
type KeptRecord = Omit<ChangeRecord, 'time'> & { readonly atMs: number };

interface Remembered {
  readonly records: KeptRecord[];
  sizeBytes: number;
}

/** The recent changes that went through this server, in memory: of each object the newest, of all objects those that were changed last, as many as fit. */
export class ChangeHistory {
  readonly #objects = new Map<string, Remembered>();
  readonly #maxBytes: number;
  /** Who goes next. Kept, since a map is slow to find its first entry where many before it have gone. */
  #leaving = this.#objects.keys();
  #sizeBytes = 0;

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  record(change: WrittenChange, { request, info, notes, user, impersonated, receivedMs }: Flight): void {
    const key = keyOf(change);
    const addresses = sourceIps(request);
    const object = this.#objects.get(key) ?? this.#begin(key);
    // Who changed last is the last to go.
    this.#objects.delete(key);
    this.#objects.set(key, object);
    this.#add(object, {
      atMs: receivedMs, resourceVersion: String(change.revision), uid: change.uid, deleted: change.deleted, verb: info.verb, subresource: info.subresource, auditId: short(notes.auditId),
      user: user?.name ?? '', impersonated: impersonated?.name ?? '', userAgent: short(userAgentOf(request)), sourceIps: addresses.length === 1 ? addresses : addresses.slice(-maxSources).map((address) => copied(address, maxText)),
      decision: short(header(request.headers, decisionHeader) ?? ''),
    });
    this.#makeRoom();
  }

  #begin(key: string): Remembered {
    const sizeBytes = objectBytes + key.length;
    this.#sizeBytes += sizeBytes;
    return { records: [], sizeBytes };
  }

  #add(object: Remembered, record: KeptRecord): void {
    object.records.push(record);
    const gone = object.records.length > perObject ? object.records.shift() : undefined;
    const grownBytes = sizeOf(record) - (gone === undefined ? 0 : sizeOf(gone));
    object.sizeBytes += grownBytes;
    this.#sizeBytes += grownBytes;
  }

  #makeRoom(): void {
    while (this.#sizeBytes > this.#maxBytes && this.#objects.size > 0) {
      const { value: key } = this.#leaving.next();
      if (key === undefined) this.#leaving = this.#objects.keys();
      else this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#sizeBytes -= this.#objects.get(key)?.sizeBytes ?? 0;
    this.#objects.delete(key);
  }

  /** Oldest first. */
  of(what: Pick<WrittenChange, 'group' | 'resource' | 'namespace' | 'name'>): readonly ChangeRecord[] {
    return (this.#objects.get(keyOf(what))?.records ?? []).map(({ atMs, ...record }) => ({ time: rfc3339Micros(atMs), ...record }));
  }
}
