import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeBody, normalizeObject } from '../decode/index.ts';
import { builtinResources } from '../description/resources.ts';
import type { ApiResource, Json, JsonObject } from '../resource.ts';
import { applyDefaults } from './index.ts';

interface Recorded { readonly name: string; readonly request: { readonly method: string; readonly path: string; readonly body?: Json }; readonly response: { readonly status: number; readonly body?: Json } }

const file = join(import.meta.dirname, '../../../../../shared/data/recorded-answers-1.32.jsonl');
const present = existsSync(file);
if (!present) console.log('skipped: ../shared/data/recorded-answers-1.32.jsonl is absent');
const recorded = present ? readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Recorded) : [];

function resourceOf(path: string): ApiResource | undefined {
  const match = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(?:namespaces\/[^/]+\/)?([^/]+)$/.exec(path);
  if (match === null) return undefined;
  return builtinResources.find((resource) => resource.group === (match[2] ?? '') && resource.version === (match[1] ?? match[3]) && resource.resource === match[4]);
}

const created = recorded.flatMap((answer) => {
  const resource = resourceOf(answer.request.path);
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

describe.skipIf(!present)('defaults as in recorded answers to create', () => {
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
