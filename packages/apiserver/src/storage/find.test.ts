import { utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { memberTexts, textFinder } from './find.ts';

const nodeName = textFinder('spec', 'nodeName');

test.each([
  ['{"spec":{"nodeName":"n"}}', 'n'],
  ['{"metadata":{"labels":{"nodeName":"x","spec":"{\\"nodeName\\":\\"y\\"}"},"n":[1,-2.5e3,{"a":[]}]},"spec":{"containers":[{"nodeName":"z","t":"]}\\\\"}],"o":{},"nodeName":"Kn\\u00f6t\\"en é"}}', 'Knöt"en é'],
  ['{"kind":"Pod","spec":{"x":null,"y":true,"nodeName":""}}', ''],
  ['{"kind":"Pod","spec":{"a":{"nodeName":"inner"}},"nodeName":"outer","status":{"nodeName":"s"}}', ''],
  ['{"spec":{"nodeName":5}}', ''], ['{"spec":"nodeName"}', ''], ['{}', ''], ['[]', ''], ['{"spec":{"nodeName', ''], ['', ''],
])('spec.nodeName of %s', (json, expected) => {
  expect(nodeName(utf8(json))).toBe(expected);
});

/** Objects that a seed gives, of texts which look like JSON. */
function anything(random: () => number, depth: number): unknown {
  const texts = ['', 'a"b', '\\', '{"spec":{"nodeName":"no"}}', 'é\u2028', ',', '}', 'spec'];
  const pick = Math.floor(random() * (depth > 3 ? 4 : 6));
  if (pick === 0) return texts[Math.floor(random() * texts.length)];
  if (pick === 1) return random() * 1000 - 500;
  if (pick < 4) return [true, null, false][Math.floor(random() * 3)];
  const items = Array.from({ length: Math.floor(random() * 4) }, () => anything(random, depth + 1));
  return pick === 4 ? items : Object.fromEntries(items.map((item, at) => [['nodeName', 'spec', 'metadata', 'x"y'][at], item]));
}

test('it finds what a parser finds', () => {
  let state = 7;
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  let found = 0;
  for (let count = 0; count < 5000; count += 1) {
    const object = { metadata: anything(random, 0), spec: anything(random, 0), status: anything(random, 0) };
    const { spec } = JSON.parse(JSON.stringify(object)) as { spec: { nodeName?: unknown } | null };
    const expected = spec !== null && typeof spec === 'object' && typeof spec.nodeName === 'string' ? spec.nodeName : '';
    if (expected !== '') found += 1;
    expect(nodeName(utf8(JSON.stringify(object)))).toBe(expected);
  }
  expect(found).toBeGreaterThan(40);
});

test('members are found by their names, of which one in other letters has the bytes', () => {
  const json = utf8('{"é":{"a":1},"spec":{"b":[{}]},"status":{"c":"}"}}');
  expect(memberTexts(json, ['Ã©', 'status', 'spec'])).toEqual(new Map([['spec', '{"b":[{}]}'], ['status', '{"c":"}"}']]));
});
