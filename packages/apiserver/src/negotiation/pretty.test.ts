import { expect, test } from 'vitest';
import { indentJson } from './pretty.ts';

test('indents without touching what is inside strings, numbers or empty values', () => {
  expect(indentJson('{"a":{},"b":[],"c":[1,{"d":"x,{}[]:\\"\\u003c\\\\"}],"e":12345678901234567890}'))
    .toBe('{\n  "a": {},\n  "b": [],\n  "c": [\n    1,\n    {\n      "d": "x,{}[]:\\"\\u003c\\\\"\n    }\n  ],\n  "e": 12345678901234567890\n}');
});
