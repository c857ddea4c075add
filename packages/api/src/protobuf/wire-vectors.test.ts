import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../decode/index.ts';
import { typeOfKind } from '../description/resources.ts';
import { decodeProtobuf, encodeProtobuf, encodeWatchFrame, openProtobuf, ProtobufError } from './index.ts';

const folder = join(import.meta.dirname, '../../../../../shared/data/wire-vectors');
const present = existsSync(folder);
if (!present) console.log('skipped: ../shared/data/wire-vectors is absent');
const names = present ? readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5)) : [];

function typeOfName(name: string): string {
  const [, group, version, kind] = /^(.*)\.(v[0-9a-z]+)\.([A-Za-z]+)$/.exec(name) as unknown as [string, string, string, string];
  return typeOfKind(group === 'core' ? '' : group, version, kind) ?? `no type for ${name}`;
}

/** As the published messages say: WatchEvent { type: 1, object: 2 }, RawExtension { raw: 1 }. */
const watchEvent = protobuf.parse('syntax = "proto3"; message RawExtension { bytes raw = 1; } message WatchEvent { string type = 1; RawExtension object = 2; }').root.lookupType('WatchEvent');

describe.skipIf(!present)('protobuf of the wire vectors', () => {
  test.each(names)('%s encodes to the same bytes and decodes to the same object', (name) => {
    const type = typeOfName(name);
    const bytes = new Uint8Array(readFileSync(join(folder, `${name}.pb`)));
    const { object } = decodeObject(type, readFileSync(join(folder, `${name}.json`), 'utf8'));
    expect(JSON.stringify(decodeProtobuf(bytes, type), null, 1)).toBe(JSON.stringify(object, null, 1));
    expect(Buffer.from(encodeProtobuf(type, object)).toString('hex')).toBe(Buffer.from(bytes).toString('hex'));
  });

  test('a frame of a watch is its length, then the event', () => {
    const pod = new Uint8Array(readFileSync(join(folder, 'core.v1.Pod.pb')));
    const frame = encodeWatchFrame('ADDED', pod);
    expect(new DataView(frame.buffer, frame.byteOffset).getUint32(0)).toBe(frame.length - 4);
    const event = watchEvent.toObject(watchEvent.decode(frame.subarray(4))) as { type: string; object: { raw: Uint8Array } };
    expect(event.type).toBe('ADDED');
    expect(Buffer.from(event.object.raw).equals(Buffer.from(pod))).toBe(true);
  });

  test('what is no protobuf is refused', () => {
    expect(() => openProtobuf(new TextEncoder().encode('{}'))).toThrow(ProtobufError);
    const cut = new Uint8Array(readFileSync(join(folder, 'core.v1.Pod.pb'))).subarray(0, 500);
    expect(() => decodeProtobuf(cut)).toThrow(ProtobufError);
  });
});
