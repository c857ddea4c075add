import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followedFile } from './follow-file.ts';

let directory = '';
let end = new AbortController();
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'follow-file-'));
  end = new AbortController();
});
afterEach(() => {
  end.abort();
  rmSync(directory, { recursive: true });
});

interface Seen {
  readonly all: string[];
  next(): Promise<string>;
}

function seen(path: string, first: string, answer: (text: string) => 'settled' | 'again', everyMs?: number): Seen {
  const all: string[] = [];
  let told = (_text: string): void => {};
  let waiting = new Promise<string>((resolve) => { told = resolve; });
  const tell = (text: string): void => {
    all.push(text);
    told(text);
    waiting = new Promise((resolve) => { told = resolve; });
  };
  followedFile(path, first, everyMs).follow({ unreadable: () => tell('unreadable'), changed: (text) => { tell(text); return Promise.resolve(answer(text)); } }, end.signal);
  return { all, next: () => waiting };
}

test('a file that a link replaces is read again, and only when its text is another', async () => {
  const path = join(directory, 'config');
  writeFileSync(join(directory, 'one'), 'one');
  symlinkSync('one', path);
  const got = seen(path, 'one', () => 'settled');
  const next = got.next();
  writeFileSync(join(directory, 'two'), 'two');
  symlinkSync('two', `${path}.new`);
  renameSync(`${path}.new`, path);
  expect(await next).toBe('two');
  const last = got.next();
  writeFileSync(join(directory, 'three'), 'two');
  writeFileSync(join(directory, 'two'), 'three');
  // Whoever writes in place may be seen half way.
  expect(['three', '']).toContain(await last);
});

test('what could not be used yet is told again, what changed before the first look is told', async () => {
  const path = join(directory, 'config');
  writeFileSync(path, 'two');
  let tries = 0;
  const got = seen(path, 'one', () => { tries += 1; return tries < 3 ? 'again' : 'settled'; }, 5);
  await got.next();
  await got.next();
  await got.next();
  const next = got.next();
  rmSync(path);
  expect(await next).toBe('unreadable');
  expect(got.all.slice(0, 4)).toEqual(['two', 'two', 'two', 'unreadable']);
});
