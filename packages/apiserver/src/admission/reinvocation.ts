import type { Reinvocation } from '../types.ts';

/** What one plugin that asks others to change the object remembers of a request from its first round to its second. */
export class Reinvoked {
  /** What they left behind; in-tree plugins may have changed it since. */
  lastOutput = '';
  readonly #reinvocable = new Set<string>();
  readonly #due = new Set<string>();

  static of(reinvocation: Reinvocation, pluginName: string): Reinvoked {
    const known = reinvocation.memory.get(pluginName);
    if (known instanceof Reinvoked) return known;
    const made = new Reinvoked();
    reinvocation.memory.set(pluginName, made);
    return made;
  }

  /** May be called again, if the object is changed after it. */
  mayAgain(key: string): void {
    this.#reinvocable.add(key);
  }

  isDue(key: string): boolean {
    return this.#due.has(key);
  }

  /** All that were called so far and may be called again, are. */
  previousAgain(): void {
    for (const key of this.#reinvocable) this.#due.add(key);
    this.#reinvocable.clear();
  }
}

/** For who is not asked in rounds. */
export const oneRound = (): Reinvocation => ({ isReinvoke: false, request: () => undefined, memory: new Map() });
