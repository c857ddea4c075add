import { expect, test } from 'vitest';
import { queryFlag } from './query-flag.ts';

// The conversion of apimachinery; the Python client sends `True` and `False`.
test.each([
  ['stdin=true', true], ['stdin=True', true], ['stdin=1', true], ['stdin=', true], ['stdin=yes', true],
  ['stdin=false', false], ['stdin=False', false], ['stdin=0', false], ['', false], ['stdout=true', false],
])('%s', (query, expected) => {
  expect(queryFlag(new URLSearchParams(query), 'stdin')).toBe(expected);
});
