import { expect, test } from 'vitest';
import { BackwardWriter } from './writer.ts';

test.each(['', 'plain', 'é', 'plain and then €', 'x'.repeat(49), `${'x'.repeat(48)}é`, `é${'x'.repeat(70_000)}`, 'x'.repeat(70_000), '\ud800'])('a text of any length and alphabet is its UTF-8 behind its length: %#', (text) => {
  const writer = new BackwardWriter();
  writer.string('behind');
  writer.string(text);
  writer.string('before');
  const bytes = Buffer.from(text);
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  expect(Buffer.concat([Buffer.from('\u0006before'), Buffer.from([...length, rest]), bytes, Buffer.from('\u0006behind')]).equals(writer.finish())).toBe(true);
});

test('what was written before a reset is gone', () => {
  const writer = new BackwardWriter();
  writer.string('x'.repeat(200_000));
  writer.reset();
  writer.varint(300n);
  writer.varint(0x7f);
  expect([...writer.finish()]).toEqual([0x7f, 0xac, 0x02]);
});
