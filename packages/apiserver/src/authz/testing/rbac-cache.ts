import type { JsonObject } from '@coxswain/api';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import { typed } from '../../typed.ts';
import type { CacheChange, CacheReader } from '../../types.ts';

export type RbacResource = 'roles' | 'clusterroles' | 'rolebindings' | 'clusterrolebindings';

function metaOf(object: JsonObject): { readonly namespace: string; readonly name: string } {
  const { namespace = '', name = '' } = typed<{ readonly metadata: ObjectMeta }>(object).metadata;
  return { namespace, name };
}

/** As the watch caches of a server that has just begun: empty, and ready when told so. */
export class RbacCache implements CacheReader {
  readonly #objects = new Map<string, Map<string, JsonObject>>();
  readonly #listeners = new Map<string, ((change: CacheChange) => void)[]>();
  readonly #ready = Promise.withResolvers<void>();

  #of(resource: string): Map<string, JsonObject> {
    const objects = this.#objects.get(resource) ?? new Map<string, JsonObject>();
    this.#objects.set(resource, objects);
    return objects;
  }

  #tell(resource: string, type: CacheChange['type'], object: JsonObject): void {
    for (const listener of this.#listeners.get(resource) ?? []) listener({ type, ...metaOf(object), object, nodeName: '' });
  }

  set(resource: RbacResource, object: JsonObject): void {
    const { namespace, name } = metaOf(object);
    const known = this.#of(resource).has(`${namespace}/${name}`);
    this.#of(resource).set(`${namespace}/${name}`, object);
    this.#tell(resource, known ? 'MODIFIED' : 'ADDED', object);
  }

  delete(resource: RbacResource, namespace: string, name: string): void {
    const gone = this.#of(resource).get(`${namespace}/${name}`);
    if (gone === undefined) return;
    this.#of(resource).delete(`${namespace}/${name}`);
    this.#tell(resource, 'DELETED', gone);
  }

  ready(): void {
    this.#ready.resolve();
  }

  get(_group: string, resource: string, namespace: string, name: string): JsonObject | undefined {
    return this.#of(resource).get(`${namespace}/${name}`);
  }

  list(_group: string, resource: string): readonly JsonObject[] {
    return [...this.#of(resource).values()];
  }

  onChange(_group: string, resource: string, listener: (change: CacheChange) => void, options: { readonly known?: boolean } = {}): () => void {
    this.#listeners.set(resource, [...(this.#listeners.get(resource) ?? []), listener]);
    if (options.known === true) for (const object of this.#of(resource).values()) listener({ type: 'ADDED', ...metaOf(object), object, nodeName: '' });
    return () => undefined;
  }

  whenReady(): Promise<void> {
    return this.#ready.promise;
  }
}
