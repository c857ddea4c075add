import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { describe, expect, it } from 'vitest';
import { normalizeObject } from '../decode/index.ts';
import { applyDefaults } from '../defaults/index.ts';
import { findKind } from '../description/resources.ts';
import type { JsonObject } from '../resource.ts';
import type { StrategyContext } from '../strategy.ts';
import { validateMetadata, validateMetadataUpdate } from '../validation/index.ts';
import { strategyFor } from './index.ts';

const context: StrategyContext = { now: '2026-01-01T00:00:00Z', subresource: '', userName: 'u', userGroups: [], randomSuffix: (length) => 'x'.repeat(length) };
const uid = '8d1c1a4e-3a50-4b0e-9d35-2f1f7a9c0d11';

/** What users write, as the documentation of each kind shows it. */
const manifests = parseAllDocuments(readFileSync(new URL('../../test/valid-manifests.yaml', import.meta.url), 'utf8')).map((one) => one.toJS() as JsonObject);

describe('manifests that Kubernetes takes', () => {
  it.each(manifests.map((one) => [one['kind'] as string, one] as const))('%s', (kind, manifest) => {
    const [group, version] = String(manifest['apiVersion'] as string).includes('/') ? String(manifest['apiVersion'] as string).split('/') : ['', manifest['apiVersion'] as string];
    const resource = findKind(group as string, version as string, kind);
    if (resource === undefined) throw new Error(`no kind ${kind}`);
    const object = normalizeObject(resource.typeName, manifest);
    applyDefaults(resource.typeName, object);
    const metadata = object['metadata'] as JsonObject;
    Object.assign(metadata, { uid, resourceVersion: '1' }, resource.namespaced ? { namespace: metadata['namespace'] ?? 'default' } : {});
    const strategy = strategyFor(resource.group, resource.resource);
    const rules = { namespaced: resource.namespaced, nameRule: strategy.nameRule };
    strategy.prepareForCreate?.(object, context);
    expect([...validateMetadata(metadata, rules), ...(strategy.validate?.(object, context) ?? [])]).toEqual([]);
    const next = structuredClone(object);
    strategy.prepareForUpdate?.(next, object, context);
    expect(next).toEqual(object);
    expect([...validateMetadataUpdate(next['metadata'] as JsonObject, metadata, rules), ...(strategy.validateUpdate?.(next, object, context) ?? [])]).toEqual([]);
  });
});
