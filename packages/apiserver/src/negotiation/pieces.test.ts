import { concatBytes, readAll, type PushSource } from '@coxswain/host';
import { expect, test } from 'vitest';
import { Filler, pieces, type ItemWriter } from './pieces.ts';

const writer: ItemWriter<Uint8Array> = {
  // Often more than it takes, as for stored objects.
  sizeBytesMax: (item) => item.length + 40,
  write: (item, target, at) => {
    target.set(item, at);
    return at + item.length;
  },
};

function filled(sizeBytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => (at * 31 + seed) & 0xff);
}

/** As a wire that is full after each piece, and is done with it when it has room again. */
function pushed(source: PushSource): Uint8Array {
  const parts: Uint8Array[] = [];
  let waiting: Uint8Array | undefined;
  let over = false;
  source.start({ write: (data) => { waiting = data; return false; }, end: () => { over = true; } });
  while (waiting !== undefined) {
    parts.push(waiting.slice());
    // Nobody may count on what was written before.
    waiting.fill(0);
    waiting = undefined;
    source.drained();
  }
  expect(over).toBe(true);
  return concatBytes(parts);
}

const kib = 1024;
test.each([
  ['nothing', []], ['small ones', [1, 2, 3]], ['one that is larger than a piece', [300 * kib]], ['just a piece', [128 * kib - 60]],
  ['many', Array.from({ length: 400 }, (_, at) => 900 + at * 7)], ['large ones among small ones', [10, 128 * kib, 20, 129 * kib, 500 * kib, 30, 127 * kib, 127 * kib]],
])('%s: iterated, pushed or whole, it is the same', async (_name, sizes) => {
  const items = sizes.map(filled);
  const make = (): ReturnType<typeof pieces> => pieces(new Filler(Uint8Array.of(1), items, writer, Uint8Array.of(2, 3)));
  const expected = concatBytes([Uint8Array.of(1), ...items, Uint8Array.of(2, 3)]);
  const body = make();
  if (body instanceof Uint8Array) {
    expect(Buffer.compare(body, expected)).toBe(0);
    return;
  }
  expect(expected.length).toBeGreaterThan(127 * kib);
  expect(Buffer.compare(await readAll(body), expected)).toBe(0);
  expect(Buffer.compare(pushed(make() as PushSource), expected)).toBe(0);
});

test('who stops gets nothing more', () => {
  const body = pieces(new Filler(Uint8Array.of(1), Array.from({ length: 400 }, () => filled(kib, 1)), writer, Uint8Array.of(2))) as PushSource;
  let written = 0;
  body.start({ write: () => { written += 1; return false; }, end: () => { written += 1000; } });
  body.stop();
  body.drained();
  expect(written).toBe(1);
});
