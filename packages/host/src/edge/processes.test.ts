import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { isRunning, runningAs, sendSignal, signalGroup, signalListed, startTicksOf } from './processes.ts';

interface Started { readonly child: ChildProcess; readonly pid: number; readonly startTicks: number; readonly ended: Promise<unknown[]> }

function started(command: readonly string[], detached = false): Started {
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'ignore'], detached });
  const pid = child.pid as number;
  return { child, pid, startTicks: startTicksOf(pid) as number, ended: once(child, 'exit') };
}

const sleeper = ['sleep', '600'] as const;

test('a signal reaches the process that was meant, and not one that has its number', async () => {
  const { pid, startTicks, ended } = started(sleeper);
  expect(sendSignal(pid, startTicks - 1, 'SIGKILL')).toBe(false);
  expect(sendSignal(pid, startTicks, 'SIGTERM')).toBe(true);
  expect(await ended).toEqual([null, 'SIGTERM']);
  expect([startTicksOf(pid), isRunning(pid, startTicks), sendSignal(pid, startTicks, 'SIGTERM')]).toEqual([undefined, false, false]);
});

test('a later process has later ticks', async () => {
  const first = started(sleeper);
  const own = startTicksOf(process.pid) as number;
  expect(first.startTicks).toBeGreaterThan(own);
  sendSignal(first.pid, first.startTicks, 'SIGKILL');
  await first.ended;
});

test('of a list only those are reached whom it names again; 0, which to the system is the caller\'s own group, is nobody', async () => {
  const [left, came, both] = [started(sleeper), started(sleeper), started(sleeper)];
  const lists = [[0, left.pid, both.pid], [0, came.pid, both.pid]];
  expect(signalListed(() => lists.shift() ?? [], 'SIGKILL')).toBe(1);
  for (const { pid, startTicks } of [left, came]) sendSignal(pid, startTicks, 'SIGTERM');
  expect(await Promise.all([left, came, both].map(({ ended }) => ended))).toEqual([[null, 'SIGTERM'], [null, 'SIGTERM'], [null, 'SIGKILL']]);
});

test('a group is reached when its leader has ended, and not when its number is another\'s', async () => {
  const { child, pid, startTicks, ended } = started(['sh', '-c', 'sleep 600 & echo $!; kill -9 $$'], true);
  const [line] = await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line') as [string];
  await ended;
  const left = Number(line);
  const leftTicks = startTicksOf(left) as number;
  expect(isRunning(left, leftTicks)).toBe(true);
  const closed = once(child, 'close');
  expect(signalGroup(pid, startTicks, 'SIGTERM')).toBe(true);
  // Its end of the pipe was the last one.
  await closed;
  const other = started(sleeper, true);
  expect(signalGroup(other.pid, other.startTicks - 1, 'SIGKILL')).toBe(false);
  expect(signalGroup(other.pid, other.startTicks, 'SIGTERM')).toBe(true);
  expect(await other.ended).toEqual([null, 'SIGTERM']);
});

test('who runs with a command line is found by it', async () => {
  const { pid, ended } = started(['sleep', '600.25']);
  const found = (): readonly number[] => runningAs((line) => line[0] === 'sleep' && line[1] === '600.25');
  expect(found()).toEqual([pid]);
  expect(signalListed(found, 'SIGTERM')).toBe(1);
  await ended;
  expect(found()).toEqual([]);
});
