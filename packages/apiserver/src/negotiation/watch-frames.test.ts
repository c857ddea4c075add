import { builtinResources } from '@coxswain/api';
import { fromUtf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { builtinCodec, builtinStorageCodec } from '../registry/bindings.ts';
import type { ServedKind } from '../registry/kind.ts';
import { encodeForStore, StoredObject } from '../storage/codec.ts';
import type { Negotiated } from './accept.ts';
import { frameMaker } from './watch-frames.ts';

const api = builtinResources.find((one) => one.resource === 'configmaps') ?? expect.fail('no config maps');
const kind = { api, isHub: true, codec: builtinCodec(api) } as ServedKind;
const storage = builtinStorageCodec(api);
const uid = '6b1c7f3e-0b58-4c0c-a7b1-0d2f51b0c9f4';
const written = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', namespace: 'default', uid }, data: { k: 'v'.repeat(200) } };
const stored = new StoredObject('/registry/configmaps/default/a', encodeForStore(written, storage).value, 7, storage);

// Hundreds of each resource are kept for watchers that come later: a piece of memory that many share would stay whole for each.
test.each<Partial<Negotiated>>([
  { mediaType: 'json' }, { mediaType: 'protobuf' }, { mediaType: 'json', transform: { kind: 'PartialObjectMetadata', version: 'v1' } }, { mediaType: 'protobuf', transform: { kind: 'PartialObjectMetadata', version: 'v1' } },
])('a frame has memory of its own: %j', (form) => {
  const frame = frameMaker(kind, { mediaType: 'json', transform: undefined, pretty: false, ...form }, new URLSearchParams()).frame('ADDED', stored);
  expect(frame.buffer.byteLength).toBe(frame.length);
  expect(fromUtf8(frame)).toContain(uid);
});
