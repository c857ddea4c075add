import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createMetrics } from '@coxswain/service/edge';
import { expect, test } from 'vitest';
import { permissiveParts, startTestServer } from '../testing/test-server.ts';

/** Names and labels are the original's. */
test('lists, events and watches of a resource are counted', async () => {
  const metrics = createMetrics();
  const server = await startTestServer({ assemble: () => permissiveParts, metrics }, createRealHost(silentLogger), { historyEvents: 500 });
  const configMaps = '/api/v1/namespaces/default/configmaps';
  const get = async (target: string): Promise<void> => { expect((await server.call({ method: 'GET', target })).status).toBe(200); };
  for (const [name, labels] of [['a', { x: 'y' }], ['b', {}], ['c', {}]] as const) expect((await server.call({ method: 'POST', target: configMaps, body: { metadata: { name, labels } } })).status).toBe(201);
  await get(`${configMaps}?labelSelector=x`);
  await get('/api/v1/configmaps');
  // The newest is asked of the store where only some are wanted; two of three are read, and one of them fits.
  await get(`${configMaps}?limit=2`);
  await get(`${configMaps}?resourceVersion=0`);
  await get(`${configMaps}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1`);
  const lines = new Set((await metrics.render()).split('\n'));
  const expected = [
    'apiserver_cache_list_total{resource_prefix="/configmaps",index=""} 3', 'apiserver_cache_list_fetched_objects_total{resource_prefix="/configmaps",index=""} 9', 'apiserver_cache_list_returned_objects_total{resource_prefix="/configmaps",index=""} 7',
    'apiserver_storage_list_total{resource="configmaps"} 1', 'apiserver_storage_list_fetched_objects_total{resource="configmaps"} 2', 'apiserver_storage_list_evaluated_objects_total{resource="configmaps"} 2', 'apiserver_storage_list_returned_objects_total{resource="configmaps"} 2',
    'apiserver_watch_cache_initializations_total{resource="configmaps"} 1', 'watch_cache_capacity{resource="configmaps"} 500', 'apiserver_watch_events_total{group="",version="v1",kind="ConfigMap"} 5',
    'apiserver_watch_events_sizes_bucket{le="1024",group="",version="v1",kind="ConfigMap"} 5',
  ];
  for (const line of expected) expect(lines, line).toContain(line);
  await server.stop();
});

test('what comes from the store is counted, and how far it has come', async () => {
  const metrics = createMetrics();
  const server = await startTestServer({ assemble: () => permissiveParts, metrics });
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  await server.call({ method: 'GET', target: leases });
  const { json } = await server.call({ method: 'POST', target: leases, body: { metadata: { name: 'a' } } });
  await server.call({ method: 'GET', target: leases });
  const lines = new Set((await metrics.render()).split('\n'));
  const { resourceVersion } = json['metadata'] as { resourceVersion: string };
  for (const name of ['apiserver_watch_cache_events_received_total', 'apiserver_storage_events_received_total', 'apiserver_watch_cache_events_dispatched_total']) expect(lines).toContain(`${name}{resource="leases.coordination.k8s.io"} 1`);
  expect(lines).toContain(`apiserver_watch_cache_resource_version{resource="leases.coordination.k8s.io"} ${resourceVersion}`);
  await server.stop();
});
