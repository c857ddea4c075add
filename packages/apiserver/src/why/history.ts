import { header, rfc3339Micros } from '@coxswain/host';
import { sourceIps, userAgentOf } from '../audit/sources.ts';
import type { Flight } from '../transport/handler.ts';
import type { WrittenChange } from '../types.ts';

const perObject = 32;
const objectsMax = 20_000;
/** Whoever asks chooses how much they say of themselves; who really was connected comes last. */
const maxText = 256;
const maxSources = 4;

/** Set by our controllers' clients: whose decision a request carries out. */
export const decisionHeader = 'x-coxswain-decision';

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

/** The recent changes that went through this server, in memory: of each object the newest, of all objects those that were changed last. */
export class ChangeHistory {
  readonly #objects = new Map<string, ChangeRecord[]>();
  readonly #objectsMax: number;

  constructor(objects = objectsMax) {
    this.#objectsMax = objects;
  }

  record(change: WrittenChange, { request, info, notes, user, impersonated, receivedMs }: Flight): void {
    const key = keyOf(change);
    const records = this.#objects.get(key) ?? [];
    this.#objects.delete(key);
    const oldest = this.#objects.keys().next();
    if (this.#objects.size >= this.#objectsMax && oldest.done !== true) this.#objects.delete(oldest.value);
    records.push({
      time: rfc3339Micros(receivedMs), resourceVersion: String(change.revision), uid: change.uid, deleted: change.deleted, verb: info.verb, subresource: info.subresource, auditId: notes.auditId,
      user: user?.name ?? '', impersonated: impersonated?.name ?? '', userAgent: userAgentOf(request).slice(0, maxText), sourceIps: sourceIps(request).slice(-maxSources), decision: (header(request.headers, decisionHeader) ?? '').slice(0, maxText),
    });
    if (records.length > perObject) records.shift();
    this.#objects.set(key, records);
  }

  /** Oldest first. */
  of(what: Pick<WrittenChange, 'group' | 'resource' | 'namespace' | 'name'>): readonly ChangeRecord[] {
    return this.#objects.get(keyOf(what)) ?? [];
  }
}
