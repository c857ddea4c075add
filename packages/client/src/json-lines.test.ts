import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonLines } from './json-lines.ts';

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) return;
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

test('frames are the same whatever the chunk borders, inside characters too', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ text: fc.string({ unit: 'binary' }), n: fc.integer() })), fc.array(fc.integer({ min: 0, max: 7 })), async (values, sizes) => {
    const bytes = new TextEncoder().encode(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
    const out: unknown[] = [];
    for await (const value of jsonLines(chunked(bytes, sizes))) out.push(value);
    expect(out).toEqual(JSON.parse(JSON.stringify(values)));
  }), { seed: 6, numRuns: 100 });
});

test('an event that was cut off is left out', async () => {
  const out: unknown[] = [];
  for await (const value of jsonLines(chunked(new TextEncoder().encode('{"a":1}\n{"a":'), []))) out.push(value);
  expect(out).toEqual([{ a: 1 }]);
});
