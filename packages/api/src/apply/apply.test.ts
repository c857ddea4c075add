import { describe, expect, it } from 'vitest';
import { apiDescription } from '../description/builtin.ts';
import type { JsonObject } from '../resource.ts';
import { applyServerSide, updateManagedFields } from './index.ts';

/** Expected outcomes follow "Server-Side Apply" of the Kubernetes documentation. */
function applyPod(live: JsonObject | undefined, manager: string, fields: JsonObject, force = false, now = '2026-01-01T00:00:00Z'): JsonObject {
  const applied = { apiVersion: 'v1', kind: 'Pod', ...fields };
  return applyServerSide({ description: apiDescription, typeName: 'io.k8s.api.core.v1.Pod', apiVersion: 'v1', live, applied, manager, force, subresource: '', now });
}

const named = { metadata: { name: 'x' } };

function managersOf(object: JsonObject): unknown[] {
  return ((object['metadata'] as JsonObject)['managedFields'] as JsonObject[]).map((entry) => entry['manager']);
}

describe('server-side apply', () => {
  it('removes what its manager no longer applies', () => {
    const first = applyPod(undefined, 'a', { metadata: { name: 'x', labels: { one: '1', two: '2' } }, spec: { containers: [{ name: 'c', image: 'i' }, { name: 'd', image: 'i' }] } });
    const second = applyPod(first, 'a', { metadata: { name: 'x', labels: { one: '1' } }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    expect((second['metadata'] as JsonObject)['labels']).toEqual({ one: '1' });
    expect(second['spec']).toEqual({ containers: [{ name: 'c', image: 'i' }] });
  });

  it('keeps what another manager also applies', () => {
    const first = applyPod(undefined, 'a', { metadata: { name: 'x', labels: { shared: '1' } } });
    const both = applyPod(first, 'b', { metadata: { name: 'x', labels: { shared: '1' } } });
    // The second took part in what was there already, so its entry has no time and stands first.
    expect(managersOf(both)).toEqual(['b', 'a']);
    const left = applyPod(both, 'a', named);
    expect((left['metadata'] as JsonObject)['labels']).toEqual({ shared: '1' });
    expect(managersOf(left)).toEqual(['b']);
    expect((applyPod(left, 'b', named)['metadata'] as JsonObject)['labels']).toBeUndefined();
  });

  it('keeps items of others in keyed lists, and the applied order', () => {
    const first = applyPod(undefined, 'a', { ...named, spec: { containers: [{ name: 'a', image: 'i' }, { name: 'b', image: 'i' }] } });
    const second = applyPod(first, 'sidecars', { ...named, spec: { containers: [{ name: 'z', image: 'i' }] } });
    const third = applyPod(second, 'a', { ...named, spec: { containers: [{ name: 'b', image: 'i' }, { name: 'a', image: 'j' }] } });
    const names = ((third['spec'] as JsonObject)['containers'] as JsonObject[]).map((one) => one['name']);
    expect(names.filter((name) => name !== 'z')).toEqual(['b', 'a']);
    expect(names).toContain('z');
  });

  it('names every conflict, and takes over by force', () => {
    const first = applyPod(undefined, 'a', { metadata: { name: 'x', labels: { l: '1' } }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const change = { metadata: { name: 'x', labels: { l: '2' } }, spec: { containers: [{ name: 'c', image: 'j' }] } };
    expect(() => applyPod(first, 'b', change)).toThrow('Apply failed with 2 conflicts: conflicts with "a":\n- .metadata.labels.l\n- .spec.containers[name="c"].image');
    const forced = applyPod(first, 'b', change, true);
    const other = ((forced['metadata'] as JsonObject)['managedFields'] as JsonObject[]).find((entry) => entry['manager'] === 'a');
    expect(other?.['fieldsV1']).toEqual({ 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:name': {} } } } });
  });

  it('adopts objects that were made before', () => {
    const live: JsonObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', uid: 'u', labels: { l: '1' } } };
    expect(() => applyPod(live, 'a', { metadata: { name: 'x', labels: { l: '2' } } })).toThrow('conflict with "before-first-apply" using v1: .metadata.labels.l');
  });

  it('may take over what client-side apply has set', () => {
    const lastApplied = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', labels: { l: '1' } } });
    const live: JsonObject = { apiVersion: 'v1', kind: 'Pod', metadata: {
      name: 'x', uid: 'u', labels: { l: '1', m: '1' }, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': lastApplied } } };
    const next = applyPod(live, 'kubectl', { metadata: { name: 'x', labels: { l: '2' } } });
    const metadata = next['metadata'] as JsonObject;
    expect(metadata['labels']).toEqual({ l: '2', m: '1' });
    expect(metadata['annotations']).toEqual({
      'kubectl.kubernetes.io/last-applied-configuration': '{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"l":"2"},"name":"x"}}\n' });
    expect(() => applyPod(live, 'kubectl', { metadata: { name: 'x', labels: { m: '2' } } })).toThrow('conflict with "before-first-apply" using v1: .metadata.labels.m');
    expect(() => applyPod(live, 'kubectl', { metadata: { name: 'x', labels: { l: '2', m: '2' } } })).toThrow('Apply failed with 2 conflicts');
    expect(() => applyPod(live, 'another', { metadata: { name: 'x', labels: { l: '2' } } })).toThrow('conflict with "before-first-apply" using v1: .metadata.labels.l');
  });

  it('does not count a repeated apply', () => {
    const first = applyPod(undefined, 'a', { metadata: { name: 'x', labels: { l: '1' } } });
    expect(applyPod(first, 'a', { metadata: { name: 'x', labels: { l: '1' } } }, false, '2026-02-02T00:00:00Z')).toEqual(first);
  });

  it('refuses managedFields, another version and doubles', () => {
    expect(() => applyPod(undefined, 'a', { metadata: { name: 'x', managedFields: [{}] } })).toThrow('metadata.managedFields must be nil');
    expect(() => applyPod(undefined, 'a', { apiVersion: 'v2' })).toThrow('Incorrect version specified in apply patch. Specified patch version: v2, expected: v1');
    expect(() => applyPod(undefined, 'a', { spec: { containers: [{ name: 'c' }, { name: 'c' }] } })).toThrow('.spec.containers: duplicate entries for key [name="c"]');
  });
});

describe('update', () => {
  it('keeps at most ten update entries', () => {
    const object: JsonObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { k0: 'v' } };
    const common = { description: apiDescription, typeName: 'io.k8s.api.core.v1.ConfigMap', apiVersion: 'v1', subresource: '' };
    updateManagedFields({ ...common, manager: 'm0', now: '2026-01-01T00:00:10Z', live: undefined, object });
    let live = object;
    for (let step = 1; step <= 12; step += 1) {
      const next = structuredClone(live);
      (next['data'] as JsonObject)[`k${step}`] = 'v';
      updateManagedFields({ ...common, manager: `m${step}`, now: `2026-01-01T00:00:${10 + step}Z`, live, object: next });
      live = next;
    }
    expect(managersOf(live)).toHaveLength(10);
    expect(managersOf(live)).toContain('ancient-changes');
  });

  it('forgets managers when asked, and then stays silent', () => {
    const common = { description: apiDescription, typeName: 'io.k8s.api.core.v1.ConfigMap', apiVersion: 'v1', subresource: '', manager: 'm', now: '2026-01-01T00:00:00Z' };
    const live: JsonObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', managedFields: [{ manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': {} } }] } };
    const object: JsonObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', managedFields: [{}] }, data: { a: 'b' } };
    updateManagedFields({ ...common, live, object });
    expect((object['metadata'] as JsonObject)['managedFields']).toBeUndefined();
  });

  it('writes entries in their order whatever they were read in, and what one object loses stays another one\'s', () => {
    const common = { description: apiDescription, typeName: 'io.k8s.api.core.v1.ConfigMap', apiVersion: 'v1', subresource: '', now: '2026-01-01T00:00:00Z' };
    const state = (a: string, fieldsV1: JsonObject): JsonObject => ({
      apiVersion: 'v1', kind: 'ConfigMap', data: { a, b: '1' },
      metadata: { name: 'x', managedFields: [{ manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 }] },
    });
    const updated = (manager: string): JsonObject => {
      const object = state('2', { 'f:data': { 'f:b': {}, '.': {}, 'f:a': {} } });
      updateManagedFields({ ...common, manager, live: state('1', { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } }), object });
      return object;
    };
    const own = updated('m');
    const fields = (object: JsonObject): string[] => ((object['metadata'] as JsonObject)['managedFields'] as JsonObject[]).map((entry) => JSON.stringify(entry['fieldsV1']));
    expect(fields(own)).toEqual(['{"f:data":{".":{},"f:a":{},"f:b":{}}}']);
    expect(fields(updated('other'))).toEqual(['{"f:data":{".":{},"f:b":{}}}', '{"f:data":{"f:a":{}}}']);
    expect(fields(own)).toEqual(['{"f:data":{".":{},"f:a":{},"f:b":{}}}']);
  });
});
