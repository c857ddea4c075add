/** Keys that lie together; a full one is split. Large enough to be few, small enough that an insertion moves little. */
const runLength = 512;

/** Values by key with ordered ranges. Keys are ordered as etcd orders bytes, which for our keys (ASCII) is code unit order. */
export class SortedMap<V> {
  readonly #values = new Map<string, V>();
  /** Never an empty one. */
  #runs: string[][] = [];

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  /** The run in which `key` is or belongs: the first whose last key is not below it, else the last one. */
  #runOf(key: string): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((this.#runs[middle] as string[]).at(-1) as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#insert(key);
    this.#values.set(key, value);
  }

  #insert(key: string): void {
    const at = this.#runOf(key);
    const run = this.#runs[at];
    if (run === undefined) {
      this.#runs.push([key]);
      return;
    }
    run.splice(lowerBound(run, key), 0, key);
    // Keys that only grow leave full runs behind.
    if (run.length > runLength) this.#runs.splice(at + 1, 0, run.splice(at === this.#runs.length - 1 ? run.length - 1 : run.length >>> 1));
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return;
    const at = this.#runOf(key);
    const run = this.#runs[at] as string[];
    run.splice(lowerBound(run, key), 1);
    if (run.length === 0) this.#runs.splice(at, 1);
  }

  clear(): void {
    this.#values.clear();
    this.#runs = [];
  }

  /** In order of keys. */
  withPrefix(prefix: string): V[] {
    return this.range(prefix, prefix, Infinity);
  }

  /** In order of keys: the first `limit` of those with that prefix that are not below `from`, which has it as well. */
  range(prefix: string, from: string, limit: number): V[] {
    const found: V[] = [];
    for (let at = this.#runOf(from); at < this.#runs.length; at += 1) {
      const run = this.#runs[at] as string[];
      for (let index = found.length === 0 ? lowerBound(run, from) : 0; index < run.length; index += 1) {
        const key = run[index] as string;
        if (found.length >= limit || !key.startsWith(prefix)) return found;
        found.push(this.#values.get(key) as V);
      }
    }
    return found;
  }

  /** How many `range` would find without a limit. */
  count(prefix: string, from: string): number {
    const first = this.#runOf(from);
    let count = 0;
    for (let at = first; at < this.#runs.length; at += 1) {
      const run = this.#runs[at] as string[];
      const start = at === first ? lowerBound(run, from) : 0;
      if ((run.at(-1) as string).startsWith(prefix)) {
        count += run.length - start;
        continue;
      }
      for (let index = start; index < run.length && (run[index] as string).startsWith(prefix); index += 1) count += 1;
      break;
    }
    return count;
  }
}

/** Index of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
