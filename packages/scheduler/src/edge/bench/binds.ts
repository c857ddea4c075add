/** When which pod was made and bound, in milliseconds of `performance.now()`. */
export class Binds {
  readonly #createdMs = new Map<string, number>();
  readonly #boundMs = new Map<string, number>();
  readonly #nodes = new Map<string, string>();
  readonly #attempted = new Set<string>();
  readonly #waits = new Set<(key: string) => void>();

  created(key: string): void {
    this.#createdMs.set(key, performance.now());
  }

  /** Hears of a pod at least once; only the first counts. */
  bound(key: string, nodeName: string): void {
    if (this.#boundMs.has(key)) return;
    this.#boundMs.set(key, performance.now());
    this.#nodes.set(key, nodeName);
    for (const look of this.#waits) look(key);
  }

  /** The scheduler has found no node for it, for now. Only told by targets that are asked to. */
  attempted(key: string): void {
    if (this.#attempted.has(key) || this.#boundMs.has(key)) return;
    this.#attempted.add(key);
    for (const look of this.#waits) look(key);
  }

  /** It is gone, with whatever room it had. */
  deleted(key: string): void {
    this.#nodes.delete(key);
  }

  /** Of all pods that are on a node. */
  get nodes(): ReadonlyMap<string, string> {
    return this.#nodes;
  }

  timesOf(keys: Iterable<string>): { readonly createdMs: readonly number[]; readonly boundMs: readonly number[] } {
    const [createdMs, boundMs]: [number[], number[]] = [[], []];
    for (const key of keys) {
      const at = this.#boundMs.get(key);
      if (at === undefined) continue;
      boundMs.push(at);
      createdMs.push(this.#createdMs.get(key) ?? at);
    }
    return { createdMs, boundMs };
  }

  /** Until so many of them are bound; rejects after `idleMs` in which none was, and when `broken` does. */
  wait(keys: ReadonlySet<string>, count: number, idleMs: number, broken: Promise<never>): Promise<void> {
    return this.#wait(keys, count, (key) => this.#boundMs.has(key), 'bound', idleMs, broken);
  }

  /** Until each has a node, or was tried in vain; rejects likewise. */
  waitForAttempts(keys: ReadonlySet<string>, idleMs: number, broken: Promise<never>): Promise<void> {
    return this.#wait(keys, keys.size, (key) => this.#boundMs.has(key) || this.#attempted.has(key), 'tried', idleMs, broken);
  }

  #wait(keys: ReadonlySet<string>, count: number, isDone: (key: string) => boolean, what: string, idleMs: number, broken: Promise<never>): Promise<void> {
    const done = new Set(keys.values().filter(isDone));
    if (done.size >= count) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (key: string): void => {
      if (!keys.has(key) || !isDone(key)) return;
      done.add(key);
      if (done.size === count) resolve();
    };
    let seen = done.size;
    const watchdog = setInterval(() => {
      if (seen === done.size) reject(new Error(`${count - done.size} of ${count} pods were not ${what}, and none was for ${idleMs / 1000} s`));
      seen = done.size;
    }, idleMs);
    this.#waits.add(look);
    return Promise.race([promise, broken]).finally(() => { clearInterval(watchdog); this.#waits.delete(look); });
  }
}
