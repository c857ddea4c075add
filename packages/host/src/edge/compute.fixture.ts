import { fromUtf8, utf8 } from '../bytes.ts';
import type { ComputeTask } from '../compute.ts';

/** Tasks that end in every way in which one can end. */
export const upperCase: ComputeTask = { module: import.meta.url, name: 'upperCase', run: (input) => utf8(fromUtf8(input).toUpperCase()) };

export const refusing: ComputeTask = { module: import.meta.url, name: 'refusing', run: (input) => { throw new Error(`no ${fromUtf8(input)}`); } };

/** Its input is shared memory, in which it notes that it has begun. */
export const endless: ComputeTask = {
  module: import.meta.url, name: 'endless',
  run: (input) => {
    const begun = new Int32Array(input.buffer);
    Atomics.store(begun, 0, 1);
    Atomics.notify(begun, 0);
    let count = input.length + 1;
    while (count > 0) count += 1;
    return input;
  },
};

export const greedy: ComputeTask = {
  module: import.meta.url, name: 'greedy',
  run: (input) => {
    const kept: number[][] = [];
    while (input.length >= 0) kept.push(Array.from({ length: 100_000 }, (_, at) => at + kept.length));
    return input;
  },
};
