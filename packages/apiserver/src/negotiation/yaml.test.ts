import { stringifyAny } from '@coxswain/api';
import { expect, test } from 'vitest';
import { compareKeys, jsonToYaml } from './yaml.ts';

/** As sigs.k8s.io/yaml v1.4.0 wrote them. */
const cases: readonly [unknown, string][] = [
  [{}, '{}\n'],
  [{ b: 1, a: [] }, 'a: []\nb: 1\n'],
  [{ a: { '.': {}, 'k:{"name":"c"}': { 'f:image': {} } } }, 'a:\n  .: {}\n  k:{"name":"c"}:\n    f:image: {}\n'],
  [{ a: [{ b: 1, c: [] }, [1, 2], 'x'] }, 'a:\n- b: 1\n  c: []\n- - 1\n  - 2\n- x\n'],
  [{ v: ['yes', '1', '', 'null', '2020-01-01', '1:20', '0x1f', '.5', 'a: b', '- a', 'it\'s', '#a'] }, 'v:\n- "yes"\n- "1"\n- ""\n- "null"\n- "2020-01-01"\n- "1:20"\n- "0x1f"\n- ".5"\n- \'a: b\'\n- \'- a\'\n- it\'s\n- \'#a\'\n'],
  [{ v: 'one\ntwo\n' }, 'v: |\n  one\n  two\n'],
  [{ v: 'one\n\n' }, 'v: |+\n  one\n\n'],
  [{ v: ' one\ntwo' }, 'v: |2-\n   one\n  two\n'],
  [{ v: 'tab\there' }, 'v: "tab\\there"\n'],
  [{ v: 'one \ntwo' }, 'v: "one \\ntwo"\n'],
  [{ d: `${'word '.repeat(20)}end` }, `d: ${'word '.repeat(16).trimEnd()}\n  ${'word '.repeat(4)}end\n`],
  // As libyaml, of which Go's is a port.
  [{ v: `${"it's: ".repeat(20)}end` }, `v: '${"it''s: ".repeat(12).trimEnd()}\n  ${"it''s: ".repeat(8)}end'\n`],
  [{ v: `${'\tone '.repeat(20)}end` }, `v: "${'\\tone '.repeat(13).trimEnd()}\n  ${'\\tone '.repeat(7)}end"\n`],
  [{ v: `${'\tone  '.repeat(20)}end` }, `v: "${'\\tone  '.repeat(12).trimEnd()}\n  \\ ${'\\tone  '.repeat(8)}end"\n`],
  [{ f: [1.5, 1e21, 1e-7, 9007199254740993n] }, 'f:\n- 1.5\n- 1e+21\n- 1e-07\n- 9007199254740993\n'],
];

test('YAML is what Go writes of the same JSON', () => {
  for (const [value, yaml] of cases) {
    const json = stringifyAny(value);
    expect(jsonToYaml(json), json).toBe(yaml);
  }
});

test('keys are in the order that people count in', () => {
  expect(['b', 'a10', 'a2', 'A', '_x', 'a02'].sort(compareKeys)).toEqual(['_x', 'A', 'a2', 'a02', 'a10', 'b']);
});
