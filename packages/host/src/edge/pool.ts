interface Entry<T> {
  readonly value: T;
  uses: number;
  idleSinceMs: number;
}

export interface PoolLimits {
  /** So many that nobody uses are kept. */
  readonly maxIdle: number;
  /** And none that nobody has used for this long. */
  readonly idleMs: number;
}

export interface Held<T> {
  readonly value: T;
  /** Idempotent. */
  readonly release: () => void;
}

/** What is made once for a key and shared, and destroyed some time after its last use; never while it is used. */
export class Pool<T extends { destroy(): void }> {
  readonly #limits: PoolLimits;
  /** In the order of last use. */
  readonly #entries = new Map<string, Entry<T>>();
  #idle = 0;
  #sweep: NodeJS.Timeout | undefined;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  hold(key: string, make: () => T): Held<T> {
    const entry = this.#entries.get(key) ?? { value: make(), uses: 0, idleSinceMs: 0 };
    if (this.#entries.delete(key) && entry.uses === 0) this.#idle -= 1;
    this.#entries.set(key, entry);
    entry.uses += 1;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      entry.uses -= 1;
      if (entry.uses === 0) this.#rest(entry);
    };
    return { value: entry.value, release };
  }

  #rest(entry: Entry<T>): void {
    entry.idleSinceMs = performance.now();
    this.#idle += 1;
    if (this.#idle > this.#limits.maxIdle) this.#destroyIdle((_entry, destroyed) => destroyed < this.#idle - this.#limits.maxIdle);
    this.#plan();
  }

  #plan(): void {
    if (this.#sweep !== undefined || this.#idle === 0) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      const before = performance.now() - this.#limits.idleMs;
      this.#destroyIdle((entry) => entry.idleSinceMs <= before);
      this.#plan();
    }, this.#limits.idleMs);
    this.#sweep.unref();
  }

  /** The least recently used first. */
  #destroyIdle(goes: (entry: Entry<T>, destroyed: number) => boolean): void {
    let destroyed = 0;
    for (const [key, entry] of this.#entries) {
      if (entry.uses > 0 || !goes(entry, destroyed)) continue;
      this.#entries.delete(key);
      destroyed += 1;
      entry.value.destroy();
    }
    this.#idle -= destroyed;
  }
}
