import { defineConfig } from 'vitest/config';

/** Servers that tests started go when a file ends, however it ends. */
const noOrphans = { pool: 'forks' as const, setupFiles: ['packages/host/test/support/no-orphans.ts'] };

/** Tiers by file name: `x.test.ts` unit, `x.sim.test.ts` simulation, `x.e2e.test.ts` against real containers, `x.clients.test.ts` with other people's clients. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    // What is waited for comes when it comes; a little less than a test's time, so that it is told what did not.
    expect: { poll: { timeout: 25_000 } },
    projects: [
      { extends: true, test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], exclude: ['**/node_modules/**', '**/*.sim.test.ts', '**/*.e2e.test.ts', '**/*.clients.test.ts'], testTimeout: 30_000, hookTimeout: 30_000 } },
      { extends: true, test: { name: 'sim', include: ['packages/*/{src,test}/**/*.sim.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 } },
      { extends: true, test: { name: 'clients', include: ['packages/*/test/**/*.clients.test.ts'], testTimeout: 60_000, hookTimeout: 600_000, fileParallelism: false, maxWorkers: 1, ...noOrphans } },
      { extends: true, test: { name: 'e2e', include: ['packages/*/test/**/*.e2e.test.ts'], testTimeout: 900_000, hookTimeout: 600_000, fileParallelism: false, maxWorkers: 1, ...noOrphans } },
    ],
  },
});
