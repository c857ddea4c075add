import { expect, test } from 'vitest';
import { v8Threads } from './v8-threads.ts';

test('one at least, one for each other processor, and no more than Node takes by itself', () => {
  expect([1, 2, 4, 5, 64].map((processors) => v8Threads(processors))).toEqual(['--v8-pool-size=1', '--v8-pool-size=1', '--v8-pool-size=3', '--v8-pool-size=4', '--v8-pool-size=4']);
});
