import { expect, test } from 'vitest';
import { explainError } from './errno.ts';

test.each([
  [{ code: 'EACCES', path: '/a', message: 'EACCES' }, '/a: permission denied; run it with sudo'],
  [{ code: 'EEXIST', path: '/a', message: 'EEXIST' }, '/a is in the way of a directory; remove or rename it'],
  [{ code: 'ENOSPC', path: '/a', message: 'ENOSPC' }, '/a: no space left; free some, or choose another place with --data'],
  [{ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' }, 'connect ECONNREFUSED'],
  [{ message: 'plain' }, 'plain'],
])('%j', (error, text) => {
  expect(explainError(error)).toBe(text);
});
