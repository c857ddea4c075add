/** Keys that lie together; a full one is split. Large enough to be few, small enough that an insertion moves little. */
const runLength = 512;

interface Entry<V> {
  readonly key: string;
  value: V;
}

/** Values by key with ordered ranges. Keys are ordered as etcd orders bytes, which for our keys (ASCII) is code unit order. */
export class SortedMap<V> {
  readonly #entries = new Map<string, Entry<V>>();
  /** Never an empty one. */
  #runs: Entry<V>[][] = [];

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  /** The run in which `key` is or belongs: the first whose last key is not below it, else the last one. */
  #runOf(key: string): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastKey(this.#runs[middle] as Entry<V>[]) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  set(key: string, value: V): void {
    const known = this.#entries.get(key);
    if (known === undefined) this.#insert({ key, value });
    else known.value = value;
  }

  #insert(entry: Entry<V>): void {
    const { key } = entry;
    this.#entries.set(key, entry);
    const at = this.#runOf(key);
    const run = this.#runs[at];
    if (run === undefined) {
      this.#runs.push([entry]);
      return;
    }
    run.splice(lowerBound(run, key), 0, entry);
    // Keys that only grow leave full runs behind.
    if (run.length > runLength) this.#runs.splice(at + 1, 0, run.splice(at === this.#runs.length - 1 ? run.length - 1 : run.length >>> 1));
  }

  delete(key: string): void {
    if (!this.#entries.delete(key)) return;
    const at = this.#runOf(key);
    const run = this.#runs[at] as Entry<V>[];
    run.splice(lowerBound(run, key), 1);
    if (run.length === 0) this.#runs.splice(at, 1);
  }

  clear(): void {
    this.#entries.clear();
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
      const run = this.#runs[at] as Entry<V>[];
      // What is not below `from`, and so not below the prefix, has it if the last one has.
      const allFit = lastKey(run).startsWith(prefix);
      for (let index = found.length === 0 ? lowerBound(run, from) : 0; index < run.length; index += 1) {
        const entry = run[index] as Entry<V>;
        if (found.length >= limit || !(allFit || entry.key.startsWith(prefix))) return found;
        found.push(entry.value);
      }
    }
    return found;
  }

  /** How many `range` would find without a limit. */
  count(prefix: string, from: string): number {
    const first = this.#runOf(from);
    let count = 0;
    for (let at = first; at < this.#runs.length; at += 1) {
      const run = this.#runs[at] as Entry<V>[];
      const start = at === first ? lowerBound(run, from) : 0;
      if (lastKey(run).startsWith(prefix)) {
        count += run.length - start;
        continue;
      }
      for (let index = start; index < run.length && (run[index] as Entry<V>).key.startsWith(prefix); index += 1) count += 1;
      break;
    }
    return count;
  }
}

function lastKey(run: readonly Entry<unknown>[]): string {
  return (run[run.length - 1] as Entry<unknown>).key;
}

/** Index of the first entry whose key is not below `key`. */
function lowerBound(run: readonly Entry<unknown>[], key: string): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((run[middle] as Entry<unknown>).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
