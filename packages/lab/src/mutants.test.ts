import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutants as history } from '../test/history/mutants.ts';
import { mutants as scheduling } from '../test/scheduling/mutants.ts';

test.each([...history, ...scheduling])('$name still fits the source that it changes', ({ edits }) => {
  for (const { file, find, replace } of edits) {
    expect(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split(find).length - 1, find).toBe(1);
    expect(replace).not.toBe(find);
  }
});
