import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signalListed } from '@coxswain/host/edge';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Program } from './program.ts';

let directory = '';
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'program-')); });
afterEach(() => { rmSync(directory, { recursive: true }); });

function started(command: readonly string[]): { readonly program: Program; readonly died: Promise<Error>; readonly log: string } {
  const log = join(directory, 'log');
  const { promise: died, resolve } = Promise.withResolvers<Error>();
  const program = new Program('scheduler', command, '', log, resolve);
  program.start();
  return { program, died, log };
}

test('a program that a signal ended is told, and can be stopped', async () => {
  const { program, died } = started([process.execPath, '-e', 'setInterval(() => {}, 1000)']);
  signalListed(() => [program.pid as number], 'SIGKILL');
  expect((await died).message).toContain('the scheduler ended with SIGKILL');
  await program.stop();
});

test('what a shell that was killed leaves behind is ended too', async () => {
  const { program, died, log } = started(['/bin/sh', '-c', 'sleep 30 & echo $! ; kill -9 $$']);
  await died;
  const left = Number(readFileSync(log, 'utf8'));
  expect(goneOrZombie(left)).toBe(false);
  await program.stop();
  await expect.poll(() => goneOrZombie(left)).toBe(true);
});

function goneOrZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') ?? true;
  } catch {
    return true;
  }
}
