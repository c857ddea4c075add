/** Ids by time, the earliest first: a binary heap. An id may be in it several times; whoever takes it asks whether it still holds. */
export class TimeQueue {
  readonly #heap: { readonly atMs: number; readonly id: bigint }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** Infinity: empty. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  push(atMs: number, id: bigint): void {
    const heap = this.#heap;
    const item = { atMs, id };
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = heap[(at - 1) >> 1] as { readonly atMs: number; readonly id: bigint };
      if (parent.atMs <= atMs) break;
      heap[at] = parent;
      at = (at - 1) >> 1;
    }
    heap[at] = item;
  }

  /** Takes the earliest if its time has come. */
  take(nowMs: number): { readonly atMs: number; readonly id: bigint } | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    const last = this.#heap.pop() as { readonly atMs: number; readonly id: bigint };
    if (this.#heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(item: { readonly atMs: number; readonly id: bigint }): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as { readonly atMs: number }).atMs < (heap[child] as { readonly atMs: number }).atMs) child += 1;
      const smaller = heap[child] as { readonly atMs: number; readonly id: bigint };
      if (smaller.atMs >= item.atMs) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = item;
  }
}
