import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalizeObject } from '../decode/index.ts';
import type { JsonObject } from '../resource.ts';
import { decodeProtobuf, encodeProtobuf, ProtobufError } from './index.ts';

const type = 'io.k8s.api.apps.v1.Deployment';
const revision = 'io.k8s.api.apps.v1.ControllerRevision';

/** Never an empty list where JSON would show one: protobuf has no empty lists. */
const deployment = fc.record({
  kind: fc.constant('Deployment'), apiVersion: fc.constant('apps/v1'),
  metadata: fc.record({ name: fc.string({ unit: 'grapheme' }), labels: fc.dictionary(fc.string({ minLength: 1 }), fc.string()), generation: fc.maxSafeInteger() }),
  spec: fc.record({
    replicas: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    strategy: fc.record({ rollingUpdate: fc.record({ maxSurge: fc.oneof(fc.nat(100), fc.constantFrom('25%', '')) }) }),
    template: fc.record({ spec: fc.record({ containers: fc.array(fc.record({ name: fc.string(), command: fc.array(fc.string()), stdin: fc.boolean() }), { minLength: 1, maxLength: 3 }) }) }),
  }),
});

describe('protobuf', () => {
  test('brings back what JSON would', () => {
    fc.assert(fc.property(deployment, (object) => {
      const normal = normalizeObject(type, object as unknown as JsonObject);
      expect(decodeProtobuf(encodeProtobuf(type, normal))).toEqual(normal);
    }), { numRuns: 500, seed: 1 });
  });

  test.each([
    ['a deployment', type, { kind: 'Deployment', apiVersion: 'apps/v1', metadata: { name: 'a', labels: { b: 'c' } }, spec: { replicas: 3 } }],
    // Found by fuzzed requests, seed 102, request 24993: the JSON within was answered with 500.
    ['an object with JSON within', revision, { kind: 'ControllerRevision', apiVersion: 'apps/v1', metadata: { name: 'a' }, data: { spec: { template: [1, 'x', null] } }, revision: 1 }],
  ])('bytes that were damaged are decoded or refused, nothing else: %s', (_what, typeName, object) => {
    const whole = encodeProtobuf(typeName, normalizeObject(typeName, object as JsonObject));
    fc.assert(fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
      const damaged = whole.slice(0, Math.max(length, 5));
      if (at >= 4) damaged[at] = byte;
      try {
        decodeProtobuf(damaged, typeName);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtobufError);
      }
    }), { numRuns: 3000, seed: 2 });
  });
});
