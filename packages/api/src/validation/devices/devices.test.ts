import { expect, test } from 'vitest';
import type { JsonObject } from '../../resource.ts';
import type { StrategyContext } from '../../strategy.ts';
import { strategyFor } from '../../strategies/index.ts';
import { applyDefaults } from '../../defaults/index.ts';
import { normalizeObject } from '../../decode/index.ts';
import facts from './device-facts.json' with { type: 'json' };

const group = 'resource.k8s.io';
const kinds: Readonly<Record<string, string>> = { deviceclasses: 'DeviceClass', resourceclaims: 'ResourceClaim', resourceclaimtemplates: 'ResourceClaimTemplate', resourceslices: 'ResourceSlice' };
const context = (subresource = '', ...features: string[]): StrategyContext => ({ now: '2026-01-01T00:00:00Z', subresource, userName: 'u', userGroups: [], randomSuffix: () => '', features: new Set(features) });

function decoded(resource: string, object: JsonObject): JsonObject {
  const type = `io.k8s.api.resource.v1beta1.${kinds[resource] ?? ''}`;
  const made = normalizeObject(type, structuredClone(object));
  applyDefaults(type, made);
  return made;
}

/** What kube-apiserver 1.32.2 answered to them: [resource, spec, causes]. */
test('objects are refused with the causes that the original gives', () => {
  expect(facts.length).toBeGreaterThan(80);
  for (const [resource, spec, causes] of facts as unknown as readonly [string, JsonObject, string[]][]) {
    // The type of an attribute is any; an expression that is dyn is taken for one.
    if (JSON.stringify(spec).includes('dyn(1)')) continue;
    const found = strategyFor(group, resource).validate?.(decoded(resource, { metadata: { name: 'x' }, spec }), context()) ?? [];
    expect(found.map(({ field, message }) => `${field}: ${message}`).toSorted(), JSON.stringify([resource, spec])).toEqual(causes);
  }
});

const request = { name: 'r', deviceClassName: 'c', allocationMode: 'ExactCount', count: 1 };
const claimWith = (status: JsonObject, requests: JsonObject[] = [request], metadata: JsonObject = {}): JsonObject => ({ metadata: { name: 'x', ...metadata }, spec: { devices: { requests } }, status });
const device = (name: string): JsonObject => ({ request: 'r', driver: 'd.x', pool: 'p', device: name });
const allocation = (...names: string[]): JsonObject => ({ devices: { results: names.map(device) } });
const pod = (uid: string): JsonObject => ({ resource: 'pods', name: 'p', uid });

function statusCauses(status: JsonObject, before: JsonObject, metadata: JsonObject = {}): string[] {
  const found = strategyFor(group, 'resourceclaims').validateUpdate?.(claimWith(status, [request], metadata), claimWith(before), context('status')) ?? [];
  return found.map(({ field, message }) => `${field}: ${message}`);
}

test('an allocation is made or taken back, never changed, and reserved only while it is there', () => {
  expect(statusCauses({ allocation: allocation('a') }, {})).toEqual([]);
  expect(statusCauses({}, { allocation: allocation('a') })).toEqual([]);
  expect(statusCauses({ allocation: allocation('b') }, { allocation: allocation('a') })[0]).toMatch(/^status\.allocation: Invalid value: resource\.AllocationResult\{.*\}: field is immutable$/);
  expect(statusCauses({ reservedFor: [pod('u')] }, {})).toEqual(['status.reservedFor: Forbidden: may not be specified when `allocated` is not set']);
  const was = { allocation: allocation('a'), reservedFor: [pod('u'), pod('v')] };
  const going = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  expect(statusCauses({ ...was, reservedFor: [pod('v')] }, was, going)).toEqual([]);
  expect(statusCauses({ ...was, reservedFor: [pod('w')] }, was, going)).toEqual(['status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set']);
  expect(statusCauses({ ...was, reservedFor: [pod('u'), pod('u')] }, was)).toEqual(['status.reservedFor[1].uid: Duplicate value: "u"']);
});

test('what a device says of itself is for those that the claim has', () => {
  const said = (...ips: string[]): JsonObject => ({ driver: 'd.x', pool: 'p', device: 'a', networkData: { ips } });
  expect(statusCauses({ allocation: allocation('a'), devices: [said('10.0.0.1/8')] }, { allocation: allocation('a') })).toEqual([]);
  expect(statusCauses({ allocation: allocation('b'), devices: [said()] }, {})).toEqual(['status.devices[0]: Invalid value: d.x/p/a: must be an allocated device in the claim']);
  expect(statusCauses({ allocation: allocation('a'), devices: [said('2001:db8::1/64', '2001:0db8:0::1/64')] }, {})).toEqual(['status.devices[0].networkData.ips[1]: Duplicate value: "2001:db8::1/64"']);
});

test('fields of features that are off are dropped, unless they are there from before', () => {
  const strategy = strategyFor(group, 'resourceclaims');
  const admin = (): JsonObject => claimWith({}, [{ ...request, adminAccess: true }]);
  const requestsOf = (claim: JsonObject): unknown => ((claim['spec'] as JsonObject)['devices'] as JsonObject)['requests'];
  const [off, on, kept] = [admin(), admin(), admin()];
  strategy.prepareForCreate?.(off, context());
  strategy.prepareForCreate?.(on, context('', 'DRAAdminAccess'));
  strategy.prepareForUpdate?.(kept, admin(), context());
  expect([off, on, kept].map(requestsOf)).toEqual([[request], [{ ...request, adminAccess: true }], [{ ...request, adminAccess: true }]]);
  const said = [{ driver: 'd.x', pool: 'p', device: 'a' }];
  const [dropped, shown, gone] = [claimWith({ allocation: allocation('a'), devices: said }), claimWith({ allocation: allocation('a'), devices: said }), claimWith({ devices: said })];
  strategy.prepareForUpdate?.(dropped, claimWith({ allocation: allocation('a') }), context('status'));
  strategy.prepareForUpdate?.(shown, claimWith({ allocation: allocation('a') }), context('status', 'DRAResourceClaimDeviceStatus'));
  strategy.prepareForUpdate?.(gone, claimWith({ allocation: allocation('a'), devices: said }), context('status', 'DRAResourceClaimDeviceStatus'));
  expect([dropped, shown, gone].map(({ status }) => (status as JsonObject)['devices'])).toEqual([undefined, said, undefined]);
});

test('a claim is reserved as it was stored, with what Go writes of nothing', () => {
  const strategy = strategyFor(group, 'resourceclaims');
  const before = decoded('resourceclaims', claimWith({ allocation: allocation('a') }));
  const after = decoded('resourceclaims', claimWith({ allocation: allocation('a'), reservedFor: [pod('u')] }));
  strategy.prepareForUpdate?.(after, before, context('status'));
  expect(strategy.validateUpdate?.(after, before, context('status'))).toEqual([]);
});

test('the spec of a claim stays, that of a class makes generations', () => {
  const changed = strategyFor(group, 'resourceclaims').validateUpdate?.(claimWith({}, [{ ...request, count: 2 }]), claimWith({}), context()) ?? [];
  expect(changed.map(({ field, message }) => `${field}: ${message}`)).toEqual([expect.stringMatching(/^spec: Invalid value: resource\.ResourceClaimSpec\{.*Count:2.*\}: field is immutable$/)]);
  const next = { metadata: { name: 'c', generation: 1 }, spec: { selectors: [{ cel: { expression: 'true' } }] } };
  strategyFor(group, 'deviceclasses').prepareForUpdate?.(next, { metadata: { name: 'c', generation: 1 }, spec: {} }, context());
  expect(next.metadata.generation).toBe(2);
});
