import { expect, test } from 'vitest';
import { canTrustProgress } from './progress.ts';

test.each([['3.4.23', false], ['3.4.30', false], ['3.4.31', true], ['3.5.0', false], ['3.5.12', false], ['3.5.13', true], ['3.6.0', true], ['3.6.0-alpha.0', true], ['4.0.0', true], ['3.3.27', false], ['', false], ['x', false]])('%s: %s', (version, trusted) => {
  expect(canTrustProgress(version)).toBe(trusted);
});
