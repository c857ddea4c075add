import { builtinResources, stringifyAny, type ApiResource, type JsonObject } from '@coxswain/api';
import { fromUtf8, utf8 } from '@coxswain/host';
import { describe, expect, test } from 'vitest';
import { encodeForStore, StoredObject } from '../storage/codec.ts';
import { builtinCodec, builtinStorageCodec } from './bindings.ts';
import { apiVersionOf } from './kind.ts';
import { ObjectGenerator } from './testing/generated-objects.ts';

const objectsOfKind = 8;

function generated(api: ApiResource, seed: number): JsonObject {
  const object = new ObjectGenerator(seed).object(api.typeName, apiVersionOf(api), api.kind);
  return { ...object, metadata: { ...(object['metadata'] as JsonObject | undefined), name: 'generated' } };
}

/** What the store says of it. */
function withVersion(object: JsonObject, resourceVersion: string | undefined): JsonObject {
  const { resourceVersion: _version, selfLink: _link, ...metadata } = object['metadata'] as JsonObject;
  return { ...object, metadata: { ...metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) } };
}

function withMetadata(object: JsonObject, more: JsonObject): JsonObject {
  return { ...object, metadata: { ...(object['metadata'] as JsonObject), ...more } };
}

test('what is written as it stands need not be read again', () => {
  const pod = (metadata: JsonObject): JsonObject => ({
    kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', creationTimestamp: null, ...metadata },
    spec: { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1' } }, ports: [{ containerPort: 80, protocol: 'TCP' }] }] }, status: {},
  });
  const api = builtinResources.find((one) => one.group === '' && one.resource === 'pods') ?? expect.fail('no pods');
  const isKnown = (metadata: JsonObject): boolean => encodeForStore(pod(metadata), builtinStorageCodec(api)).object !== undefined;
  expect(isKnown({ labels: { a: '1', b: '2' }, resourceVersion: '7' })).toBe(true);
  const others: readonly JsonObject[] = [{ labels: {} }, { labels: { b: '2', a: '1' } }, { generation: 0 }, { annotations: null }, { generation: 2 ** 53 }, { annotations: { a: '\udfff' } }, { unheardOf: 1 }];
  for (const metadata of others) {
    expect(isKnown(metadata), JSON.stringify(metadata)).toBe(false);
  }
});

describe.each(builtinResources.map((api) => [`${apiVersionOf(api)} ${api.kind}`, api] as const))('%s', (_name, api) => {
  const codec = builtinCodec(api);
  const storage = builtinStorageCodec(api);
  const seeds = Array.from({ length: objectsOfKind }, (_, at) => at * 7919 + 1);

  test('what JSON, protobuf and the store are given they give back', () => {
    for (const seed of seeds) {
      const { object, warnings } = codec.decode(utf8(stringifyAny(generated(api, seed))), 'json', 'Strict');
      expect(warnings).toEqual([]);
      const text = codec.encode(object);
      expect(codec.decode(utf8(text), 'json', 'Strict').object, `JSON, seed ${seed}`).toEqual(object);
      const message = codec.encodeProtobuf?.(object) ?? expect.fail('no protobuf');
      expect(codec.decode(message, 'protobuf', 'Strict').object, `protobuf, seed ${seed}`).toEqual(object);
      expect(codec.encodeProtobuf?.(codec.decode(message, 'protobuf', 'Strict').object), `bytes, seed ${seed}`).toEqual(message);
      const stored = new StoredObject('/key', encodeForStore(object, storage).value, 42, storage);
      expect(storage.decode(stored.value), `store, seed ${seed}`).toEqual(withVersion(object, undefined));
      for (const one of [object, storage.decode(stored.value), withMetadata(object, { labels: {}, annotations: { b: '1', a: '2' } }), withMetadata(object, { generation: 0, finalizers: [] }), withMetadata(object, { annotations: { a: '\ud800' } })]) {
        const { value, object: known } = encodeForStore(one, storage);
        if (known !== undefined) expect(known, `exact, seed ${seed}`).toEqual(storage.decode(value));
      }
      expect(codec.encodeProtobuf === undefined ? undefined : stored.protobuf(codec.encodeProtobuf), `encoded from the store, seed ${seed}`).toEqual(codec.encodeProtobuf?.(stored.object));
      expect(storage.decode(message), `what the original stores, seed ${seed}`).toEqual(object);
      expect(codec.decode(stored.bytes, 'json', 'Strict').object, `served, seed ${seed}`).toEqual(withVersion(object, '42'));
    }
  });

  test('what has not changed is taken over as it would be read and written', () => {
    for (const seed of seeds) {
      const { object } = codec.decode(utf8(stringifyAny(generated(api, seed))), 'json', 'Strict');
      const stored = new StoredObject('/key', encodeForStore(object, storage).value, 42, storage);
      const before = stored.object;
      const changed = withMetadata(before, { labels: { more: 'than before' } });
      const inPart = encodeForStore(changed, storage, stored);
      expect(fromUtf8(inPart.value), `written, seed ${seed}`).toBe(storage.encode(withVersion(changed, undefined)));
      if (inPart.object !== undefined) expect(inPart.object, `exact, seed ${seed}`).toEqual(storage.decode(inPart.value));
      const read = codec.convert(changed, 'Strict', before);
      expect(read, `read, seed ${seed}`).toEqual(codec.convert(changed, 'Strict'));
      for (const [key, part] of Object.entries(read.object)) if (typeof part === 'object' && part !== null) expect(part, `${key} is its own, seed ${seed}`).not.toBe(before[key]);
    }
  });
});
