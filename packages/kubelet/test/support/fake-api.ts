import type { Client, DeleteOptions, KubeObject, ListOptions, ObjectKey, PatchType, ResourceType, WatchEvent, WatchOptions, WriteOptions } from '@coxswain/client';
import { AsyncQueue } from '@coxswain/host';

type Stored = KubeObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> };

class Refusal extends Error {
  readonly code: number;
  readonly reason: string;
  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

type Item = Record<string, unknown>;

/** Strategic merge as far as pod and node statuses need it: conditions by type, addresses by ip, null removes. */
function mergeStatus(old: Item, patch: Item): Item {
  const next: Item = { ...old, ...patch };
  for (const [field, key] of [['conditions', 'type'], ['podIPs', 'ip'], ['hostIPs', 'ip']] as const) {
    if (patch[field] === undefined) continue;
    const merged = new Map(((old[field] ?? []) as Item[]).map((item) => [item[key], item]));
    for (const item of patch[field] as Item[]) {
      if (item['$patch'] === 'delete') merged.delete(item[key]);
      else merged.set(item[key], Object.fromEntries(Object.entries({ ...merged.get(item[key]), ...item }).filter(([name, value]) => value !== null || name === 'lastProbeTime')));
    }
    next[field] = [...merged.values()];
  }
  return Object.fromEntries(Object.entries(next).filter(([, value]) => value !== null));
}

interface Watcher { readonly resource: string; readonly matches: (object: Stored) => boolean; readonly queue: AsyncQueue<WatchEvent<Stored>> }

/** Just enough of an API server for one kubelet: a map of objects with versions, watches, graceful deletion of pods. */
export class FakeApi implements Client {
  readonly #objects = new Map<string, Stored>();
  readonly #watchers = new Set<Watcher>();
  readonly #listeners = new Set<() => void>();
  readonly tokens: unknown[] = [];
  #version = 100;

  #key(type: ResourceType, key: ObjectKey): string {
    return `${type.resource}/${type.namespaced ? key.namespace ?? 'default' : ''}/${key.name}`;
  }

  #store(id: string, object: Stored, type: 'ADDED' | 'MODIFIED' | 'DELETED'): Stored {
    this.#version += 1;
    const stored = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } });
    if (type === 'DELETED') this.#objects.delete(id);
    else this.#objects.set(id, stored);
    for (const watcher of this.#watchers) {
      if (id.startsWith(`${watcher.resource}/`) && watcher.matches(stored)) watcher.queue.push({ type, object: structuredClone(stored) });
    }
    for (const listener of this.#listeners) listener();
    return structuredClone(stored);
  }

  /** Resolves with the object as soon as `test` accepts it; `test` gets undefined while there is none. */
  until<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, test: (object: T | undefined) => boolean, timeoutMs = 30_000): Promise<T | undefined> {
    const id = this.#key(type, key);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { this.#listeners.delete(look); reject(new Error(`${id} did not come so far: ${JSON.stringify(this.#objects.get(id))}\nevents: ${this.events().join('\n')}`)); }, timeoutMs);
      const look = (): void => {
        const object = this.#objects.get(id) as T | undefined;
        if (!test(object)) return;
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve(object);
      };
      this.#listeners.add(look);
      look();
    });
  }

  events(): string[] {
    return [...this.#objects].filter(([id]) => id.startsWith('events/')).map(([, object]) => { const event = object as unknown as { type: string; reason: string; message: string; involvedObject: { name: string } }; return `${event.involvedObject.name} ${event.type} ${event.reason}: ${event.message}`; });
  }

  #find(type: ResourceType, key: ObjectKey): Stored {
    const object = this.#objects.get(this.#key(type, key));
    if (object === undefined) throw new Refusal(404, 'NotFound', `${type.resource} "${key.name}" not found`);
    return object;
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> { return structuredClone(this.#find(type, key)) as T; }

  #matcher(options: ListOptions): (object: Stored) => boolean {
    const [field, value] = (options.fieldSelector ?? '').split('=');
    return (object) => {
      if (options.namespace !== undefined && object.metadata?.namespace !== options.namespace) return false;
      if (field === 'spec.nodeName') return object.spec?.['nodeName'] === value;
      return field !== 'metadata.name' || object.metadata?.name === value;
    };
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<{ metadata: { resourceVersion: string }; items: T[] }> {
    const matches = this.#matcher(options);
    const items = [...this.#objects].filter(([id, object]) => id.startsWith(`${type.resource}/`) && matches(object)).map(([, object]) => structuredClone(object) as T);
    return { metadata: { resourceVersion: String(this.#version) }, items };
  }

  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>> {
    const matches = this.#matcher(options);
    const queue = new AsyncQueue<WatchEvent<Stored>>();
    const watcher = { resource: type.resource, matches, queue };
    if (options.sendInitialEvents === true) {
      for (const object of (await this.list(type, options)).items) queue.push({ type: 'ADDED', object: object as Stored });
      queue.push({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#version), annotations: { 'k8s.io/initial-events-end': 'true' } } } });
    }
    this.#watchers.add(watcher);
    options.signal?.addEventListener('abort', () => queue.end());
    try {
      for await (const event of queue) yield event as WatchEvent<T>;
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const name = object.metadata?.name ?? `${object.metadata?.generateName ?? ''}${Math.random().toString(36).slice(2, 7)}`;
    const id = this.#key(type, { namespace: object.metadata?.namespace, name });
    if (this.#objects.has(id)) throw new Refusal(409, 'AlreadyExists', `${id} already exists`);
    const metadata = { uid: crypto.randomUUID(), creationTimestamp: new Date().toISOString(), ...object.metadata, name, ...(type.namespaced ? { namespace: object.metadata?.namespace ?? 'default' } : {}) };
    return this.#store(id, { apiVersion: type.group === '' ? 'v1' : `${type.group}/${type.version}`, kind: type.kind, ...object, metadata } as Stored, 'ADDED') as T;
  }

  async update<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const key = { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' };
    this.#find(type, key);
    return this.#store(this.#key(type, key), object as Stored, 'MODIFIED') as T;
  }

  updateStatus<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> { return this.update(type, object); }

  async patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, _patchType: PatchType, body: unknown, options?: WriteOptions): Promise<T> {
    const old = this.#find(type, key);
    const patch = body as Stored;
    if (patch.metadata?.uid !== undefined && patch.metadata.uid !== old.metadata?.uid) throw new Refusal(409, 'Conflict', 'uid');
    const next: Stored = structuredClone(old);
    if (options?.subresource === 'status') next.status = mergeStatus(old.status ?? {}, patch.status ?? {});
    else Object.assign(next, patch, { metadata: { ...old.metadata, ...patch.metadata, labels: { ...old.metadata?.labels, ...patch.metadata?.labels } } });
    return this.#store(this.#key(type, key), next, 'MODIFIED') as T;
  }

  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const old = this.#find(type, key);
    if (options.preconditions?.uid !== undefined && options.preconditions.uid !== old.metadata?.uid) throw new Refusal(409, 'Conflict', 'uid');
    const spec = old.spec as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined;
    const grace = options.gracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
    if (type.resource === 'pods' && grace > 0 && spec?.nodeName !== undefined) {
      this.#store(this.#key(type, key), { ...old, metadata: { ...old.metadata, deletionTimestamp: new Date(Date.now() + grace * 1000).toISOString(), deletionGracePeriodSeconds: grace } }, 'MODIFIED');
      return;
    }
    this.#store(this.#key(type, key), old, 'DELETED');
  }

  deleteCollection(): Promise<void> { return Promise.reject(new Refusal(405, 'MethodNotAllowed', 'not here')); }

  async createSubresource(_type: ResourceType, key: ObjectKey, subresource: string, body: unknown): Promise<unknown> {
    if (subresource !== 'token') throw new Refusal(404, 'NotFound', subresource);
    this.tokens.push(body);
    return { status: { token: `token-of-${key.name}-${this.tokens.length}`, expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() } };
  }

  raw(): Promise<{ status: number; body: Uint8Array }> { return Promise.resolve({ status: 200, body: new Uint8Array(0) }); }
}
