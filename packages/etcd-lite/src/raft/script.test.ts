import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { replay } from './script.fixture.ts';

const directory = new URL('testdata/', import.meta.url);

/**
 * Each file says at its top which rule of the paper (Ongaro, Ousterhout 2014), of Ongaro's thesis or of etcd's record it
 * shows. RAFT_REWRITE=1 writes what comes now into the files: to be read against the rule, line by line, before it is kept.
 */
describe('Raft by script', () => {
  for (const name of readdirSync(directory).filter((one) => one.endsWith('.txt'))) {
    it(name.replace('.txt', ''), () => {
      const file = new URL(name, directory);
      const text = readFileSync(file, 'utf8');
      const now = replay(text);
      if (process.env['RAFT_REWRITE'] === '1') writeFileSync(file, now);
      else expect(now).toBe(text);
    });
  }
});
