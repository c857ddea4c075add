import type { Host } from '@coxswain/host';
import { rfc3339Seconds } from '@coxswain/host';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';

export interface FakeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface FakeKey { readonly group: string; readonly resource: string; readonly namespace: string; readonly name: string }
export interface FakeChange { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly key: FakeKey; readonly object: FakeObject; readonly before: FakeObject | undefined; readonly revision: number }

export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;
  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

const textOf = (key: FakeKey): string => `${key.group}/${key.resource}/${key.namespace}/${key.name}`;

export interface FakeDeleteOptions { readonly gracePeriodSeconds?: number; readonly propagationPolicy?: string; readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } }

/**
 * What a test of a controller needs of an API server's storage: revisions, conflicts, generations, finalizers, graceful deletion
 * of pods on nodes, the finalizers of propagation policies. No validation, no defaults, no admission.
 */
export class FakeStore {
  readonly #host: Host;
  readonly #objects = new Map<string, { readonly key: FakeKey; readonly object: FakeObject }>();
  readonly changes: FakeChange[] = [];
  readonly listeners = new Set<(change: FakeChange) => void>();
  revision = 100;
  /** Watches from below it are answered 410. */
  compactedRevision = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  list(group: string, resource: string, namespace: string): FakeObject[] {
    const out: FakeObject[] = [];
    for (const { key, object } of this.#objects.values()) {
      if (key.group === group && key.resource === resource && (namespace === '' || key.namespace === namespace)) out.push(object);
    }
    return out;
  }

  get(key: FakeKey): FakeObject {
    const found = this.#objects.get(textOf(key));
    if (found === undefined) throw new Refusal(404, 'NotFound', `${key.resource} "${key.name}" not found`);
    return found.object;
  }

  #commit(type: FakeChange['type'], key: FakeKey, object: FakeObject, before: FakeObject | undefined): FakeObject {
    this.revision += 1;
    const stored = structuredClone(object);
    stored.metadata = { ...stored.metadata, resourceVersion: String(this.revision) };
    if (type === 'DELETED') this.#objects.delete(textOf(key));
    else this.#objects.set(textOf(key), { key, object: stored });
    const change = { type, key, object: stored, before, revision: this.revision };
    this.changes.push(change);
    for (const listener of this.listeners) listener(change);
    return stored;
  }

  create(where: Omit<FakeKey, 'name'>, object: FakeObject): FakeObject {
    const metadata = { ...object.metadata };
    if (metadata.name === undefined && metadata.generateName !== undefined) metadata.name = metadata.generateName + this.#host.random.uint32().toString(36).padStart(5, '0').slice(0, 5);
    const key = { ...where, name: metadata.name ?? '' };
    if (this.#objects.has(textOf(key))) throw new Refusal(409, 'AlreadyExists', `${key.resource} "${key.name}" already exists`);
    metadata.uid = this.#host.random.uuid();
    metadata.creationTimestamp = rfc3339Seconds(this.#host.clock.nowMs());
    metadata.generation = 1;
    if (where.namespace !== '') metadata.namespace = where.namespace;
    return this.#commit('ADDED', key, { ...object, metadata }, undefined);
  }

  update(key: FakeKey, object: FakeObject, subresource: string): FakeObject {
    const before = this.get(key);
    const asked = object.metadata.resourceVersion;
    if (asked !== undefined && asked !== '' && asked !== before.metadata.resourceVersion) throw new Refusal(409, 'Conflict', `Operation cannot be fulfilled on ${key.resource} "${key.name}": the object has been modified`);
    if (object.metadata.uid !== undefined && object.metadata.uid !== before.metadata.uid) throw new Refusal(409, 'Conflict', 'Precondition failed: UID in precondition does not match');
    const next: FakeObject = subresource === 'status' ? { ...before, status: object['status'] } : { ...object, metadata: { ...object.metadata, ...keptMetadata(before) } };
    if (subresource === '' && before['status'] !== undefined) next['status'] = before['status'];
    if (subresource !== 'status' && JSON.stringify(next['spec']) !== JSON.stringify(before['spec'])) next.metadata = { ...next.metadata, generation: (before.metadata.generation ?? 0) + 1 };
    if (JSON.stringify(next) === JSON.stringify(before)) return before;
    if (this.#isGone(next)) return this.#commit('DELETED', key, next, before);
    return this.#commit('MODIFIED', key, next, before);
  }

  #isGone(object: FakeObject): boolean {
    const finalizers = [...object.metadata.finalizers ?? [], ...(object['spec'] as { finalizers?: string[] } | undefined)?.finalizers ?? []];
    return object.metadata.deletionTimestamp !== undefined && finalizers.length === 0 && (object.metadata.deletionGracePeriodSeconds ?? 0) === 0;
  }

  delete(key: FakeKey, options: FakeDeleteOptions): FakeObject {
    const before = this.get(key);
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid !== undefined && uid !== before.metadata.uid) throw new Refusal(409, 'Conflict', 'Precondition failed: UID in precondition does not match');
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) throw new Refusal(409, 'Conflict', 'Precondition failed: resourceVersion');
    const grace = this.#graceOf(key, before, options.gracePeriodSeconds);
    const finalizers = new Set(before.metadata.finalizers);
    if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
    if (options.propagationPolicy === 'Orphan') finalizers.add('orphan');
    const next: FakeObject = { ...before, metadata: {
      ...before.metadata, deletionGracePeriodSeconds: grace, ...(finalizers.size === 0 ? {} : { finalizers: [...finalizers] }),
      deletionTimestamp: before.metadata.deletionTimestamp ?? rfc3339Seconds(this.#host.clock.nowMs() + grace * 1000),
    } };
    if (key.resource === 'namespaces') next['status'] = { phase: 'Terminating' };
    if (this.#isGone(next)) return this.#commit('DELETED', key, next, before);
    if (before.metadata.deletionTimestamp !== undefined && before.metadata.deletionGracePeriodSeconds === grace) return before;
    return this.#commit('MODIFIED', key, next, before);
  }

  #graceOf(key: FakeKey, object: FakeObject, asked: number | undefined): number {
    const spec = object['spec'] as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined;
    if (key.resource !== 'pods' || spec?.nodeName === undefined) return 0;
    return asked ?? spec.terminationGracePeriodSeconds ?? 30;
  }
}

function keptMetadata(before: FakeObject): ObjectMeta {
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, namespace, name } = before.metadata;
  return {
    ...(uid === undefined ? {} : { uid }), ...(creationTimestamp === undefined ? {} : { creationTimestamp }), ...(name === undefined ? {} : { name }),
    ...(generation === undefined ? {} : { generation }), ...(namespace === undefined ? {} : { namespace }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }), ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}
