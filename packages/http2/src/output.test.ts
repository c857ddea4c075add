import { expect, test } from 'vitest';
import { Output, type Batch } from './output.ts';
import { Slabs } from './slabs.ts';

const maxFrameBytes = 16_384;

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Frames of content, as stream, size and the byte that fills them: pieces of a frame stand by themselves. */
function contentOf(data: Uint8Array): string[] {
  const seen: string[] = [];
  for (let at = 0; at < data.length;) {
    const size = ((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number);
    const stream = data[at + 8] as number;
    at += 9;
    for (let from = at; from < at + size;) {
      let to = from;
      while (to < at + size && data[to] === data[from]) to += 1;
      seen.push(`${stream}: ${to - from} × ${data[from]}`);
      from = to;
    }
    at += size;
  }
  return seen;
}

test('content of one stream that follows itself shares a frame, as far as a frame may be large', () => {
  const output = new Output();
  for (const size of [10, 20, maxFrameBytes - 30, 40]) output.content(1, new Uint8Array(size), 0, maxFrameBytes);
  output.content(3, new Uint8Array(5), 0, maxFrameBytes);
  output.content(3, new Uint8Array(0), 1, maxFrameBytes);
  output.content(1, new Uint8Array(6), 0, maxFrameBytes);
  const data = joined(output.take().parts);
  const heads: number[][] = [];
  for (let at = 0; at < data.length; at += 9 + (heads.at(-1)?.[0] ?? 0)) heads.push([((data[at + 1] as number) << 8) | (data[at + 2] as number), data[at + 4] as number, data[at + 8] as number]);
  expect(heads).toEqual([[maxFrameBytes, 0, 1], [40, 0, 1], [5, 1, 3], [6, 0, 1]]);
});

/** Numbers that a seed gives. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

interface Writer {
  readonly output: Output;
  expected: string[];
  filler: number;
  readonly onTheirWay: { readonly batch: Batch; readonly expected: readonly string[] }[];
}

function step(writer: Writer, random: (below: number) => number): void {
  const { output, onTheirWay } = writer;
  const act = random(4);
  if (act < 2) {
    const size = [10, 3000, 9000, maxFrameBytes, 40_000][random(5)] as number;
    writer.filler = (writer.filler % 250) + 1;
    output.content(1 + random(2), new Uint8Array(size).fill(writer.filler), 0, 50_000);
    writer.expected.push(`${size} × ${writer.filler}`);
  } else if (act === 2) {
    onTheirWay.push({ batch: output.take(), expected: writer.expected });
    writer.expected = [];
  } else {
    const first = onTheirWay.shift();
    if (first === undefined) return;
    expect(contentOf(joined(first.batch.parts)).map((one) => one.slice(3))).toEqual(first.expected);
    first.batch.written();
  }
}

test('memory that connections share is not written again before it was sent', () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = numbers(seed);
    const slabs = new Slabs();
    const writers = Array.from({ length: 3 }, (_, at): Writer => ({ output: new Output(slabs), expected: [], filler: at * 80, onTheirWay: [] }));
    for (let turn = 0; turn < 80; turn += 1) step(writers[random(writers.length)] as Writer, random);
  }
});
