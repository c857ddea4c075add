import { claimNameOf, deviceKey, podClaims, whyNotMadeFor } from '@coxswain/api/dynamic-resources';
import { expect, test } from 'vitest';
import { claimed, claimNamesOf, makeAllocatedClaims, makeDriver } from './devices.ts';
import { makePod, podTemplate } from './templates.ts';

test('claims that are allocated beforehand have a device each that the nodes have, no two the same', () => {
  const names = ['n0', 'n1', 'n2'];
  const there = makeDriver(names, 10).slices.flatMap(({ spec }) => (spec?.devices ?? []).map(({ name }) => `${spec?.driver}/${spec?.pool.name}/${name}`));
  const held = makeAllocatedClaims('init', 29, names, 10).claims.map(({ status }) => deviceKey((status?.allocation?.devices?.results ?? [])[0] as Parameters<typeof deviceKey>[0]));
  expect([there.length, new Set(held).size]).toEqual([30, 29]);
  expect(there).toEqual(expect.arrayContaining(held));
  // Not the first nodes' only.
  expect(new Set(held.slice(0, 10).map((key) => key.split('/')[1])).size).toBe(3);
});

test('a pod\'s claim is made for it, and its status names it', () => {
  const bare = makePod(podTemplate('pod-with-claim-template'), 'test', 'p', 's');
  const { pod, claims } = claimed({ ...bare, metadata: { ...bare.metadata, uid: 'u' } });
  const [wanted] = podClaims(pod);
  expect(claimNameOf(pod, wanted as NonNullable<typeof wanted>)).toEqual({ kind: 'named', name: claims[0]?.metadata?.name, owned: true });
  expect(claims.map((claim) => whyNotMadeFor(pod, claim))).toEqual([undefined]);
  expect(claimNamesOf(pod)).toEqual(claims.map(({ metadata }) => metadata?.name));
  const plain = makePod(podTemplate('pod-default'), 'test', 'p', 's');
  expect(claimed(plain)).toEqual({ pod: plain, claims: [] });
});
