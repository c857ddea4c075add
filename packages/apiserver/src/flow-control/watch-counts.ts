import type { RequestInfo } from '../types.ts';

function keyOf({ group, resource }: RequestInfo, namespace: string, name: string): string {
  return `${group}/${resource}/${namespace}/${name}`;
}

/** Watchers that ask for one node's pods are told only of those: they make no pod's change dearer. */
function isIndexed(info: RequestInfo): boolean {
  return info.group === '' && info.resource === 'pods' && (info.query.get('fieldSelector') ?? '').includes('spec.nodeName=');
}

/** How many watchers a change concerns. */
export class WatchCounts {
  readonly #counts = new Map<string, number>();

  /** Answers what to call when the watch ends. */
  register(info: RequestInfo): () => undefined {
    if (isIndexed(info)) return () => undefined;
    const key = keyOf(info, info.namespace, info.name);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#counts.get(key) ?? 0) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
      return undefined;
    };
  }

  interested(info: RequestInfo): number {
    if (this.#counts.size === 0) return 0;
    const of = (namespace: string, name: string): number => this.#counts.get(keyOf(info, namespace, name)) ?? 0;
    let count = of('', '');
    if (info.namespace !== '') count += of(info.namespace, '');
    if (info.name !== '') count += of(info.namespace, info.name) + (info.namespace === '' ? 0 : of('', info.name));
    return count;
  }
}
