import type { RequestInfo } from '../types.ts';

/** Watches of one resource: of all its objects, and by `namespace/name` of those that ask for less. */
interface OfResource {
  all: number;
  readonly byPlace: Map<string, number>;
}

/** Watchers that ask for one node's pods are told only of those: they make no pod's change dearer. */
function isIndexed(info: RequestInfo): boolean {
  return info.group === '' && info.resource === 'pods' && (info.query.get('fieldSelector') ?? '').includes('spec.nodeName=');
}

/** How many watchers a change concerns. Asked for each change; most resources are watched as a whole. */
export class WatchCounts {
  readonly #byGroup = new Map<string, Map<string, OfResource>>();

  #of({ group, resource }: RequestInfo): OfResource {
    let resources = this.#byGroup.get(group);
    if (resources === undefined) this.#byGroup.set(group, (resources = new Map<string, OfResource>()));
    let counts = resources.get(resource);
    if (counts === undefined) resources.set(resource, (counts = { all: 0, byPlace: new Map<string, number>() }));
    return counts;
  }

  /** Answers what to call when the watch ends. */
  register(info: RequestInfo): () => undefined {
    if (isIndexed(info)) return () => undefined;
    const counts = this.#of(info);
    const place = `${info.namespace}/${info.name}`;
    const add = (by: 1 | -1): void => {
      if (place === '/') { counts.all += by; return; }
      const left = (counts.byPlace.get(place) ?? 0) + by;
      if (left > 0) counts.byPlace.set(place, left);
      else counts.byPlace.delete(place);
    };
    add(1);
    return () => {
      add(-1);
      // Custom resources come and go.
      if (counts.all === 0 && counts.byPlace.size === 0) this.#byGroup.get(info.group)?.delete(info.resource);
      return undefined;
    };
  }

  interested({ group, resource, namespace, name }: RequestInfo): number {
    const counts = this.#byGroup.get(group)?.get(resource);
    if (counts === undefined || counts.byPlace.size === 0) return counts?.all ?? 0;
    const of = (place: string): number => counts.byPlace.get(place) ?? 0;
    let count = counts.all;
    if (namespace !== '') count += of(`${namespace}/`);
    if (name !== '') count += of(`${namespace}/${name}`) + (namespace === '' ? 0 : of(`/${name}`));
    return count;
  }
}
