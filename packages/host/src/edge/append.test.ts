import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { append } from '../append.ts';

const packages = join(import.meta.dirname, '../../..');

test('more items than arguments would have room', () => {
  const target = [0];
  append(target, Array.from({ length: 500_000 }, (_, at) => at));
  expect(target).toHaveLength(500_001);
});

test.each(['api', 'apiserver', 'cel'])('no list that a client may have made long is handed over as arguments in %s', (name) => {
  const source = join(packages, name, 'src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => /\.(push|unshift)\(\.\.\./.test(readFileSync(join(source, file), 'utf8')))).toEqual([]);
});
