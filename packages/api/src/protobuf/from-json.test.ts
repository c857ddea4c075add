import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../decode/index.ts';
import { typeOfKind } from '../description/resources.ts';
import { stringifyObject } from '../json/index.ts';
import type { JsonObject } from '../resource.ts';
import { encodeProtobuf, protobufOfJson } from './index.ts';

const folder = join(import.meta.dirname, '../../../../../shared/data/wire-vectors');
const present = existsSync(folder);
if (!present) console.log('skipped: ../shared/data/wire-vectors is absent');
const names = present ? readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5)) : [];
const utf8 = new TextEncoder();

function typeOfName(name: string): string {
  const [, group, version, kind] = /^(.*)\.(v[0-9a-z]+)\.([A-Za-z]+)$/.exec(name) as unknown as [string, string, string, string];
  return typeOfKind(group === 'core' ? '' : group, version, kind) ?? `no type for ${name}`;
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
}

/** They have JSON within, lists within maps, a time that is null within a map, or more digits than are read. */
const decodedKinds = ['AdmissionReview', 'ControllerRevision', 'SelfSubjectReview', 'TokenReview', 'SubjectAccessReview', 'CertificateSigningRequest', 'WatchEvent', 'PodDisruptionBudget', 'DeviceClass', 'ResourceClaim', 'ResourceClaimTemplate'];

describe.skipIf(!present)('JSON of the wire vectors', () => {
  test.each(names)('%s becomes the same protobuf to the byte, or is left to who decodes it', (name) => {
    const type = typeOfName(name);
    const { object } = decodeObject(type, readFileSync(join(folder, `${name}.json`), 'utf8'));
    const made = hex(protobufOfJson(type, utf8.encode(stringifyObject(type, object))));
    if (made !== undefined) expect(made).toBe(readFileSync(join(folder, `${name}.pb`)).toString('hex'));
    else expect(decodedKinds.some((kind) => name.endsWith(kind))).toBe(true);
  });
});

const pod = 'io.k8s.api.core.v1.Pod';
const everything = {
  kind: 'Pod', apiVersion: 'v1',
  metadata: {
    name: 'web-1', namespace: 'team', uid: '2f1e', generation: 3, creationTimestamp: '2026-11-22T08:26:35Z', deletionTimestamp: '2024-02-29T23:59:59Z', deletionGracePeriodSeconds: 0,
    labels: { 10: 'ten', app: 'web', 'app.kubernetes.io/name': '' }, annotations: { long: 'x'.repeat(200), note: 'a "quoted" <text>\n', other: 'größer €, \u2028 and 🙂' },
    managedFields: [{ manager: 'kubelet', operation: 'Update', apiVersion: 'v1', time: '1969-12-31T23:59:58Z', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'k:{"name":"}web{"}': { '.': {} } } }, subresource: 'status' }],
  },
  spec: {
    volumes: [{ name: 'config', configMap: { name: 'web', items: [{ key: 'a', path: 'b', mode: -5 }], defaultMode: 420 } }, { name: 'scratch', emptyDir: {} }],
    containers: [{
      name: 'web', image: 'web:1', args: [], command: ['', 'run'], ports: [{ containerPort: 8080 }], env: [{ name: 'A', value: '\\' }],
      resources: { limits: { cpu: '100m', memory: '' }, requests: null }, livenessProbe: { httpGet: { path: '/', port: 80 }, failureThreshold: 3 }, readinessProbe: { tcpSocket: { port: 'http' } },
    }, {}],
    nodeName: 'node-1', hostNetwork: true, hostPID: false, priority: -2147483648, activeDeadlineSeconds: 281474976710655, securityContext: { runAsUser: 3000000000, sysctls: null },
    tolerations: [{ key: 'a', tolerationSeconds: -1 }],
  },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null, lastTransitionTime: '2026-11-30T00:00:00Z' }], startTime: '2026-12-31T24:00:00Z' },
};
const text = JSON.stringify(everything);

function transcoded(json: string, resourceVersion?: string): string | undefined {
  return hex(protobufOfJson(pod, utf8.encode(json), resourceVersion));
}

/** By way of the object; what that throws where it throws. */
function encoded(json: string): string | undefined {
  return hex(encodeProtobuf(pod, JSON.parse(json) as JsonObject));
}

test('texts, numbers and times of all sorts are as the encoder writes them', () => {
  expect(transcoded(text)).toBe(encoded(text));
});

test('the resourceVersion that is asked for takes the place of what is there', () => {
  const versioned = JSON.stringify({ ...everything, metadata: { ...everything.metadata, resourceVersion: '4711' } });
  expect(transcoded(text, '4711')).toBe(encoded(versioned));
  expect(transcoded(versioned, '9')).toBe(encoded(versioned.replace('4711', '9')));
});

test.each([
  ['a space', '{"kind":"Pod", "apiVersion":"v1"}'], ['something behind it', '{"kind":"Pod"}\n'], ['an unknown field', '{"kind":"Pod","colour":"red"}'], ['no object', '[]'], ['nothing', ''],
  ['a fraction', '{"spec":{"priority":1.5}}'], ['more digits than a double holds', '{"spec":{"priority":1234567890123456}}'], ['zero with a sign', '{"spec":{"priority":-0}}'],
  ['a number for a text', '{"metadata":{"name":1}}'], ['a text for a number', '{"spec":{"priority":"1"}}'], ['a text for an object', '{"spec":"x"}'], ['a list for an object', '{"spec":[]}'], ['an object for a list', '{"spec":{"containers":{}}}'],
  ['nothing in a list', '{"spec":{"containers":[null]}}'], ['a map that is not in order', '{"metadata":{"labels":{"b":"1","a":"2"}}}'], ['a key twice', '{"metadata":{"labels":{"a":"1","a":"2"}}}'],
  ['a key that is not ASCII', '{"metadata":{"labels":{"ä":"1"}}}'], ['a key with an escape', '{"metadata":{"labels":{"\\u0061":"1"}}}'],
])('%s is left to who decodes it', (_what, json) => {
  expect(transcoded(json)).toBeUndefined();
});

test('where there is no metadata, no version is put', () => {
  expect(transcoded('{"kind":"Pod","metadata":null}', '1')).toBeUndefined();
});

test('a text that ends too early is never taken for a whole one', () => {
  for (let length = 0; length < text.length; length += 1) expect(transcoded(text.slice(0, length))).toBeUndefined();
});

function outcome(make: () => string | undefined): string | undefined {
  try {
    return make();
  } catch (error) {
    return String(error);
  }
}

test('JSON of which a character was changed becomes what decoding it would give, or is left to who decodes it', () => {
  let taken = 0;
  fc.assert(fc.property(fc.nat(text.length - 1), fc.constantFrom('"', '\\', '{', '}', '[', ']', ':', ',', '0', '1', '9', 'a', 'T', 'Z', '-', '.', 'n', ' '), (at, character) => {
    const changed = text.slice(0, at) + character + text.slice(at + 1);
    const found = outcome(() => transcoded(changed));
    if (found === undefined) return;
    try {
      JSON.parse(changed);
    } catch {
      return;
    }
    taken += 1;
    expect(found).toBe(outcome(() => encoded(changed)));
  }), { numRuns: 4000, seed: 7 });
  expect(taken).toBeGreaterThan(1000);
});

const word = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.string({ maxLength: 8 }));
const key = fc.stringMatching(/^[A-Za-z0-9./_-]{0,8}$/);
const anyPod = fc.record({
  kind: fc.constant('Pod'), apiVersion: fc.constant('v1'),
  metadata: fc.record({ name: word, labels: fc.dictionary(key, word), generation: fc.integer({ min: -(10 ** 15) + 1, max: 10 ** 15 - 1 }), finalizers: fc.array(word), creationTimestamp: fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map((date) => `${date.toISOString().slice(0, 19)}Z`)) }, { requiredKeys: ['name'] }),
  spec: fc.record({
    containers: fc.array(fc.record({ name: word, command: fc.array(word), stdin: fc.boolean(), ports: fc.array(fc.record({ containerPort: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) })), resources: fc.record({ limits: fc.dictionary(fc.constantFrom('cpu', 'memory', 'disk'), fc.constantFrom('1', '100m', '5Gi')) }) }, { requiredKeys: ['name'] })),
    nodeSelector: fc.option(fc.dictionary(key, word)),
    terminationGracePeriodSeconds: fc.option(fc.integer()),
  }, { requiredKeys: ['containers'] }),
});

test('objects of all sorts, as they are stored, are as the encoder writes them', () => {
  let taken = 0;
  fc.assert(fc.property(anyPod, (object) => {
    const json = stringifyObject(pod, object);
    const found = transcoded(json);
    if (found === undefined) return;
    taken += 1;
    expect(found).toBe(encoded(json));
  }), { numRuns: 1000, seed: 3 });
  expect(taken).toBeGreaterThan(400);
});
