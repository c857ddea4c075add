import { expect, test } from 'vitest';
import { failuresOf } from './test-report.ts';

const passed = { status: 'passed', fullName: 'adds', failureMessages: [] };

test('failed tests are told by file and name, a file that does not load by its message', () => {
  expect(failuresOf({
    numPassedTests: 2, numFailedTests: 1,
    testResults: [
      { name: '/src/a.test.ts', status: 'failed', message: '', assertionResults: [passed, { status: 'failed', fullName: 'lists subtracts', failureMessages: ['AssertionError: 1 is not 2\n    at a.test.ts:3\n    at run (/src/node_modules/runner/run.js:1)'] }] },
      { name: '/src/b.test.ts', status: 'failed', message: "Cannot find module './b.ts'", assertionResults: [] },
      { name: '/src/c.test.ts', status: 'passed', message: '', assertionResults: [passed] },
    ],
  }, '/src/')).toEqual(['a.test.ts: lists subtracts\nAssertionError: 1 is not 2\n    at a.test.ts:3', "b.test.ts\nCannot find module './b.ts'"]);
});

test('a long message is cut', () => {
  const [text] = failuresOf({ numPassedTests: 0, numFailedTests: 0, testResults: [{ name: '/a.ts', status: 'failed', message: 'x'.repeat(100_000), assertionResults: [] }] }, '/');
  expect(text?.length).toBe('a.ts\n'.length + 2000);
});
