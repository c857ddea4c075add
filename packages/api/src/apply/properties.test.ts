import fc from 'fast-check';
import { expect, it } from 'vitest';
import { apiDescription } from '../description/builtin.ts';
import type { Json, JsonObject } from '../resource.ts';
import { equalJson, isObject } from '../patch/values.ts';
import { applyServerSide, updateManagedFields } from './index.ts';
import { createdFields } from './created.ts';
import { decodeManaged, encodeManaged } from './managed.ts';
import { recordUpdate, withoutManagedFields } from './update.ts';
import { allSteps } from './steps.ts';
import { fieldSetOf } from './field-set.ts';
import { rootPlace } from './schema.ts';
import { compare } from './typed.ts';
import { sharedZero } from './zero.ts';

const few = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const labels = fc.dictionary(few('a', 'b', 'c'), few('1', '2'), { maxKeys: 3 });
const port = fc.record({ containerPort: few(80, 81, 82), protocol: few('TCP', 'UDP'), name: few('x', 'y') }, { requiredKeys: ['containerPort', 'protocol'] });
const container = fc.record({
  name: few('c', 'd', 'e'), image: few('i', 'j'), args: fc.array(few('1', '2'), { maxLength: 2 }),
  env: fc.uniqueArray(fc.record({ name: few('A', 'B', 'C'), value: few('1', '2') }), { selector: (one) => one.name, maxLength: 3 }),
  ports: fc.uniqueArray(port, { selector: (one) => `${one.containerPort}/${one.protocol}`, maxLength: 2 }),
}, { requiredKeys: ['name'] });
const pod = fc.record({
  metadata: fc.record({ labels, finalizers: fc.uniqueArray(few('x.io/a', 'x.io/b', 'x.io/c'), { maxLength: 3 }) }, { requiredKeys: [] }),
  spec: fc.record({
    nodeSelector: labels, containers: fc.uniqueArray(container, { selector: (one) => one.name, maxLength: 3 }), restartPolicy: few('Always', 'Never'),
    securityContext: fc.record({ runAsUser: few(1, 2), sysctls: fc.array(fc.record({ name: few('s', 't'), value: few('1') }), { maxLength: 1 }) }, { requiredKeys: [] }),
  }, { requiredKeys: [] }),
}, { requiredKeys: [] });
const write = fc.record({ kind: few('apply', 'apply', 'update'), manager: few('one', 'two', 'three'), fields: pod });

const common = { description: apiDescription, typeName: 'io.k8s.api.core.v1.Pod', apiVersion: 'v1', subresource: '' };

function keyOf(item: Json): string {
  if (!isObject(item)) return JSON.stringify(item);
  return JSON.stringify(['name', 'containerPort', 'protocol'].map((key) => (key === 'name' && item['containerPort'] !== undefined ? null : item[key] ?? null)));
}

/** Every leaf that was applied is there; lists that are told apart by keys may hold more. */
function contains(whole: Json | undefined, part: Json, atomic: boolean): boolean {
  if (isObject(part)) return Object.keys(part).length === 0 || (isObject(whole) && (atomic ? equalJson(whole, part) : Object.entries(part).every(([key, value]) => contains(whole[key], value, key === 'nodeSelector' || key === 'args' || key === 'sysctls'))));
  if (!Array.isArray(part)) return equalJson(whole ?? null, part);
  if (part.length === 0 && whole === undefined) return true;
  if (!Array.isArray(whole)) return false;
  if (atomic) return equalJson(whole, part);
  return part.every((item) => whole.some((other) => keyOf(other) === keyOf(item) && contains(other, item, false)));
}

function applied(live: JsonObject | undefined, manager: string, fields: JsonObject, now: string): JsonObject {
  return applyServerSide({ ...common, live, applied: { apiVersion: 'v1', kind: 'Pod', ...fields, metadata: { name: 'p', uid: 'u', ...(fields['metadata'] as JsonObject | undefined) } }, manager, force: true, now });
}

/** Decoding drops what is empty; so does this for what the writes here can make. */
function compact(value: Json): Json {
  if (Array.isArray(value)) return value.map(compact);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, compact(inner)] as const)
    .filter(([key, inner]) => key.includes(':') || !(inner === null || (Array.isArray(inner) && inner.length === 0) || (isObject(inner) && Object.keys(inner).length === 0 && key !== 'fieldsV1' && key !== '.'))));
}

it('forced applies and updates keep their promises', () => {
  fc.assert(fc.property(fc.array(write, { minLength: 1, maxLength: 8 }), (writes) => {
    let live: JsonObject | undefined;
    const last = new Map<string, JsonObject>();
    for (const [index, { kind, manager, fields: asked }] of writes.entries()) {
      const fields = compact(asked as JsonObject) as typeof asked;
      const now = `2026-01-01T00:00:0${index}Z`;
      if (kind === 'update') {
        const object: JsonObject = { apiVersion: 'v1', kind: 'Pod', ...structuredClone(fields), metadata: { name: 'p', uid: 'u', ...structuredClone(fields.metadata), ...(live === undefined ? {} : { managedFields: (live['metadata'] as JsonObject)['managedFields'] ?? null }) } };
        updateManagedFields({ ...common, live, object, manager, now });
        live = compact(object) as JsonObject;
        continue;
      }
      const next: JsonObject = compact(applied(live, manager, fields, now)) as JsonObject;
      expect(contains(next, fields as JsonObject, false)).toBe(true);
      expect(compact(applied(next, manager, fields, '2027-01-01T00:00:00Z'))).toEqual(next);
      last.set(manager, fields as JsonObject);
      live = next;
    }
    // Whoever applies nothing any more leaves nothing that nobody else has.
    for (const manager of last.keys()) live = compact(applied(live, manager, {}, '2027-01-01T00:00:00Z')) as JsonObject;
    const managers = (((live as JsonObject)['metadata'] as JsonObject)['managedFields'] ?? []) as JsonObject[];
    expect(managers.filter((entry) => entry['operation'] === 'Apply')).toEqual([]);
    // An update of an object that nobody's fields are recorded of is not recorded either.
    if (managers.length === 0 && writes.every(({ kind }) => kind === 'apply')) expect((live as JsonObject)['spec']).toBeUndefined();
  }), { seed: 1, numRuns: 100 });
});

/** Set lists, doubled items, empty values and nulls at places of every structure. */
const odd = fc.record({
  metadata: fc.record({
    name: few('p', ''), labels: fc.oneof(labels, few(null)), finalizers: fc.array(few('x.io/a', 'x.io/b'), { maxLength: 3 }), creationTimestamp: few(null, '2026-01-01T00:00:00Z'),
    ownerReferences: fc.array(fc.record({ uid: few('1', '2'), name: few('a') }), { maxLength: 2 }),
  }, { requiredKeys: [] }),
  spec: fc.oneof(fc.record({
    nodeSelector: fc.oneof(labels, few(null)), containers: fc.oneof(fc.array(container, { maxLength: 3 }), few(null)), securityContext: few({}, null, { runAsUser: 1 }),
    hostAliases: fc.array(fc.record({ ip: few('1.1.1.1', '::1'), hostnames: few(['a']) }), { maxLength: 2 }), unheardOf: few({ a: 1 }, [1]),
  }, { requiredKeys: [] }), few({}, null)),
  status: few<Json>({}, { phase: 'Pending' }, { conditions: [{ type: 'Ready', status: 'True' }], podIPs: [{ ip: '1.1.1.1' }] }),
}, { requiredKeys: [] });

it('the fields of a new object are what differs from one in which nothing is set', () => {
  const place = rootPlace(apiDescription, common.typeName);
  const zero = sharedZero(apiDescription, common.typeName);
  const stripped = fieldSetOf([['metadata'], ['kind'], ['metadata', 'name'], ['metadata', 'creationTimestamp'], ['spec', 'unheardOf']]);
  fc.assert(fc.property(odd, few([['status']], [['spec', 'containers'], ['metadata', 'labels']], []), (fields, kept) => {
    const object = { kind: 'Pod', ...fields } as JsonObject;
    const reset = fieldSetOf(kept);
    const { added, modified } = compare(zero, object, place);
    const expected = modified.union(added).recursiveDifference(reset).difference(stripped);
    expect(JSON.stringify(createdFields(zero, object, place, reset, stripped))).toBe(expected.isEmpty ? undefined : JSON.stringify(expected.toJson()));
  }), { seed: 2, numRuns: 300 });
});

it('an update by the only manager records what comparing, taking and joining sets records', () => {
  fc.assert(fc.property(pod, pod, few('one', 'two'), fc.boolean(), (first, other, manager, valuesOnly) => {
    const second = valuesOnly ? JSON.parse(JSON.stringify(first).replaceAll('"image":"i"', '"image":"j"').replaceAll('"Always"', '"Never"')) as typeof first : other;
    const of = (fields: object): JsonObject => ({ apiVersion: 'v1', kind: 'Pod', ...(structuredClone(fields) as JsonObject), metadata: { name: 'p', uid: 'u', ...((fields as JsonObject)['metadata'] as JsonObject | undefined) } });
    const [live, object] = [of(first), of(second)];
    const writing = { ...common, manager: 'one', now: '2026-01-01T00:00:00Z' };
    updateManagedFields({ ...writing, live: undefined, object: live });
    const again = { ...writing, manager, now: '2026-01-02T00:00:00Z' };
    const managed = decodeManaged((live['metadata'] as JsonObject)['managedFields']) ?? new Map();
    fc.pre(managed.size > 0);
    allSteps(recordUpdate(again, withoutManagedFields(live), object, managed));
    updateManagedFields({ ...again, live, object });
    expect((object['metadata'] as JsonObject)['managedFields'] ?? []).toEqual(encodeManaged(managed));
  }), { seed: 3, numRuns: 300 });
});

it('the renewal of a lease keeps who owns what, and tells the time', () => {
  const lease = (renewTime: string, more: JsonObject = {}): JsonObject => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: { holderIdentity: 'n', renewTime, ...more } });
  const writing = { ...common, typeName: 'io.k8s.api.coordination.v1.Lease', apiVersion: 'coordination.k8s.io/v1', manager: 'kubelet' };
  const entryOfLease = (now: string, fields: JsonObject): JsonObject => ({ manager: 'kubelet', operation: 'Update', apiVersion: 'coordination.k8s.io/v1', time: now, fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': fields } });
  const live = lease('2026-01-01T00:00:00.000000Z');
  updateManagedFields({ ...writing, now: '2026-01-01T00:00:00Z', live: undefined, object: live });
  const renewed = lease('2026-01-01T00:00:10.000000Z');
  updateManagedFields({ ...writing, now: '2026-01-01T00:00:10Z', live, object: renewed });
  expect((renewed['metadata'] as JsonObject)['managedFields']).toEqual([entryOfLease('2026-01-01T00:00:10Z', { 'f:holderIdentity': {}, 'f:renewTime': {} })]);
  const longer = lease('2026-01-01T00:00:20.000000Z', { leaseDurationSeconds: 40 });
  updateManagedFields({ ...writing, now: '2026-01-01T00:00:20Z', live: renewed, object: longer });
  expect((longer['metadata'] as JsonObject)['managedFields']).toEqual([entryOfLease('2026-01-01T00:00:20Z', { 'f:holderIdentity': {}, 'f:leaseDurationSeconds': {}, 'f:renewTime': {} })]);
  const foreign = lease('2026-01-01T00:00:20.000000Z');
  (foreign['metadata'] as JsonObject)['managedFields'] = [entryOfLease('2026-01-01T00:00:00Z', { 'f:holderIdentity': {} })];
  const taken = lease('2026-01-01T00:00:30.000000Z');
  updateManagedFields({ ...writing, now: '2026-01-01T00:00:30Z', live: foreign, object: taken });
  expect((taken['metadata'] as JsonObject)['managedFields']).toEqual([entryOfLease('2026-01-01T00:00:30Z', { 'f:holderIdentity': {}, 'f:renewTime': {} })]);
});
