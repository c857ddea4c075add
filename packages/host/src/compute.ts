/**
 * A pure function that may take long: from bytes to bytes, and from nothing else. `module` (an `import.meta.url`) exports `name`, which is
 * this very object, so that a thread of its own finds it there.
 */
export interface ComputeTask {
  readonly module: string;
  readonly name: string;
  run(input: Uint8Array): Uint8Array;
}

/** `full`: too much waits already; try again later. `too-much`: this input took too long or too much memory, and will again. */
export class ComputeError extends Error {
  readonly kind: 'full' | 'too-much';

  constructor(kind: 'full' | 'too-much', message: string) {
    super(message);
    this.name = 'ComputeError';
    this.kind = kind;
  }
}

/** What would hold up everything else if it were done at once. */
export interface Compute {
  /**
   * Few at a time and a bounded number waiting, in the order in which they were asked for. Rejects with ComputeError, with what the task threw
   * (its message only), or with the signal's reason; who gives up early leaves nothing behind that others wait for longer than for one task.
   * In simulation the task runs in this turn of the event loop, and takes no time.
   */
  run(task: ComputeTask, input: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
}

/** What simulation does. */
export const inlineCompute: Compute = {
  run: async (task, input, signal) => {
    signal?.throwIfAborted();
    return task.run(input);
  },
};
