import type { PodSpec } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { detailText, violations } from './evaluate.ts';
import { latest } from './levels.ts';
import fixtures from './testdata/fixtures.json' with { type: 'json' };

type Expectation = readonly [level: number, since: number, text: number];
const levels = ['baseline', 'restricted'] as const;
/** Those in which something changed, and those before them. */
const versions = [0, 7, 8, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33];
const cases = fixtures.cases as unknown as readonly (readonly [PodSpec, Record<string, string>, readonly Expectation[]])[];

test('the fixture set of the standards is judged in every version as upstream judges it', () => {
  expect(cases.length).toBeGreaterThan(300);
  for (const [spec, annotations, expectations] of cases) {
    for (const [index, level] of levels.entries()) {
      for (const version of versions) {
        const [, , text] = expectations.findLast(([ofLevel, since]) => ofLevel === index && since <= version) ?? [0, 0, -1];
        const found = detailText(violations({ level, minor: version === 33 ? latest : version }, { metadata: { annotations }, spec }));
        if (found !== fixtures.texts[text]) expect({ level, version, spec, found }).toEqual(fixtures.texts[text]);
      }
    }
  }
});

test('privileged lets everything in', () => {
  for (const [spec, annotations] of cases) expect(violations({ level: 'privileged', minor: latest }, { metadata: { annotations }, spec })).toEqual([]);
});
