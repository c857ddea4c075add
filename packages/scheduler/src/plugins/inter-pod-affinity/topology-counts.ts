import type { NodeInfo } from '../../cache/node-info.ts';

/** A number for each (topology key, value). Entries that come to zero vanish, so that `size` says whether there is any. */
export class TopologyCounts {
  readonly #byKey: Map<string, Map<string, number>>;

  constructor(from?: TopologyCounts) {
    this.#byKey = new Map();
    if (from !== undefined) for (const [key, values] of from.#byKey) this.#byKey.set(key, new Map(values));
  }

  get isEmpty(): boolean { return this.#byKey.size === 0; }

  /** Does nothing if the node has no such label. */
  addAt(node: NodeInfo, topologyKey: string, by: number): void {
    const value = Object.hasOwn(node.labels, topologyKey) ? node.labels[topologyKey] : undefined;
    if (value === undefined) return;
    const values = this.#byKey.get(topologyKey) ?? new Map<string, number>();
    const sum = (values.get(value) ?? 0) + by;
    if (sum === 0) values.delete(value);
    else values.set(value, sum);
    if (values.size === 0) this.#byKey.delete(topologyKey);
    else this.#byKey.set(topologyKey, values);
  }

  at(node: NodeInfo, topologyKey: string): number {
    const value = node.labels[topologyKey];
    return value === undefined ? 0 : (this.#byKey.get(topologyKey)?.get(value) ?? 0);
  }

  /** Sum over all keys of what stands at the node's values. */
  sumAt(node: NodeInfo): number {
    let sum = 0;
    for (const [key, values] of this.#byKey) sum += values.get(node.labels[key] ?? '') ?? 0;
    return sum;
  }

  /** Is there a positive number at any of the node's values? */
  anyAt(node: NodeInfo): boolean {
    for (const [key, values] of this.#byKey) if (Object.hasOwn(node.labels, key) && (values.get(node.labels[key] as string) ?? 0) > 0) return true;
    return false;
  }
}
