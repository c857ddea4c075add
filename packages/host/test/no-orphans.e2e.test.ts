import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const directory = fileURLToPath(new URL('orphans', import.meta.url));
const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url));
let listening: Server;

beforeAll(async () => {
  listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
});

afterAll(() => { listening.close(); });

interface Run {
  readonly tests: ChildProcess;
  /** Resolves when the server and its child are no more. */
  readonly gone: Promise<unknown>;
}

/** Tests that start a server and a child of it. Resolves when both run. */
async function run(how: 'test' | 'hook' | 'hangs'): Promise<Run> {
  const port = String((listening.address() as AddressInfo).port);
  const tests = spawn(process.execPath, [vitest, 'run', `--config=${directory}/vitest.config.ts`], { stdio: 'ignore', env: { ...process.env, ORPHANS_HOW: how, ORPHANS_PORT: port } });
  const ends: Promise<unknown>[] = [];
  while (ends.length < 2) {
    const [socket] = await once(listening, 'connection') as [Socket];
    ends.push(new Promise((resolve) => { socket.on('error', () => undefined).on('close', resolve); }));
  }
  return { tests, gone: Promise.all(ends) };
}

test.each(['test', 'hook'] as const)('a %s that is given up leaves no process behind, although the hooks at the end fail', async (how) => {
  const { tests, gone } = await run(how);
  const [[code]] = await Promise.all([once(tests, 'exit'), gone]);
  expect(code).toBe(1);
}, 20_000);

test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)('a run that is ended by %s leaves no process behind', async (signal) => {
  const { tests, gone } = await run('hangs');
  tests.kill(signal);
  await gone;
}, 20_000);
