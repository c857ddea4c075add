import { expect, test } from 'vitest';
import { sharedMemory, ValueBlocks, type PlacedValue } from './value-blocks.ts';
import { Version } from './version.ts';

function versionOf(): Version & PlacedValue {
  return new Version('key', 1, 2, 1, 0n, 0, undefined);
}

/** One behind the other, as in a transaction's message. */
function valuesIn(memory: ArrayBuffer, count: number, sizeBytes: number, strideBytes: number): Uint8Array[] {
  return Array.from({ length: count }, (_, at) => new Uint8Array(memory, at * strideBytes, sizeBytes).fill(at + 1));
}

test('memory that values fill is shared, and memory that they only lie in is not', () => {
  expect(sharedMemory([])).toBeUndefined();
  const full = new ArrayBuffer(1000);
  expect(sharedMemory(valuesIn(full, 10, 60, 100))).toBe(full);
  expect(sharedMemory(valuesIn(new ArrayBuffer(1000), 10, 40, 100))).toBeUndefined();
  // A value or two of what came with much else.
  expect(sharedMemory(valuesIn(full, 1, 1000, 1000))).toBeUndefined();
  expect(sharedMemory([...valuesIn(full, 1, 100, 100), ...valuesIn(new ArrayBuffer(2000), 10, 200, 200)])).toBeUndefined();
});

test.each([[true], [false]])('values are what was kept, whether their memory is shared (%s) or not', (isShared) => {
  const blocks = new ValueBlocks();
  const memory = new ArrayBuffer(400_000);
  const values = valuesIn(memory, 50, 8000, 8000);
  blocks.share(isShared ? memory : undefined);
  const versions = values.map((value) => {
    const version = versionOf();
    blocks.keep(version, value);
    return version;
  });
  expect(versions.every(({ value }, at) => value !== undefined && Buffer.compare(value, values[at] as Uint8Array) === 0)).toBe(true);
  // A place has 18 bits for where it begins: what lies behind is copied.
  expect(versions.map(({ value }) => value?.buffer === memory)).toEqual(values.map(({ byteOffset }) => isShared && byteOffset < 256 * 1024));
  blocks.share(undefined);
  const later = versionOf();
  blocks.keep(later, new Uint8Array(memory, 0, 100));
  expect(later.value?.buffer === memory).toBe(false);
});
