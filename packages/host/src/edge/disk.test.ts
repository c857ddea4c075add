import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { utf8 } from '../bytes.ts';
import { realDisk } from './disk.ts';

let directory = '';
beforeEach(async () => { directory = await fs.mkdtemp(join(tmpdir(), 'cox-disk-')); });
afterEach(async () => { await fs.rm(directory, { recursive: true }); });

/** With what flags this process has it open, as the kernel says. */
async function openFlags(path: string): Promise<number> {
  for (const fd of await fs.readdir('/proc/self/fd')) {
    const target = await fs.readlink(`/proc/self/fd/${fd}`).catch(() => '');
    if (target !== path) continue;
    return Number.parseInt(/^flags:\s*(\d+)/m.exec(await fs.readFile(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8);
  }
  throw new Error(`${path} is not open`);
}

test.each([[true, constants.O_DSYNC], [false, 0]])('with durable writes (%s) it is the kernel that waits for the disk', async (durableWrites, flag) => {
  const path = join(directory, 'file');
  const file = await realDisk.open(path, 'create', { durableWrites });
  expect(await openFlags(path) & constants.O_DSYNC).toBe(flag);
  await file.write(0, utf8('ab'));
  await file.write(4, utf8('c'));
  expect([...await file.read(0, 10)]).toEqual([97, 98, 0, 0, 99]);
  await file.close();
  await expect(file.write(0, utf8('x'))).rejects.toMatchObject({ name: 'DiskError', path });
});
