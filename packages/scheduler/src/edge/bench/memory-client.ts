import { ApiError, Cache, keyOf, keyOfObject, objectKey, type Client, type Informer, type InformerHandler, type KubeObject, type ObjectKey, type ResourceType } from '@coxswain/client';
import type { ResourceClaim } from '@coxswain/api/dynamic-resources';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1';

/** An informer whose news come at once, from the program itself. */
export class MemoryInformer<T extends KubeObject> implements Informer<T> {
  readonly type: ResourceType<T>;
  readonly lister = new Cache<T>();
  readonly hasSynced = true;
  readonly resourceVersion = '0';
  readonly #handlers: InformerHandler<T>[] = [];

  constructor(type: ResourceType<T>) {
    this.type = type;
  }

  addHandler(handler: InformerHandler<T>): void {
    this.#handlers.push(handler);
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    this.lister.addIndex(name, values);
  }

  readonly isAbsent = false;
  mayBeAbsent(): void {}

  whenSynced(): Promise<void> {
    return Promise.resolve();
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  put(object: T): void {
    const before = this.lister.set(object);
    for (const handler of this.#handlers) {
      if (before === undefined) handler.added?.(object);
      else handler.updated?.(before, object);
    }
  }

  remove(key: ObjectKey): T | undefined {
    const before = this.lister.remove(keyOf(key));
    if (before !== undefined) for (const handler of this.#handlers) handler.deleted?.(before);
    return before;
  }
}

function notFound(type: ResourceType, name: string): ApiError {
  return new ApiError({ code: 404, reason: 'NotFound', message: `${type.resource} "${name}" not found` });
}

function merged(status: PodStatus | undefined, patch: PodStatus): PodStatus {
  const conditions = new Map([...(status?.conditions ?? []), ...(patch.conditions ?? [])].map((condition) => [condition.type, condition]));
  return { ...status, ...patch, conditions: [...conditions.values()] };
}

/** The scheduler has tried it, and found nothing. */
export function isRefused({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'PodScheduled' && value === 'False') === true;
}

export interface MemoryCluster {
  readonly pods: MemoryInformer<Pod>;
  readonly claims: MemoryInformer<ResourceClaim>;
  readonly bound: (key: string, node: string) => void;
  readonly deleted: (key: string) => void;
  readonly refused: (key: string) => void;
}

/** The few writes that a scheduler makes, on the pods and claims of informers; anything else is refused. */
export function memoryClient({ pods, claims, bound, deleted, refused }: MemoryCluster): Client {
  const refuse = (what: string) => (): never => { throw new Error(`the in-process cluster has no ${what}`); };
  const podAt = (type: ResourceType, key: ObjectKey): Pod => {
    const pod = type.resource === 'pods' ? pods.lister.get(key) : undefined;
    if (pod === undefined) throw notFound(type, key.name);
    return pod;
  };
  const writeClaim = async <T extends KubeObject>(type: ResourceType<T>, claim: T): Promise<T> => {
    if (type.resource !== 'resourceclaims') throw new Error(`the in-process cluster has no update of ${type.resource}`);
    if (claims.lister.get(objectKey(claim)) === undefined) throw notFound(type, claim.metadata?.name ?? '');
    claims.put(claim as ResourceClaim);
    return claim;
  };
  return {
    // Events are made and forgotten.
    create: async (_type, object) => object,
    async patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, _patchType: unknown, body: unknown): Promise<T> {
      if (type.resource === 'events') return body as T;
      const pod = podAt(type, key);
      const after: Pod = { ...pod, status: merged(pod.status, (body as Pod).status ?? {}) };
      pods.put(after);
      if (isRefused(after)) refused(keyOfObject(after));
      return after as T;
    },
    async delete(type, key) {
      const pod = podAt(type, key);
      pods.remove(key);
      deleted(keyOfObject(pod));
    },
    async createSubresource(type, key, subresource, body) {
      const pod = podAt(type, key);
      if (subresource !== 'binding') throw new Error(`the in-process cluster has no pods/${subresource}`);
      const nodeName = (body as { target: { name: string } }).target.name;
      if ((pod.spec?.nodeName ?? '') !== '') throw new ApiError({ code: 409, reason: 'Conflict', message: `pod ${key.name} is already assigned to node "${pod.spec?.nodeName}"` });
      pods.put({ ...pod, spec: { containers: [], ...pod.spec, nodeName } });
      bound(keyOfObject(pod), nodeName);
      return {};
    },
    // No fast path.
    raw: async () => ({ status: 404, body: new Uint8Array(0) }),
    get: refuse('get'), list: refuse('list'), watch: refuse('watch'), update: writeClaim, updateStatus: writeClaim, deleteCollection: refuse('deletecollection'),
  };
}
