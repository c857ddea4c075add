import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** For a run within a test: what it leaves behind is looked at. */
export default defineConfig({
  test: { root: fileURLToPath(new URL('.', import.meta.url)), include: ['leaves-one.ts'], setupFiles: ['../support/no-orphans.ts'], pool: 'forks', teardownTimeout: 1000 },
});
