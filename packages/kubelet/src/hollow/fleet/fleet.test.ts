import { fakeServerWorld, statusOf, type FakeObject } from '@coxswain/client/testing';
import { expect, test } from 'vitest';
import { defaultFleetConfig } from './config.ts';
import { startFleet } from './fleet.ts';

const where = { group: '', resource: 'pods', namespace: 'default' };
const key = { ...where, name: 'p' };

test('a deletion that failed is tried again, also if the pod changed meanwhile', async () => {
  const { sim, server, beside } = await fakeServerWorld();
  const { host, client } = beside('fleet');
  const fleet = startFleet(defaultFleetConfig(1), host, client);
  const pod = (): FakeObject | undefined => server.store.list('', 'pods', 'default')[0];
  expect(await sim.run(60_000, () => server.store.list('', 'nodes', '').length === 1)).toBe(true);
  server.store.create(where, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { nodeName: 'hollow-0', containers: [{ name: 'c', image: 'i' }] } });
  expect(await sim.run(60_000, () => (pod()?.['status'] as { phase?: string } | undefined)?.phase === 'Running')).toBe(true);
  let refused = 0;
  server.intercept = ({ method }) => {
    if (method !== 'DELETE' || refused > 0) return undefined;
    refused += 1;
    return statusOf(500, 'InternalError', 'the store is away');
  };
  server.store.delete(key, { gracePeriodSeconds: 30 });
  expect(await sim.run(60_000, () => refused === 1)).toBe(true);
  // It has heard of the failure, and its next try is to come.
  await sim.run(300);
  const current = server.store.get(key);
  server.store.update(key, { ...current, metadata: { ...current.metadata, labels: { changed: 'yes' } } }, '');
  expect(await sim.run(60_000, () => pod() === undefined)).toBe(true);
  await fleet.stop();
});
