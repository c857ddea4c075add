/** The official tests of CustomResourceConversionWebhook and of field selectors over it by their short names, and what is refused of a webhook's answers. */
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { JsonObject } from '@coxswain/api';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startWebhookServer, type WebhookServer } from '../edge/testing/webhook-server.ts';
import { copy, meta, textAt } from '../registry/object.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { crontabs, defineKind, definitions, definitionSeen, removeKind, watchOf, type WatchReader } from './testing.ts';

const host = createRealHost(silentLogger);
let hooks: WebhookServer;
let cluster: TestCluster;
beforeAll(async () => {
  hooks = await startWebhookServer(host);
  cluster = await startTestCluster([{}], host);
});
afterEach(async () => {
  hooks.paths.set('/crdconvert', (review) => answer(review));
  await cluster.call('DELETE', `${definitions}/crontabs.stable.example.com`);
  await removeKind(cluster, 'crontabs.stable.example.com');
});
afterAll(async () => {
  await cluster.stop();
  await hooks.close();
});

interface Review { readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: JsonObject[] } }

/** v1 has `hostPort`, v2 `host` and `port`, as in the suite's example. */
function converted(object: JsonObject, apiVersion: string): JsonObject {
  const made: JsonObject = { ...copy(object), apiVersion };
  if (apiVersion.endsWith('/v2')) {
    const [name = '', port = ''] = String(made['hostPort'] as string).split(':');
    delete made['hostPort'];
    return { ...made, host: name, port };
  }
  const { host: name, port, ...rest } = made;
  return { ...rest, hostPort: `${String(name as string)}:${String(port as string)}` };
}

function answer(review: unknown, change: (object: JsonObject) => JsonObject = (object) => object, response: object = {}): string {
  const { request } = review as Review;
  const convertedObjects = request.objects.map((object) => change(converted(object, request.desiredAPIVersion)));
  return JSON.stringify({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response: { uid: request.uid, result: { status: 'Success' }, convertedObjects, ...response } });
}

const text = { type: 'string' };
const schemas: Readonly<Record<string, JsonObject>> = {
  v1: { type: 'object', properties: { hostPort: text } }, v2: { type: 'object', properties: { host: text, port: text } },
};

function definition(storage: 'v1' | 'v2'): JsonObject {
  return crontabs({}, {
    versions: ['v1', 'v2'].map((name) => ({ name, served: true, storage: name === storage, schema: { openAPIV3Schema: schemas[name] as JsonObject } })),
    conversion: { strategy: 'Webhook', webhook: { clientConfig: hooks.clientConfig('/crdconvert') as unknown as JsonObject, conversionReviewVersions: ['v1', 'v1beta1'] } },
  });
}

const at = (version: string): string => `/apis/stable.example.com/${version}/namespaces/default/crontabs`;
const first: JsonObject = { apiVersion: 'stable.example.com/v1', kind: 'CronTab', metadata: { name: 'a' }, hostPort: 'localhost:8080' };

test('Custom Resource Definition Conversion Webhook, conversion custom resource', async () => {
  hooks.paths.set('/crdconvert', (review) => answer(review));
  await defineKind(cluster, definition('v1'));
  expect((await cluster.call('POST', at('v1'), { body: first })).status).toBe(201);
  const read = (await cluster.call('GET', `${at('v2')}/a`)).object;
  expect(read).toMatchObject({ apiVersion: 'stable.example.com/v2', kind: 'CronTab', host: 'localhost', port: '8080' });
  expect(read).not.toHaveProperty('hostPort');
  const patched = await cluster.call('PATCH', `${at('v2')}/a`, { body: { port: '9090' }, headers: { 'content-type': 'application/merge-patch+json' } });
  expect([patched.status, patched.object['port']]).toEqual([200, '9090']);
  expect((await cluster.call('GET', `${at('v1')}/a`)).object['hostPort']).toBe('localhost:9090');
});

test('Custom Resource Definition Conversion Webhook, convert mixed version list', async () => {
  hooks.paths.set('/crdconvert', (review) => answer(review));
  await defineKind(cluster, definition('v1'));
  await cluster.call('POST', at('v1'), { body: first });
  const changed = await cluster.call('PATCH', `${definitions}/crontabs.stable.example.com`, { body: { spec: { versions: (definition('v2')['spec'] as JsonObject)['versions'] } }, headers: { 'content-type': 'application/merge-patch+json' } });
  expect(changed.object).toMatchObject({ status: { storedVersions: ['v1', 'v2'] } });
  await definitionSeen(cluster, 'crontabs.stable.example.com', meta(changed.object as unknown as JsonObject)['resourceVersion']);
  await cluster.call('POST', at('v1'), { body: { ...first, metadata: { name: 'b' }, hostPort: 'remote:1' } });
  const list = async (version: string): Promise<JsonObject[]> => (await cluster.call('GET', at(version))).object['items'] as JsonObject[];
  expect((await list('v1')).map((item) => [item['apiVersion'], item['hostPort'], item['host'], item['port']])).toEqual([['stable.example.com/v1', 'localhost:8080', undefined, undefined], ['stable.example.com/v1', 'remote:1', undefined, undefined]]);
  expect((await list('v2')).map((item) => [item['apiVersion'], item['hostPort'], item['host'], item['port']])).toEqual([['stable.example.com/v2', undefined, 'localhost', '8080'], ['stable.example.com/v2', undefined, 'remote', '1']]);
  const watch = await watchOf(cluster, `${at('v2')}?watch=1`);
  expect([(await watch.next())?.object['host'], (await watch.next())?.object['host']]).toEqual(['localhost', 'remote']);
});

/** What a watch tells from its beginning, as `TYPE name`. */
async function take(watch: WatchReader, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const event = await watch.next();
    if (event === undefined) throw new Error('the watch ended');
    seen.push(`${event.type} ${textAt(event.object, 'metadata', 'name')}`);
  }
  return seen;
}

test('custom-resource-definition-field-selectors-list-watch-register-informers', async () => {
  hooks.paths.set('/crdconvert', (review) => answer(review));
  const selectable = definition('v1');
  for (const version of (selectable['spec'] as JsonObject)['versions'] as JsonObject[]) version['selectableFields'] = (version['name'] === 'v1' ? ['.hostPort'] : ['.host', '.port']).map((jsonPath) => ({ jsonPath }));
  await defineKind(cluster, selectable);
  const names = async (version: string, selector: string): Promise<unknown> => ((await cluster.call('GET', `${at(version)}?fieldSelector=${encodeURIComponent(selector)}`)).object['items'] as JsonObject[]).map((item) => textAt(item, 'metadata', 'name'));
  const follow = (version: string, selector: string, from = ''): Promise<WatchReader> => watchOf(cluster, `${at(version)}?watch=1&fieldSelector=${encodeURIComponent(selector)}${from}`);
  // As an informer does: a list, and what comes after it.
  const { object: listed } = await cluster.call('GET', `${at('v2')}?fieldSelector=${encodeURIComponent('host=host1')}`);
  const [byHost, byBoth, byOld, informer] = await Promise.all([follow('v2', 'host=host1'), follow('v2', 'host=host1,port=80'), follow('v1', 'hostPort=host1:80'), follow('v2', 'host=host1', `&resourceVersion=${String(listed.metadata['resourceVersion'] as string)}`)]);
  for (const [name, spec] of Object.entries({ a: { host: 'host1', port: '80' }, b: { host: 'host1', port: '8080' }, c: { host: 'host2' } })) {
    expect((await cluster.call('POST', at('v2'), { body: { apiVersion: 'stable.example.com/v2', kind: 'CronTab', metadata: { name }, ...spec } })).status).toBe(201);
  }
  expect([await names('v2', 'host=host1'), await names('v2', 'host=host1,port=80'), await names('v1', 'hostPort=host1:80'), await names('v1', 'hostPort=host1:8080')]).toEqual([['a', 'b'], ['a'], ['a'], ['b']]);
  expect([await take(byHost, 2), await take(byBoth, 1), await take(byOld, 1), await take(informer, 2)]).toEqual([['ADDED a', 'ADDED b'], ['ADDED a'], ['ADDED a'], ['ADDED a', 'ADDED b']]);
  await cluster.call('DELETE', `${at('v2')}?fieldSelector=${encodeURIComponent('host=host1,port=80')}`);
  const { object } = await cluster.call('GET', `${at('v2')}/b`);
  expect((await cluster.call('PUT', `${at('v2')}/b`, { body: { ...object, host: 'host2' } })).status).toBe(200);
  expect([await names('v2', 'host=host1'), await names('v2', 'host=host1,port=80')]).toEqual([[], []]);
  expect([await take(byHost, 2), await take(byBoth, 1), await take(byOld, 1), await take(informer, 2)]).toEqual([['DELETED a', 'DELETED b'], ['DELETED a'], ['DELETED a'], ['DELETED a', 'DELETED b']]);
});

const gvk = 'conversion webhook for stable.example.com/v1, Kind=CronTab';

test.each<[string, (review: unknown) => string, string]>([
  ['another uid', (review) => answer(review, undefined, { uid: 'x' }), `${gvk} failed: expected response.uid=`],
  ['a failure', (review) => answer(review, undefined, { result: { status: 'Failure', message: 'not today' } }), `${gvk} failed: not today`],
  ['no status', (review) => answer(review, undefined, { result: {} }), `${gvk} failed: response.result.status was '', not 'Success'`],
  ['no objects', (review) => answer(review, undefined, { convertedObjects: [] }), `${gvk} returned 0 objects, expected 1`],
  ['another version', (review) => answer(review, (object) => ({ ...object, apiVersion: 'stable.example.com/v1' })), `${gvk} returned invalid object at index 0: invalid groupVersion (expected stable.example.com/v2, received stable.example.com/v1)`],
  ['another kind', (review) => answer(review, (object) => ({ ...object, kind: 'X' })), `${gvk} returned invalid object at index 0: invalid kind (expected CronTab, received X)`],
  ['another name', (review) => answer(review, (object) => ({ ...object, metadata: { ...meta(object), name: 'z' } })), `${gvk} returned invalid object: must have the same name: a != z`],
  ['no metadata', (review) => answer(review, ({ metadata: _gone, ...object }) => object), `${gvk} returned invalid object: must have the same name: a != `],
  ['labels of another type', (review) => answer(review, (object) => ({ ...object, metadata: { ...meta(object), labels: { a: 1 } } })), `${gvk} returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object`],
  ['no review', () => '{"kind":"Pod","apiVersion":"v1"}', `${gvk} failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got /v1, Kind=Pod`],
])('an answer with %s is refused', async (_what, respond, message) => {
  hooks.paths.set('/crdconvert', respond);
  await defineKind(cluster, definition('v1'));
  await cluster.call('POST', at('v1'), { body: first });
  const read = await cluster.call('GET', `${at('v2')}/a`);
  expect(read.status).toBe(500);
  expect(textAt(read.object as unknown as JsonObject, 'message').slice(0, message.length)).toBe(message);
  expect((await cluster.call('GET', `${at('v1')}/a`)).status).toBe(200);
});

test('of the metadata only labels and annotations are the webhook\'s to change', async () => {
  hooks.paths.set('/crdconvert', (review) => answer(review, (object) => ({ ...object, metadata: { ...meta(object), finalizers: ['x/y'], generation: 9, labels: { by: 'hook' } } })));
  await defineKind(cluster, definition('v1'));
  await cluster.call('POST', at('v1'), { body: first });
  const { metadata } = (await cluster.call('GET', `${at('v2')}/a`)).object;
  expect([metadata['labels'], metadata['finalizers'], metadata['generation']]).toEqual([{ by: 'hook' }, undefined, 1]);
});
