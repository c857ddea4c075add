import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { crontabs, defineKind, definitions, removeKind, watchOf } from './testing.ts';

let cluster: TestCluster;
beforeEach(async () => { cluster = await startTestCluster(); });
afterEach(() => cluster.stop());

const base = '/apis/stable.example.com/v1/namespaces/default/crontabs';
const cron = (name: string, spec: unknown = { cron: '* * * * *' }): unknown => ({ apiVersion: 'stable.example.com/v1', kind: 'CronTab', metadata: { name }, spec });

test('a definition is established, its objects are created, read, listed, watched, patched and deleted', async () => {
  await defineKind(cluster, crontabs());
  const created = await cluster.call('POST', base, { body: cron('a') });
  expect(created.status).toBe(201);
  expect(created.object.metadata).toMatchObject({ generation: 1, namespace: 'default' });
  const watch = await watchOf(cluster, `${base}?watch=1&resourceVersion=${String(created.object.metadata['resourceVersion'])}`);
  const patched = await cluster.call('PATCH', `${base}/a`, { body: { spec: { image: 'x' } }, headers: { 'content-type': 'application/merge-patch+json' } });
  expect([patched.status, patched.object.spec, patched.object.metadata['generation']]).toEqual([200, { cron: '* * * * *', image: 'x' }, 2]);
  expect((await cluster.call('GET', base)).object).toMatchObject({ kind: 'CronTabList', apiVersion: 'stable.example.com/v1', metadata: { continue: '' }, items: [{ kind: 'CronTab', spec: { image: 'x' } }] });
  expect((await cluster.call('DELETE', `${base}/a`)).object).toMatchObject({ kind: 'Status', status: 'Success', details: { name: 'a', group: 'stable.example.com', kind: 'crontabs' } });
  expect((await cluster.call('GET', `${base}/a`)).object).toMatchObject({ reason: 'NotFound', message: 'crontabs.stable.example.com "a" not found' });
  expect([await watch.next(), await watch.next()].map((event) => event?.type)).toEqual(['MODIFIED', 'DELETED']);
});

test('the definition goes with its objects, its watches end, and discovery forgets it', async () => {
  await defineKind(cluster, crontabs());
  await cluster.call('POST', base, { body: cron('a') });
  const watch = await watchOf(cluster, `${base}?watch=1`);
  expect((await watch.next())?.type).toBe('ADDED');
  const answer = await cluster.call('DELETE', `${definitions}/crontabs.stable.example.com`);
  expect(answer.object).toMatchObject({ kind: 'CustomResourceDefinition', metadata: { finalizers: ['customresourcecleanup.apiextensions.k8s.io'] } });
  expect((await watch.next())?.type).toBe('DELETED');
  await removeKind(cluster, 'crontabs.stable.example.com');
  expect(await watch.next()).toBeUndefined();
  expect((await cluster.call('GET', base)).text).toBe('404 page not found\n');
  expect((await cluster.call('GET', '/apis/stable.example.com')).status).toBe(404);
  await defineKind(cluster, crontabs());
  expect((await cluster.call('GET', base)).object['items']).toEqual([]);
});

test('objects that finalizers hold keep the definition until they are let go', async () => {
  await defineKind(cluster, crontabs());
  await cluster.call('POST', base, { body: { ...(cron('a') as object), metadata: { name: 'a', finalizers: ['example.com/hold'] } } });
  const watch = await watchOf(cluster, `${base}?watch=1`);
  await watch.next();
  await cluster.call('DELETE', `${definitions}/crontabs.stable.example.com`);
  expect((await watch.next())?.object).toMatchObject({ metadata: { deletionGracePeriodSeconds: 0 } });
  const refused = await cluster.call('POST', base, { body: cron('b') });
  expect([refused.status, refused.object['message']]).toEqual([405, 'create not allowed while custom resource definition is terminating']);
  expect((await cluster.call('GET', '/apis/stable.example.com/v1')).object).toMatchObject({ resources: [{ verbs: ['delete', 'deletecollection', 'get', 'list', 'watch'] }, {}, {}] });
  await cluster.call('PATCH', `${base}/a`, { body: { metadata: { finalizers: null } }, headers: { 'content-type': 'application/merge-patch+json' } });
  await removeKind(cluster, 'crontabs.stable.example.com');
});

test('two servers on one store see a kind come and go', async () => {
  const pair = await startTestCluster([{}, { serverId: 'server-2' }]);
  try {
    await defineKind(pair, crontabs(), 0);
    await defineKind(pair, crontabs(), 1);
    expect((await pair.call('POST', base, { body: cron('a') }, 1)).status).toBe(201);
    expect((await pair.call('GET', `${base}/a`, {}, 0)).status).toBe(200);
    await pair.call('DELETE', `${definitions}/crontabs.stable.example.com`, {}, 1);
    await removeKind(pair, 'crontabs.stable.example.com', 0);
    await removeKind(pair, 'crontabs.stable.example.com', 1);
    expect((await pair.call('GET', `${base}/a`, {}, 0)).status).toBe(404);
    expect((await pair.call('GET', `${base}/a`, {}, 1)).status).toBe(404);
  } finally {
    await pair.stop();
  }
});
