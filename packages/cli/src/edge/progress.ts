/** Steps on the terminal with the time that each took. */
export class Progress {
  readonly #startMs = performance.now();
  readonly #steps: { readonly name: string; readonly ms: number }[] = [];

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    if (process.stdout.isTTY) process.stdout.write(`  … ${name}`);
    try {
      const result = await work();
      const ms = performance.now() - startMs;
      this.#steps.push({ name, ms });
      process.stdout.write(`${process.stdout.isTTY ? '\r\x1b[K' : ''}  ✓ ${name} (${(ms / 1000).toFixed(1)} s)\n`);
      return result;
    } catch (error) {
      process.stdout.write(`${process.stdout.isTTY ? '\r\x1b[K' : ''}  ✗ ${name}\n`);
      throw error;
    }
  }

  get totalMs(): number {
    return performance.now() - this.#startMs;
  }
}
