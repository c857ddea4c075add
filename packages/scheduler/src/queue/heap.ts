/** Binary heap of items with identity: any item can be replaced or removed by its key. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #positions = new Map<string, number>();
  readonly #keyOf: (item: T) => string;
  readonly #less: (a: T, b: T) => boolean;

  constructor(keyOf: (item: T) => string, less: (a: T, b: T) => boolean) {
    this.#keyOf = keyOf;
    this.#less = less;
  }

  get size(): number { return this.#items.length; }
  peek(): T | undefined { return this.#items[0]; }
  get(key: string): T | undefined {
    const at = this.#positions.get(key);
    return at === undefined ? undefined : this.#items[at];
  }
  items(): readonly T[] { return this.#items; }

  /** Adds, or replaces the item of the same key. */
  set(item: T): void {
    const key = this.#keyOf(item);
    const at = this.#positions.get(key) ?? this.#items.length;
    this.#put(at, item);
    this.#up(at);
    this.#down(this.#positions.get(key) as number);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.delete(this.#keyOf(first));
    return first;
  }

  delete(key: string): T | undefined {
    const at = this.#positions.get(key);
    if (at === undefined) return undefined;
    const item = this.#items[at] as T;
    const last = this.#items.pop() as T;
    this.#positions.delete(key);
    if (at < this.#items.length) {
      this.#put(at, last);
      this.#up(at);
      this.#down(this.#positions.get(this.#keyOf(last)) as number);
    }
    return item;
  }

  #put(at: number, item: T): void {
    this.#items[at] = item;
    this.#positions.set(this.#keyOf(item), at);
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#items[a] as T, this.#items[b] as T];
    this.#put(a, y);
    this.#put(b, x);
  }

  #lessAt(a: number, b: number): boolean {
    return this.#less(this.#items[a] as T, this.#items[b] as T);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#lessAt(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < this.#items.length && this.#lessAt(child, least)) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}
