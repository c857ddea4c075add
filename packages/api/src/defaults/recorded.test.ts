import { describe, expect, test } from 'vitest';
import { recordedAnswers, resourceOfCollection } from '../../test/recorded-answers.ts';
import { decodeBody, normalizeObject } from '../decode/index.ts';
import type { Json, JsonObject } from '../resource.ts';
import { applyDefaults } from './index.ts';

const recording = recordedAnswers();
const recorded = recording ?? [];

const created = recorded.flatMap((answer) => {
  const resource = resourceOfCollection(answer.request.path);
  const body = answer.request.body;
  return answer.request.method === 'POST' && answer.response.status === 201 && resource?.verbs.includes('get') && typeof body === 'object' ? [{ name: answer.name, resource, body, answer: answer.response.body as JsonObject }] : [];
});

/** What admission, strategies and allocators add; all else must be equal. */
const addedLater: Readonly<Record<string, readonly string[]>> = {
  Pod: ['status', 'spec.serviceAccount', 'spec.serviceAccountName', 'spec.tolerations', 'spec.priority', 'spec.preemptionPolicy', 'spec.volumes', 'spec.volumeMounts', 'spec.containers', 'spec.initContainers'],
  Service: ['spec.clusterIP', 'spec.clusterIPs', 'spec.ipFamilies', 'spec.ipFamilyPolicy', 'spec.ports'],
  Namespace: ['spec', 'metadata.labels'],
  Node: ['spec'],
  PersistentVolume: ['status'],
  Job: ['spec.selector', 'spec.template', 'metadata.labels'],
  Event: ['eventTime'],
  CertificateSigningRequest: ['spec.username', 'spec.uid', 'spec.groups'],
  CustomResourceDefinition: ['status'],
};

function remove(object: JsonObject, path: string): void {
  const parts = path.split('.');
  let at: Json | undefined = object;
  for (const part of parts.slice(0, -1)) at = at === null || typeof at !== 'object' || Array.isArray(at) ? undefined : at[part];
  if (at !== null && typeof at === 'object' && !Array.isArray(at)) delete at[parts.at(-1) as string];
}

function comparable(object: JsonObject, kind: string): JsonObject {
  const copy = structuredClone(object);
  const metadata = copy['metadata'] as JsonObject;
  copy['metadata'] = { name: metadata['name'] ?? null, labels: metadata['labels'] ?? {} };
  for (const path of addedLater[kind] ?? []) remove(copy, path);
  return copy;
}

describe.skipIf(recording === undefined)('defaults as in recorded answers to create', () => {
  test('there is something to compare', () => {
    expect(created.length).toBeGreaterThan(100);
  });

  test.each(created.map((one) => [one.name, one] as const))('%s', (_name, { resource, body, answer }) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const { object } = decodeBody(resource, new TextEncoder().encode(text), 'Ignore');
    applyDefaults(resource.typeName, object);
    const normal = comparable(normalizeObject(resource.typeName, object), resource.kind);
    const expected = comparable(answer, resource.kind);
    if (/generateName|without name/.test(_name)) (expected['metadata'] as JsonObject)['name'] = (normal['metadata'] as JsonObject)['name'] as Json;
    expect(normal).toEqual(expected);
  });
});
