import { deviceKey, type Device, type DeviceClass, type DeviceRequest, type ResourceClaim, type ResourceSlice } from '@coxswain/api/dynamic-resources';
import fc from 'fast-check';
import type { Node } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { allocate, nodesOf, type AllocationInput } from './allocate.ts';
import { gatherPools } from './pools.ts';
import { DeviceSelectors } from './selectors.ts';

const driver = 'dra.example.com';
const node: Node = { metadata: { name: 'n1', labels: { zone: 'a' } } };

function device(name: string, attributes: NonNullable<Device['basic']>['attributes'] = {}): Device {
  return { name, basic: { attributes } };
}

function slice(devices: readonly Device[], more: Partial<NonNullable<ResourceSlice['spec']>> = {}): ResourceSlice {
  return { metadata: { name: 's' }, spec: { driver, pool: { name: 'pool', generation: 1, resourceSliceCount: 1 }, nodeName: 'n1', devices: [...devices], ...more } };
}

function claim(requests: readonly Partial<DeviceRequest>[], more: NonNullable<ResourceClaim['spec']>['devices'] = {}, name = 'c'): ResourceClaim {
  return { metadata: { namespace: 'default', name }, spec: { devices: { requests: requests.map((request, at) => ({ name: `r${at}`, deviceClassName: 'any', ...request })), ...more } } };
}

const any: DeviceClass = { metadata: { name: 'any' }, spec: {} };
const fast: DeviceClass = { metadata: { name: 'fast' }, spec: { selectors: [{ cel: { expression: `device.attributes["${driver}"].speed >= 10` } }], config: [{ opaque: { driver, parameters: { a: 1 } } }] } };

function input(claims: readonly ResourceClaim[], slices: readonly ResourceSlice[], more: Partial<AllocationInput> = {}): AllocationInput {
  return { claims, slices, classOf: (name) => [any, fast].find(({ metadata }) => metadata?.name === name), isTaken: () => false, selectors: new DeviceSelectors(), adminAccess: true, ...more };
}

/** `request=device` of each claim; the message of what was thrown. */
function outcome(of: AllocationInput): readonly string[] | string | undefined {
  try {
    return allocate(of, node)?.map(({ devices }) => (devices?.results ?? []).map((one) => `${one.request}=${one.device}${one.adminAccess === true ? '!' : ''}`).join(' '));
  } catch (error) {
    return (error as Error).message;
  }
}

const numa = (value: number): Device['basic'] extends infer B ? NonNullable<B> extends { attributes?: infer A } ? A : never : never => ({ numa: { int: value } });
const three = [device('a', { speed: { int: 5 }, ...numa(0) }), device('b', { speed: { int: 20 }, ...numa(1) }), device('c', { speed: { int: 30 }, ...numa(1) })];
const matching = { matchAttribute: `${driver}/numa` };

describe('allocation', () => {
  test.each<readonly [string, AllocationInput, readonly string[] | string | undefined]>([
    ['one of any', input([claim([{}])], [slice(three)]), ['r0=a']],
    ['one by class', input([claim([{ deviceClassName: 'fast' }])], [slice(three)]), ['r0=b']],
    ['one by class and selector', input([claim([{ deviceClassName: 'fast', selectors: [{ cel: { expression: `device.attributes["${driver}"].speed > 20` } }] }])], [slice(three)]), ['r0=c']],
    ['two', input([claim([{ count: 2 }])], [slice(three)]), ['r0=a r0=b']],
    ['more than there are', input([claim([{ count: 4 }])], [slice(three)]), undefined],
    ['one that is taken', input([claim([{}])], [slice(three)], { isTaken: (key) => key === `${driver}/pool/a` }), ['r0=b']],
    ['two claims share nothing', input([claim([{}], {}, 'x'), claim([{}], {}, 'y')], [slice(three)]), ['r0=a', 'r0=b']],
    ['an earlier choice is taken back', input([claim([{}, { deviceClassName: 'fast', count: 2 }])], [slice([three[1] as Device, three[2] as Device, three[0] as Device])]), ['r0=a r1=b r1=c']],
    ['all of a class', input([claim([{ deviceClassName: 'fast', allocationMode: 'All' }])], [slice(three)]), ['r0=b r0=c']],
    ['all, one of them taken', input([claim([{ allocationMode: 'All' }])], [slice(three)], { isTaken: (key) => key.endsWith('/c') }), undefined],
    ['all of none', input([claim([{ allocationMode: 'All', selectors: [{ cel: { expression: 'false' } }] }])], [slice(three)]), ['']],
    ['all of a pool that is not whole', input([claim([{ allocationMode: 'All' }])], [slice(three, { pool: { name: 'pool', generation: 1, resourceSliceCount: 2 } })]), `claim default/c, request r0: asks for all devices, but resource pool ${driver}/pool is currently being updated`],
    ['two that agree', input([claim([{ count: 2 }], { constraints: [matching] })], [slice(three)]), ['r0=b r0=c']],
    ['three that cannot agree', input([claim([{ count: 3 }], { constraints: [matching] })], [slice(three)]), undefined],
    ['only one request has to agree', input([claim([{ count: 2 }, {}], { constraints: [{ ...matching, requests: ['r0'] }] })], [slice(three)]), ['r0=b r0=c r1=a']],
    ['an attribute that is missing', input([claim([{}], { constraints: [{ matchAttribute: `${driver}/none` }] })], [slice(three)]), undefined],
    ['all that cannot agree', input([claim([{ allocationMode: 'All' }], { constraints: [matching] })], [slice(three)]), `claim default/c, request r0: cannot add device ${driver}/pool/b because a claim constraint would not be satisfied`],
    ['for administration, what is taken', input([claim([{ adminAccess: true }])], [slice(three)], { isTaken: () => true }), ['r0=a!']],
    ['for administration, where that is off', input([claim([{ adminAccess: true }])], [slice(three)], { adminAccess: false }), 'claim default/c, request r0: admin access is requested, but the feature is disabled'],
    ['another node\'s', input([claim([{}])], [slice(three, { nodeName: 'n2' })]), undefined],
    ['every node\'s', input([claim([{}])], [slice(three, { nodeName: '', allNodes: true })]), ['r0=a']],
    ['two of a name', input([claim([{}])], [slice([device('a'), device('a')])]), 'pool pool is invalid: duplicate device name a'],
    ['an expression that is wrong', input([claim([{ selectors: [{ cel: { expression: 'device.nothing' } }] }])], [slice(three)]), expect.stringContaining('claim default/c: selector #0: CEL compile error: ') as unknown as string],
    ['an attribute that a device lacks', input([claim([{ deviceClassName: 'fast' }])], [slice([device('a')])]), 'class fast: selector #0: CEL runtime error: no such key: speed'],
    // As the original, which asks a selector only of the device whose turn it is.
    ['an attribute that a device lacks which is not needed', input([claim([{ deviceClassName: 'fast' }])], [slice([device('b', { speed: { int: 20 } }), device('a')])]), ['r0=b']],
    ['a pool that is not whole, before a selector that is wrong', input([claim([{ deviceClassName: 'fast' }, { allocationMode: 'All' }])], [slice([device('a')], { pool: { name: 'pool', generation: 1, resourceSliceCount: 2 } })]), `claim default/c, request r1: asks for all devices, but resource pool ${driver}/pool is currently being updated`],
    ['all, after one of them is taken by the claim itself', input([claim([{}, { allocationMode: 'All' }], { constraints: [{ matchAttribute: `${driver}/numa` }] })], [slice(three)]), undefined],
    ['too many', input([claim([{ count: 33 }])], [slice(three)]), 'claim default/c: number of requested devices 33 exceeds the claim limit of 32'],
  ])('%s', (_name, of, expected) => expect(outcome(of)).toEqual(expected));

  test('configuration of classes and claim goes with it, and where it can be used', () => {
    const [result] = allocate(input([claim([{ deviceClassName: 'fast' }], { config: [{ requests: ['r0'], opaque: { driver, parameters: { b: 2 } } }] })], [slice(three)]), node) ?? [];
    expect(result).toEqual({
      devices: {
        results: [{ request: 'r0', driver, pool: 'pool', device: 'b' }],
        config: [{ source: 'FromClass', opaque: { driver, parameters: { a: 1 } } }, { source: 'FromClaim', requests: ['r0'], opaque: { driver, parameters: { b: 2 } } }],
      },
      nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] },
    });
    const inZone = { key: 'zone', operator: 'In', values: ['a', 'b'] };
    const zoned = slice([], { nodeName: '', nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [inZone] }] } });
    expect(nodesOf([zoned, slice([], { nodeName: '', allNodes: true }), zoned])).toEqual({ nodeSelectorTerms: [{ matchExpressions: [inZone] }] });
    expect(nodesOf([slice([], { nodeName: '', allNodes: true })])).toBeUndefined();
  });

  test('only the newest generation of a pool counts', () => {
    const of = (generation: number, name: string): ResourceSlice => slice([device(name)], { pool: { name: 'pool', generation, resourceSliceCount: 1 } });
    expect(gatherPools([of(2, 'old'), of(3, 'new'), of(1, 'older')], node).map(({ devices, incomplete }) => [devices.map(({ device: { name } }) => name), incomplete])).toEqual([[['new'], false]]);
  });
});

/** Every way to give each wanted device one of those that there are. */
function bruteForce(requests: readonly (readonly [number, number])[], devices: readonly (readonly [number, number])[], taken: ReadonlySet<number>, agree: boolean): boolean {
  const wanted = requests.flatMap(([count, least]) => Array.from({ length: count }, () => least));
  const choose = (at: number, used: readonly number[]): boolean => {
    if (at === wanted.length) return !agree || new Set(used.map((one) => devices[one]?.[1])).size <= 1;
    return devices.some(([speed], one) => !used.includes(one) && !taken.has(one) && speed >= (wanted[at] as number) && choose(at + 1, [...used, one]));
  };
  return choose(0, []);
}

test('an allocation is found whenever there is one, and gives nothing away twice', () => {
  const small = fc.record({
    devices: fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1 })), { maxLength: 5 }),
    requests: fc.array(fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 3 })), { minLength: 1, maxLength: 3 }),
    taken: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 2 }), agree: fc.boolean(),
  });
  fc.assert(fc.property(small, ({ devices, requests, taken, agree }) => {
    const offered = devices.map(([speed, side], at) => device(`d${at}`, { speed: { int: speed }, ...numa(side) }));
    const wanted = requests.map(([count, least]) => ({ count, selectors: [{ cel: { expression: `device.attributes["${driver}"].speed >= ${least}` } }] }));
    const gone = new Set(taken);
    const found = allocate(input([claim(wanted, agree ? { constraints: [matching] } : {})], [slice(offered)], { isTaken: (key) => [...gone].some((at) => key === `${driver}/pool/d${at}`) }), node);
    expect(found !== undefined).toBe(bruteForce(requests, devices, gone, agree));
    const results = found?.[0]?.devices?.results ?? [];
    expect(new Set(results.map(deviceKey)).size).toBe(results.length);
    for (const one of results) expect(gone.has(Number(one.device.slice(1)))).toBe(false);
  }), { seed: 24, numRuns: 500 });
});
