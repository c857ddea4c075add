import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('docs/conformance.md names what the tests cover', () => {
  const checked = spawnSync(process.execPath, [fileURLToPath(new URL('../scripts/conformance-page.ts', import.meta.url)), '--check'], { encoding: 'utf8' });
  expect(checked.stderr).toBe('');
  expect(checked.status).toBe(0);
});
