import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { CompressionError, HpackDecoder } from './hpack-decoder.ts';
import { FixedFields, HpackEncoder } from './hpack-encoder.ts';
import { HeaderTable, type Field } from './header-table.ts';
import { huffmanDecode, huffmanEncode, huffmanSizeBytes } from './huffman.ts';

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const request1: Field[] = [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'www.example.com']];
const request2: Field[] = [...request1, ['cache-control', 'no-cache']];
const request3: Field[] = [[':method', 'GET'], [':scheme', 'https'], [':path', '/index.html'], [':authority', 'www.example.com'], ['custom-key', 'custom-value']];
const response1: Field[] = [[':status', '302'], ['cache-control', 'private'], ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'], ['location', 'https://www.example.com']];
const response2: Field[] = [[':status', '307'], ['cache-control', 'private'], ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'], ['location', 'https://www.example.com']];
const response3: Field[] = [
  [':status', '200'], ['cache-control', 'private'], ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'], ['location', 'https://www.example.com'], ['content-encoding', 'gzip'],
  ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
];

/** RFC 7541, C.2 to C.6. */
const conversations: Record<string, { readonly tableBytes: number; readonly blocks: readonly (readonly [string, readonly Field[]])[] }> = {
  'C.2.1 literal with indexing': { tableBytes: 4096, blocks: [['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', [['custom-key', 'custom-header']]]] },
  'C.2.2 literal without indexing': { tableBytes: 4096, blocks: [['040c 2f73 616d 706c 652f 7061 7468', [[':path', '/sample/path']]]] },
  'C.2.3 literal never indexed': { tableBytes: 4096, blocks: [['1008 7061 7373 776f 7264 0673 6563 7265 74', [['password', 'secret']]]] },
  'C.2.4 indexed': { tableBytes: 4096, blocks: [['82', [[':method', 'GET']]]] },
  'C.3 requests': { tableBytes: 4096, blocks: [
    ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', request1], ['8286 84be 5808 6e6f 2d63 6163 6865', request2],
    ['8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65', request3]] },
  'C.4 requests with Huffman': { tableBytes: 4096, blocks: [
    ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', request1], ['8286 84be 5886 a8eb 1064 9cbf', request2],
    ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', request3]] },
  'C.5 responses': { tableBytes: 256, blocks: [
    ['4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', response1],
    ['4803 3330 37c1 c0bf', response2],
    ['88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31', response3]] },
  'C.6 responses with Huffman': { tableBytes: 256, blocks: [
    ['4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3', response1],
    ['4883 640e ffc1 c0bf', response2],
    ['88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07', response3]] },
};

test.each(Object.entries(conversations))('decodes %s as the RFC says', (_name, { tableBytes, blocks }) => {
  const decoder = new HpackDecoder(tableBytes, 65_536);
  for (const [hex, fields] of blocks) expect(decoder.decode(bytes(hex))).toEqual({ fields, tooLarge: false });
});

test('the encoder writes what RFC 7541 C.4 shows', () => {
  const encoder = new HpackEncoder();
  for (const [hex, fields] of conversations['C.4 requests with Huffman']?.blocks ?? []) expect([...encoder.encode(fields)]).toEqual([...bytes(hex)]);
});

test('the table holds what is in it as in C.5', () => {
  const table = new HeaderTable(256);
  for (const field of response1) table.add(field);
  expect(table.sizeBytes).toBe(222);
  table.add([':status', '307']);
  expect([table.count, table.sizeBytes, table.at(62), table.at(65), table.at(66)]).toEqual([4, 222, [':status', '307'], ['cache-control', 'private'], undefined]);
});

test.each([
  ['no such index', 'bf'], ['index 0', '80'], ['text past the end', '400a 63'], ['integer without end', 'ffff ffff ffff ffff'],
  ['size update after a field', '8220'], ['size update above what is allowed', '3fe2 1f'], ['padding longer than seven bits', '4082 f1ff 00'],
  ['end-of-string symbol', '4084 ffff fffc 00'], ['padding not ones', '4081 1800'],
])('refuses %s', (_name, hex) => {
  expect(() => new HpackDecoder(4096, 65_536).decode(bytes(hex))).toThrow(CompressionError);
});

test('a list above the limit is decoded to its end, for the table', () => {
  const decoder = new HpackDecoder(4096, 100);
  const encoder = new HpackEncoder();
  expect(decoder.decode(encoder.encode([['a', 'x'.repeat(60)], ['b', 'y'.repeat(60)]])).tooLarge).toBe(true);
  expect(decoder.decode(encoder.encode([['b', 'y'.repeat(60)]]))).toEqual({ fields: [['b', 'y'.repeat(60)]], tooLarge: false });
});

test('fixed fields become indexes, and stay right when the table changes under them', () => {
  const encoder = new HpackEncoder(256);
  const decoder = new HpackDecoder(4096, 65_536);
  const head = new FixedFields([[':status', '200'], ['content-type', 'application/grpc']]);
  const sizes: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    const block = encoder.encode(head).slice();
    sizes.push(block.length);
    expect(decoder.decode(block).fields).toEqual(head.fields);
    if (round === 20) encoder.allow(0);
    if (round === 40) encoder.allow(128);
    if (round % 5 === 4) expect(decoder.decode(encoder.encode([['x', `${round}`.repeat(10)]])).fields).toEqual([['x', `${round}`.repeat(10)]]);
  }
  expect(sizes.slice(1, 5)).toEqual([2, 2, 2, 2]);
});

test('two fixed fields in any order: the second one, new to the table, moves what was kept of the first', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096, 65_536);
  const head = new FixedFields([[':status', '200'], ['content-type', 'application/grpc']]);
  const trailers = new FixedFields([['grpc-status', '0']]);
  for (const fixed of [head, head, trailers, head, trailers, trailers, head]) expect(decoder.decode(encoder.encode(fixed)).fields).toEqual(fixed.fields);
});

test('equal blocks of one state of the table give the same object', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096, 65_536);
  decoder.decode(encoder.encode(request3));
  const second = decoder.decode(encoder.encode(request3));
  expect(decoder.decode(encoder.encode(request3))).toBe(second);
  decoder.decode(encoder.encode([['new', 'field']]));
  expect(decoder.decode(encoder.encode(request3))).toEqual(second);
});

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 80 });

test('Huffman there and back', () => {
  fc.assert(fc.property(latin1, (text) => {
    const out = new Uint8Array(huffmanSizeBytes(text) + 1);
    const end = huffmanEncode(text, out, 0);
    expect(end).toBe(huffmanSizeBytes(text));
    expect(huffmanDecode(out, 0, end)).toBe(text);
  }), { seed: 20 });
});

test('any lists over changing tables arrive as they were sent', () => {
  const field = fc.tuple(fc.constantFrom(':method', 'cookie', 'x-a', 'x-b', 'token'), fc.oneof(fc.constantFrom('GET', 'one', 'two'), latin1)) as fc.Arbitrary<Field>;
  fc.assert(fc.property(fc.array(fc.tuple(fc.array(field, { maxLength: 12 }), fc.option(fc.integer({ min: 0, max: 5000 }), { freq: 4 }))), (rounds) => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(4096, 1_000_000);
    for (const [fields, resize] of rounds) {
      if (resize !== null) encoder.allow(Math.min(resize, 4096));
      expect(decoder.decode(encoder.encode(fields)).fields).toEqual(fields);
    }
  }), { seed: 21 });
});

test('random bytes never do anything but decode or be refused', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (blocks) => {
    const decoder = new HpackDecoder(4096, 65_536);
    for (const block of blocks) {
      try {
        decoder.decode(block);
      } catch (error) {
        expect(error).toBeInstanceOf(CompressionError);
        return;
      }
    }
  }), { seed: 22, numRuns: 2000 });
});

test('a head that is sent again means the same after another one has filled the table', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096, 65_536);
  const heads = ['/a', '/b', '/c'].map((path) => new FixedFields([[':method', 'POST'], [':path', path], ['content-type', 'application/grpc']]));
  for (const at of [0, 0, 1, 0, 2, 1, 0, 2, 0]) {
    const head = heads[at] as FixedFields;
    expect(decoder.decode(encoder.encode(head).slice()).fields).toEqual(head.fields);
  }
});

test('what is another one with each answer pushes nothing out of the table', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096, 65_536);
  const answer = (id: number): Field[] => [[':status', '200'], ['cache-control', 'no-cache, private'], ['audit-id', `1f0c7a2e-0000-4000-8000-${String(id).padStart(12, '0')}`], ['x-level', 'one']];
  const blocks = Array.from({ length: 300 }, (_, id) => encoder.encode(answer(id)).slice());
  expect(blocks.map((block) => decoder.decode(block).fields)).toEqual(blocks.map((_, id) => answer(id)));
  // Three indexes, and the literal.
  expect(blocks.slice(1).every((block) => block.length < 3 + 2 + 8 + 1 + 36)).toBe(true);
});

test('a long text in Huffman code does not end where a short one had room', () => {
  const text = 'a1'.repeat(3000);
  const out = new Uint8Array(huffmanSizeBytes(text));
  huffmanEncode(text, out, 0);
  expect(huffmanDecode(out, 0, out.length)).toBe(text);
  expect(huffmanDecode(out, 0, 5)).toBe('a1a1a1a1');
});
