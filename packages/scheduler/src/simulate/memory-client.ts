import { ApiError, type Client, type KubeObject, type ObjectKey, type ResourceType, type WatchEvent } from '@coxswain/client';
import { AsyncQueue } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { ClusterState, SimulatedResource } from './cluster-state.ts';

type Event = WatchEvent<KubeObject>;
interface Watcher { readonly resource: string; readonly queue: AsyncQueue<Event> }

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

function unused(what: string): never {
  throw new Error(`the simulated cluster was asked to ${what}`);
}

function gone(type: ResourceType, key: ObjectKey): ApiError {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', code: 404, message: `${type.resource} "${key.name}" not found` };
  return new ApiError(status as ConstructorParameters<typeof ApiError>[0]);
}

/**
 * A cluster of which there is nothing but what the scheduler reads and writes: objects, their watches, bindings, conditions of pods, and
 * pods that are deleted (at once, as if they had ended). Nothing leaves the process.
 */
export class MemoryClient implements Client {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #watchers = new Set<Watcher>();
  #revision = 1;
  /** Pods that preemption deleted, `namespace/name`. */
  readonly preempted: string[] = [];

  constructor(state: ClusterState) {
    for (const [resource, objects] of state) {
      this.#objects.set(resource, new Map(objects.map((object) => [keyOf(object.metadata?.namespace, object.metadata?.name ?? ''), this.#stamped(object)])));
    }
  }

  objects(resource: SimulatedResource): readonly KubeObject[] {
    return [...(this.#objects.get(resource)?.values() ?? [])];
  }

  #stamped(object: KubeObject): KubeObject {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #tell(resource: string, event: Event): void {
    for (const watcher of this.#watchers) if (watcher.resource === resource) watcher.queue.push(event);
  }

  #find(type: ResourceType, key: ObjectKey): KubeObject {
    const object = this.#objects.get(type.resource)?.get(keyOf(key.namespace, key.name));
    if (object === undefined) throw gone(type, key);
    return object;
  }

  #replace(type: ResourceType, key: ObjectKey, object: KubeObject): KubeObject {
    const stored = this.#stamped(object);
    this.#objects.get(type.resource)?.set(keyOf(key.namespace, key.name), stored);
    this.#tell(type.resource, { type: 'MODIFIED', object: stored });
    return stored;
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    return this.#find(type, key) as T;
  }

  async list<T extends KubeObject>(type: ResourceType<T>): Promise<{ metadata: { resourceVersion: string }; items: T[] }> {
    return { metadata: { resourceVersion: String(this.#revision) }, items: [...(this.#objects.get(type.resource)?.values() ?? [])] as T[] };
  }

  async *watch<T extends KubeObject>(type: ResourceType<T>, options: { readonly signal?: AbortSignal | undefined } = {}): AsyncGenerator<WatchEvent<T>> {
    const watcher: Watcher = { resource: type.resource, queue: new AsyncQueue() };
    this.#watchers.add(watcher);
    const end = (): void => { watcher.queue.end(); };
    options.signal?.addEventListener('abort', end, { once: true });
    try {
      for await (const event of watcher.queue) yield event as WatchEvent<T>;
    } finally {
      options.signal?.removeEventListener('abort', end);
      this.#watchers.delete(watcher);
    }
  }

  /** Events are what schedulers create; nobody reads them here. */
  async create<T extends KubeObject>(_type: ResourceType<T>, object: T): Promise<T> {
    return object;
  }

  /** Conditions replace those of their type, other fields of the status replace what was there. */
  async patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, _patchType: unknown, body: unknown): Promise<T> {
    const pod = this.#find(type, key) as Pod;
    const { conditions, ...status } = (body as { status?: NonNullable<Pod['status']> }).status ?? {};
    const types = new Set(conditions?.map((condition) => condition.type));
    const kept = (pod.status?.conditions ?? []).filter((condition) => !types.has(condition.type));
    const patched: Pod = { ...pod, status: { ...pod.status, ...status, conditions: [...kept, ...(conditions ?? [])] } };
    return this.#replace(type, key, patched) as T;
  }

  async delete(type: ResourceType, key: ObjectKey): Promise<void> {
    const object = this.#find(type, key);
    this.#objects.get(type.resource)?.delete(keyOf(key.namespace, key.name));
    if (type.resource === 'pods') this.preempted.push(keyOf(key.namespace, key.name));
    this.#tell(type.resource, { type: 'DELETED', object: this.#stamped(object) });
  }

  async createSubresource(type: ResourceType, key: ObjectKey, subresource: string, body: unknown): Promise<unknown> {
    if (subresource !== 'binding') unused(`create ${subresource}`);
    const pod = this.#find(type, key) as Pod;
    const bound: Pod = { ...pod, spec: { ...(pod.spec ?? { containers: [] }), nodeName: (body as { target: { name: string } }).target.name } };
    this.#replace(type, key, bound);
    return { kind: 'Status', status: 'Success' };
  }

  /** There is no fast path here. */
  async raw(): Promise<{ readonly status: number; readonly body: Uint8Array }> {
    return { status: 404, body: new Uint8Array(0) };
  }

  async update(): Promise<never> { unused('update'); }
  async updateStatus(): Promise<never> { unused('update a status'); }
  async deleteCollection(): Promise<never> { unused('delete a collection'); }
}
