import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../resource.ts';
import { OpenApi } from './index.ts';

const shared = join(import.meta.dirname, '../../../../../shared/data');
const present = existsSync(shared);
if (!present) console.log('skipped: ../shared/data is absent');

interface Definition { readonly gvk?: readonly string[]; readonly fields?: Readonly<Record<string, { readonly required?: boolean; readonly ref?: string; readonly patchStrategy?: string; readonly listType?: string }>> }

const api = new OpenApi({ serverVersion: 'v1.32.0', hash: (data) => createHash('sha512').update(data).digest('hex').toUpperCase() });

async function parsed(document: Promise<{ readonly body: Uint8Array } | undefined>): Promise<JsonObject> {
  return JSON.parse(new TextDecoder().decode((await document)?.body)) as JsonObject;
}

interface Schema { readonly properties?: Record<string, JsonObject>; readonly required?: string[]; readonly 'x-kubernetes-group-version-kind'?: unknown[] }

describe.skipIf(!present)('OpenAPI against the published description', () => {
  const definitions = present ? (JSON.parse(readFileSync(join(shared, 'kubernetes-api-1.32.json'), 'utf8')) as { definitions: Record<string, Definition> }).definitions : {};

  test('v2 has every published type with its fields, patch rules and kinds', async () => {
    const document = await parsed(api.v2Json());
    const ours = document['definitions'] as unknown as Record<string, Schema>;
    expect(Object.keys(ours).sort()).toEqual(Object.keys(definitions).sort());
    for (const [name, definition] of Object.entries(definitions)) {
      const schema = ours[name] as Schema;
      const fields = Object.entries(definition.fields ?? {});
      expect(Object.keys(schema.properties ?? {}).sort(), name).toEqual(fields.map(([field]) => field).sort());
      expect([...(schema.required ?? [])].sort(), name).toEqual(fields.filter(([, field]) => field.required).map(([field]) => field).sort());
      expect(schema['x-kubernetes-group-version-kind']?.length ?? 0, name).toBe(definition.gvk?.length ?? 0);
      for (const [field, { ref, patchStrategy, listType }] of fields) {
        const property = schema.properties?.[field] as JsonObject;
        if (ref !== undefined) expect(property['$ref'], `${name}.${field}`).toBe(`#/definitions/${ref}`);
        expect(property['x-kubernetes-patch-strategy'], `${name}.${field}`).toBe(patchStrategy);
        expect(property['x-kubernetes-list-type'], `${name}.${field}`).toBe(listType);
      }
    }
  });

  test('v2 as protobuf says the same', async () => {
    const root = protobuf.Root.fromJSON(JSON.parse(readFileSync(join(shared, 'proto-openapi-v2.json'), 'utf8')) as protobuf.INamespace);
    const type = root.lookupType('openapi.v2.Document');
    const decoded = type.toObject(type.decode((await api.v2Protobuf()).body)) as { definitions: { additional_properties: { name: string; value: { properties?: { additional_properties: { name: string }[] } } }[] }; paths: { path: { name: string }[] } };
    const document = await parsed(api.v2Json());
    expect(decoded.definitions.additional_properties.map((entry) => entry.name)).toEqual(Object.keys(document['definitions'] as JsonObject));
    expect(decoded.paths.path.map((entry) => entry.name)).toEqual(Object.keys(document['paths'] as JsonObject));
    const container = decoded.definitions.additional_properties.find((entry) => entry.name === 'io.k8s.api.core.v1.Container');
    expect(container?.value.properties?.additional_properties.map((entry) => entry.name).sort()).toEqual(Object.keys(definitions['io.k8s.api.core.v1.Container']?.fields ?? {}).sort());
  });

  test('v3 lists the documents that a server lists', async () => {
    const recorded = readFileSync(join(shared, 'recorded-answers-1.32.jsonl'), 'utf8').split('\n').filter((line) => line.includes('"name":"path /openapi/v3"'));
    const paths = (JSON.parse(recorded[0] as string) as { response: { body: { paths: JsonObject } } }).response.body.paths;
    const builtin = Object.keys(paths).filter((path) => !path.includes('example.com'));
    expect(Object.keys((await api.v3Index())['paths'] as JsonObject)).toEqual(builtin);
  });

  test('v3 documents hold no dangling reference', async () => {
    for (const name of Object.keys((await api.v3Index())['paths'] as JsonObject)) {
      const document = await parsed(api.v3(name));
      const schemas = new Set(Object.keys((document['components'] as JsonObject)['schemas'] as JsonObject));
      for (const [, type] of JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g)) expect(schemas.has(type as string), `${name}: ${type}`).toBe(true);
    }
  });
});
