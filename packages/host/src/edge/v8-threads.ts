import { availableParallelism } from 'node:os';

/** Node's own number, whatever the machine. */
const usual = 4;

/**
 * For the command line of Node: beside the program as many threads collect and compile as there are other processors. With more, a collection of the young
 * generation is shared out among threads that wait for each other, and costs more the fewer processors there are for them.
 */
export function v8Threads(processors = availableParallelism()): string {
  return `--v8-pool-size=${Math.max(1, Math.min(usual, processors - 1))}`;
}
