import { expect, test } from 'vitest';
import { FrameReader } from './frame-reader.ts';
import { frameHeadBytes } from './frames.ts';

/** Frames of content of these sizes, each filled with its number. */
function framesOf(sizes: readonly number[]): Uint8Array {
  const data = new Uint8Array(sizes.reduce((sum, size) => sum + frameHeadBytes + size, 0));
  let at = 0;
  for (const [number, size] of sizes.entries()) {
    data.set([size >>> 16, size >>> 8, size, 0, 0, 0, 0, 0, number + 1], at);
    data.fill(number + 1, at + frameHeadBytes, at + frameHeadBytes + size);
    at += frameHeadBytes + size;
  }
  return data;
}

test.each([1, 5, 9, 10, 700, 16_384, 20_000])('in pieces of %i bytes that are overwritten, every frame is told once and whole', (pieceBytes) => {
  const sizes = [0, 16_384, 3, 1000, 16_384, 16_383, 0, 1, 8];
  const sent = framesOf(sizes);
  const seen: string[] = [];
  const reader = new FrameReader(16_384, false, (_type, _flags, streamId, data, from, to) => {
    const content = data.slice(from, to);
    seen.push(`${streamId}: ${content.length}${content.every((byte) => byte === streamId) ? '' : ', damaged'}`);
  }, true);
  const memory = new Uint8Array(pieceBytes);
  for (let at = 0; at < sent.length; at += pieceBytes) {
    const piece = sent.subarray(at, at + pieceBytes);
    memory.set(piece);
    reader.push(memory.subarray(0, piece.length));
    memory.fill(0xff);
  }
  expect(seen).toEqual(sizes.map((size, at) => `${at + 1}: ${size}`));
  expect(reader.partial).toBe(false);
});
