import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, test } from 'vitest';

const never = new Promise<never>(() => undefined);
const how = process.env['ORPHANS_HOW'];

beforeAll(async () => {
  await once(spawn(process.execPath, [fileURLToPath(new URL('server.mjs', import.meta.url)), process.env['ORPHANS_PORT'] ?? '', 'and its child'], { stdio: 'ignore' }), 'spawn');
  if (how === 'hook') await never;
}, 2000);

afterAll(() => { throw new Error('the end goes wrong too'); });

test('is not done in time', async () => { await never; }, how === 'test' ? 2000 : 600_000);
