/** Works that go on beside the rest of a run and end with it. */
export class Beside {
  readonly #over = new AbortController();
  readonly #works: Promise<void>[] = [];

  start(work: Promise<void>): void {
    this.#works.push(work);
    // The measurement goes on; the end of the run tells of it.
    work.catch(() => undefined);
  }

  /** Resolves with false when the run is over. */
  pause(ms: number): Promise<boolean> {
    const { signal } = this.#over;
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const ended = (): void => { clearTimeout(timer); resolve(false); };
      const timer = setTimeout(() => { signal.removeEventListener('abort', ended); resolve(true); }, ms);
      signal.addEventListener('abort', ended, { once: true });
    });
  }

  /** One after the other at this rate, until the run is over. */
  async paced<T>(items: Iterable<T>, perSecond: number, act: (item: T) => Promise<void>): Promise<void> {
    for (const item of items) {
      if (!(await this.pause(1000 / perSecond))) return;
      await act(item);
    }
  }

  /** Rejects as the first of the works did. */
  async end(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#works);
  }
}

/** So many at once, in order of their beginning. */
export async function together<T>(items: readonly T[], atOnce: number, act: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, async () => { for (const item of left) await act(item); }));
}
