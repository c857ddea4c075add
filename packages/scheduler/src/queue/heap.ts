interface Entry<T> { item: T; readonly key: string; at: number }

/** Binary heap of items with identity: any item can be replaced or removed by its key. */
export class Heap<T> {
  readonly #entries: Entry<T>[] = [];
  readonly #byKey = new Map<string, Entry<T>>();
  readonly #keyOf: (item: T) => string;
  readonly #less: (a: T, b: T) => boolean;

  constructor(keyOf: (item: T) => string, less: (a: T, b: T) => boolean) {
    this.#keyOf = keyOf;
    this.#less = less;
  }

  get size(): number { return this.#entries.length; }
  peek(): T | undefined { return this.#entries[0]?.item; }
  get(key: string): T | undefined { return this.#byKey.get(key)?.item; }
  items(): readonly T[] { return this.#entries.map(({ item }) => item); }

  /** Adds, or replaces the item of the same key. */
  set(item: T): void {
    const key = this.#keyOf(item);
    let entry = this.#byKey.get(key);
    if (entry === undefined) {
      entry = { item, key, at: this.#entries.length };
      this.#byKey.set(key, entry);
      this.#entries.push(entry);
    }
    entry.item = item;
    this.#settle(entry, this.#rise(entry, entry.at));
  }

  pop(): T | undefined {
    const first = this.#entries[0];
    return first === undefined ? undefined : this.#remove(first);
  }

  delete(key: string): T | undefined {
    const entry = this.#byKey.get(key);
    return entry === undefined ? undefined : this.#remove(entry);
  }

  #remove(entry: Entry<T>): T {
    this.#byKey.delete(entry.key);
    const last = this.#entries.pop() as Entry<T>;
    // The last one mostly belongs far down: the hole sinks first, and the last one rises from there.
    if (last !== entry) this.#settle(last, this.#rise(last, this.#sinkHole(entry.at)));
    return entry.item;
  }

  #place(entry: Entry<T>, at: number): void {
    this.#entries[at] = entry;
    entry.at = at;
  }

  /** Lower children move up into the hole; answers where it ends. */
  #sinkHole(from: number): number {
    const entries = this.#entries;
    let at = from;
    for (let child = 2 * at + 1; child < entries.length; child = 2 * at + 1) {
      const right = child + 1;
      const lower = right < entries.length && this.#less((entries[right] as Entry<T>).item, (entries[child] as Entry<T>).item) ? right : child;
      this.#place(entries[lower] as Entry<T>, at);
      at = lower;
    }
    return at;
  }

  /** From the hole at `from`, parents that are not less move down; answers where the entry belongs. */
  #rise(entry: Entry<T>, from: number): number {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#less(entry.item, (this.#entries[parent] as Entry<T>).item)) break;
      this.#place(this.#entries[parent] as Entry<T>, at);
      at = parent;
    }
    return at;
  }

  /** Puts the entry at the hole, or below if something there is less. */
  #settle(entry: Entry<T>, from: number): void {
    const entries = this.#entries;
    let at = from;
    for (let child = 2 * at + 1; child < entries.length; child = 2 * at + 1) {
      const right = child + 1;
      const lower = right < entries.length && this.#less((entries[right] as Entry<T>).item, (entries[child] as Entry<T>).item) ? right : child;
      if (!this.#less((entries[lower] as Entry<T>).item, entry.item)) break;
      this.#place(entries[lower] as Entry<T>, at);
      at = lower;
    }
    this.#place(entry, at);
  }
}
