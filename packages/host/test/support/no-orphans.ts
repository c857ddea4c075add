import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { signalListed } from '../../src/edge/processes.ts';
import { processes, type Process } from './processes.ts';

const name = 'COXSWAIN_TEST_RUN';
const session = processes().find(({ pid }) => pid === process.pid)?.session ?? 0;
process.env[name] = randomUUID();

// This process may end by SIGKILL: vitest's watchdog does that when vitest is ended.
const reaper = spawn(process.execPath, [fileURLToPath(new URL('reaper.ts', import.meta.url)), `${name}=${process.env[name]}`, String(session)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
reaper.unref();
(reaper.stdin as Socket).unref();

/** Of this process, and theirs. */
function children(): readonly Process[] {
  const all = new Map(processes().map((one) => [one.pid, one]));
  const belongs = ({ parent }: Process): boolean => parent === process.pid || (all.has(parent) && belongs(all.get(parent) as Process));
  return [...all.values()].filter((one) => one.pid !== reaper.pid && one.session === session && belongs(one));
}

const idOf = ({ pid, startTicks }: Process): string => `${pid} ${startTicks}`;
const notOurs = new Set(children().map(idOf));

// Servers that tests started and did not stop, since they failed or were given up. The file's own hooks come before. Clusters of `cox up` are sessions of their own, and stay.
afterAll(() => { signalListed(() => children().filter((one) => !notOurs.has(idOf(one))).map(({ pid }) => pid), 'SIGKILL'); });
