import { fromUtf8, silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createLocalStore } from '@coxswain/etcd-lite';
import { decodeProtobuf, isProtobuf } from '@coxswain/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApiServer, type ApiServer } from '../server.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, permissiveParts, type TestAnswer, type TestRequest } from '../testing/test-server.ts';

const host = createRealHost(silentLogger);
const store = createLocalStore(host);
let server: ApiServer;

beforeAll(async () => {
  server = await createApiServer({ store, parts: testPartsConfig(), compactionIntervalMs: 0 }, host, { assemble: () => permissiveParts });
  await server.start();
});
afterAll(async () => {
  await server.stop();
  await store.close();
});

async function call(request: TestRequest): Promise<TestAnswer> {
  return answerOf(await server.handle(httpRequest(request)));
}

const path = '/api/v1/namespaces/reads/configmaps';
const merge = { 'content-type': 'application/merge-patch+json' };

async function make(name: string): Promise<string> {
  const made = await call({ method: 'POST', target: path, body: { metadata: { name } } });
  expect(made.status, made.text).toBe(201);
  return versionOf(made);
}

function versionOf(answer: TestAnswer): string {
  return (answer.json['metadata'] as Record<string, string>)['resourceVersion'] as string;
}

test('a version of the future is waited for, then refused with 504 and a cause', async () => {
  const version = Number(await make('future')) + 1000;
  const get = await call({ method: 'GET', target: `${path}?resourceVersion=${version}` });
  expect(get.status).toBe(504);
  expect(get.json['reason']).toBe('Timeout');
  expect(get.json['message']).toMatch(/^Timeout: Too large resource version: \d+, current: \d+$/);
  expect((get.json['details'] as { causes: unknown[] }).causes).toEqual([{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }]);
});

test('an exact version shows the past, until it is compacted: 410', async () => {
  const first = await make('past-1');
  const second = await make('past-2');
  const exact = await call({ method: 'GET', target: `${path}?resourceVersion=${first}&resourceVersionMatch=Exact` });
  const names = (exact.json['items'] as { metadata: { name: string } }[]).map((item) => item.metadata.name);
  expect(names).toContain('past-1');
  expect(names).not.toContain('past-2');
  const page = await call({ method: 'GET', target: `${path}?limit=1` });
  await make('past-3');
  await store.compact(Number(second) + 1);
  const gone = await call({ method: 'GET', target: `${path}?resourceVersion=${first}&resourceVersionMatch=Exact` });
  expect([gone.status, gone.json['reason']]).toEqual([410, 'Expired']);
  const metadata = page.json['metadata'] as Record<string, string>;
  const rest = await call({ method: 'GET', target: `${path}?limit=1&continue=${metadata['continue']}` });
  expect([rest.status, rest.json['reason']]).toEqual([410, 'Expired']);
  // The refusal carries a token with which the list can go on, though not consistently.
  const token = (rest.json['metadata'] as Record<string, string>)['continue'];
  expect((await call({ method: 'GET', target: `${path}?limit=500&continue=${token}` })).status).toBe(200);
});

test('pieces of a list are of one revision, whatever is written between them', async () => {
  const many = '/api/v1/namespaces/pieces/configmaps';
  for (let at = 0; at < 50; at += 1) expect((await call({ method: 'POST', target: many, body: { metadata: { name: `piece-${at + 10}` } } })).status).toBe(201);
  const seen: string[] = [];
  let token = '';
  let version: string | undefined;
  for (let left = 50; left > 0; left -= 20) {
    const page = await call({ method: 'GET', target: `${many}?limit=20${token === '' ? '' : `&continue=${token}`}` });
    version ??= versionOf(page);
    expect(versionOf(page)).toBe(version);
    const metadata = page.json['metadata'] as { continue?: string; remainingItemCount?: number };
    expect(metadata.remainingItemCount).toBe(left > 20 ? left - 20 : undefined);
    token = metadata.continue ?? '';
    seen.push(...(page.json['items'] as { metadata: { name: string; labels?: object } }[]).map(({ metadata: { name, labels } }) => (labels === undefined ? name : `${name} changed`)));
    await call({ method: 'DELETE', target: `${many}/piece-${10 + left}`, headers: {} });
    await call({ method: 'PATCH', target: `${many}/piece-55`, headers: merge, body: { metadata: { labels: { at: String(left) } } } });
    await call({ method: 'POST', target: many, body: { metadata: { name: `piece-3${left}` } } });
  }
  expect([token, seen]).toEqual(['', Array.from({ length: 50 }, (_none, at) => `piece-${at + 10}`)]);
});

test('gets that come together see what was written before they came', async () => {
  const together = '/api/v1/namespaces/together/configmaps';
  for (let round = 0; round < 5; round += 1) {
    await call({ method: 'POST', target: together, body: { metadata: { name: `map-${round}` } } });
    const versions = await Promise.all(Array.from({ length: 30 }, async (_none, at) => {
      // Others are written meanwhile, so that the cache lags behind the store.
      if (at % 10 === 0) await call({ method: 'POST', target: '/api/v1/namespaces/together/secrets', body: { metadata: { name: `other-${round}-${at}` } } });
      const patched = await call({ method: 'PATCH', target: `${together}/map-${round}`, headers: merge, body: { data: { [`key-${at}`]: 'x' } } });
      const got = await call({ method: 'GET', target: `${together}/map-${round}` });
      expect(got.json['data']).toHaveProperty(`key-${at}`);
      return Number(versionOf(got)) >= Number(versionOf(patched));
    }));
    expect(versions).not.toContain(false);
  }
});

test('a watch from before the cache began is told 410 as an event', async () => {
  const answer = await call({ method: 'GET', target: '/api/v1/secrets?watch=1&resourceVersion=1' });
  expect(answer.status).toBe(200);
  const event = JSON.parse(answer.text) as { type: string; object: { code: number; reason: string; message: string } };
  expect([event.type, event.object.code, event.object.reason]).toEqual(['ERROR', 410, 'Expired']);
  expect(event.object.message).toMatch(/^too old resource version: 1 \(\d+\)$/);
});

test('a watch ends after timeoutSeconds, with a last bookmark', async () => {
  await make('bookmarked');
  const answer = await call({ method: 'GET', target: `${path}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dbookmarked` });
  const events = answer.text.trim().split('\n').map((line) => JSON.parse(line) as { type: string; object: { kind: string; metadata: { resourceVersion: string } } });
  // The first one ends what was there when the watch began: 1.32 sends it to whoever takes bookmarks.
  expect(events.map((event) => event.type)).toEqual(['ADDED', 'BOOKMARK', 'BOOKMARK']);
  expect(events[1]?.object.kind).toBe('ConfigMap');
});

test('protobuf answers and watches carry the same object as JSON', async () => {
  await make('binary');
  const accept = 'application/vnd.kubernetes.protobuf';
  const json = await call({ method: 'GET', target: `${path}/binary` });
  const answer = await server.handle(httpRequest({ method: 'GET', target: `${path}/binary`, headers: { accept } }));
  expect(answer.headers['content-type']).toBe(accept);
  expect(decodeProtobuf(answer.body as Uint8Array)).toEqual(json.json);
  const list = await server.handle(httpRequest({ method: 'GET', target: path, headers: { accept } }));
  expect((decodeProtobuf(list.body as Uint8Array)['items'] as unknown[]).length).toBeGreaterThan(1);
  const watch = await server.handle(httpRequest({ method: 'GET', target: `${path}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dbinary`, headers: { accept } }));
  expect(watch.headers['content-type']).toBe(`${accept};stream=watch`);
  for await (const frame of watch.body as AsyncIterable<Uint8Array>) {
    const length = new DataView(frame.buffer, frame.byteOffset).getUint32(0);
    expect(length).toBe(frame.length - 4);
    const at = frame.findIndex((_byte, index) => isProtobuf(frame.subarray(index)));
    expect(decodeProtobuf(frame.subarray(at))).toEqual(json.json);
    break;
  }
});

test('a collection is deleted by selector, and what has finalizers stays marked', async () => {
  const target = '/api/v1/namespaces/collection/configmaps';
  for (const [name, labels, finalizers] of [['a', { x: '1' }, []], ['b', { x: '1' }, ['example.com/f']], ['c', {}, []]] as const) {
    await call({ method: 'POST', target, body: { metadata: { name, labels, finalizers } } });
  }
  const deleted = await call({ method: 'DELETE', target: `${target}?labelSelector=x%3D1` });
  expect([deleted.status, deleted.json['kind']]).toEqual([200, 'ConfigMapList']);
  const left = await call({ method: 'GET', target });
  const items = left.json['items'] as { metadata: { name: string; deletionTimestamp?: string } }[];
  expect(items.map((item) => [item.metadata.name, item.metadata.deletionTimestamp !== undefined])).toEqual([['b', true], ['c', false]]);
});

test('a namespace goes when its own finalizers are emptied', async () => {
  await call({ method: 'POST', target: '/api/v1/namespaces', body: { metadata: { name: 'leaving' } } });
  const marked = await call({ method: 'DELETE', target: '/api/v1/namespaces/leaving' });
  expect((marked.json['status'] as Record<string, string>)['phase']).toBe('Terminating');
  const finalized = await call({ method: 'PUT', target: '/api/v1/namespaces/leaving/finalize', body: { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'leaving' }, spec: { finalizers: [] } } });
  expect(finalized.status, finalized.text).toBe(200);
  expect((await call({ method: 'GET', target: '/api/v1/namespaces/leaving' })).status).toBe(404);
});

test('patches of many writers at once are all kept', async () => {
  await make('busy');
  const writers = Array.from({ length: 30 }, (_, at) => call({ method: 'PATCH', target: `${path}/busy`, body: { data: { [`k${at}`]: 'v' } }, headers: merge }));
  for (const answer of await Promise.all(writers)) expect(answer.status, answer.text).toBe(200);
  const { json } = await call({ method: 'GET', target: `${path}/busy` });
  expect(Object.keys(json['data'] as object)).toHaveLength(30);
});

test('both groups of events show one object', async () => {
  const events = '/api/v1/namespaces/reads/events';
  await call({ method: 'POST', target: events, body: { metadata: { name: 'e' }, involvedObject: { kind: 'Pod', name: 'p', namespace: 'reads' }, reason: 'R', message: 'said', type: 'Normal' } });
  const other = await call({ method: 'GET', target: '/apis/events.k8s.io/v1/namespaces/reads/events/e' });
  expect([other.status, other.json['note'], other.json['apiVersion']]).toEqual([200, 'said', 'events.k8s.io/v1']);
  const { kvs } = await store.range({ key: new TextEncoder().encode('/registry/events/reads/e') });
  expect(fromUtf8((kvs[0] as { value: Uint8Array }).value)).toContain('"apiVersion":"v1"');
  expect((kvs[0] as { lease: bigint }).lease).not.toBe(0n);
});

/** Each has its length in four bytes before it; a piece of the stream may hold several. */
async function* frames(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    for (let at = 0; at < piece.length;) {
      const end = at + 4 + new DataView(piece.buffer, piece.byteOffset + at).getUint32(0);
      yield piece.subarray(at + 4, end);
      at = end;
    }
  }
}

test('a metadata watch in protobuf carries protobuf, bookmark included', async () => {
  await make('meta-binary');
  const accept = 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
  const target = `${path}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dmeta-binary`;
  const watch = await server.handle(httpRequest({ method: 'GET', target, headers: { accept } }));
  expect(watch.headers['content-type']).toBe('application/vnd.kubernetes.protobuf;stream=watch');
  const seen: unknown[] = [];
  for await (const frame of frames(watch.body as AsyncIterable<Uint8Array>)) {
    const at = frame.findIndex((_byte, index) => isProtobuf(frame.subarray(index)));
    const object = decodeProtobuf(frame.subarray(at));
    seen.push([object['kind'], object['apiVersion'], (object['metadata'] as Record<string, unknown>)['annotations']]);
    if (seen.length === 2) break;
  }
  // The end of the initial state is a bookmark with this annotation, in the form of the other events.
  expect(seen).toEqual([
    ['PartialObjectMetadata', 'meta.k8s.io/v1', undefined],
    ['PartialObjectMetadata', 'meta.k8s.io/v1', { 'k8s.io/initial-events-end': 'true' }],
  ]);
});

test('a continue token that is none is refused in the storage\'s words', async () => {
  const answer = await call({ method: 'GET', target: `${path}?limit=1&continue=eyJ2IjoidjAifQ` });
  expect([answer.status, answer.json['reason']]).toEqual([400, 'BadRequest']);
  expect(answer.json['message']).toBe('invalid continue token: continue key is not valid: server does not recognize this encoded version v0');
});

test('documents answer with and without the last slash, as clients made from OpenAPI ask', async () => {
  // Whatever the method, the original tells its groups.
  for (const [target, posted] of [['/version', 405], ['/api', 405], ['/apis', 200], ['/apis/apps', 200], ['/api/v1', 405]] as const) {
    const plain = await call({ method: 'GET', target });
    const slash = await call({ method: 'GET', target: `${target}/` });
    expect([plain.status, slash.status], target).toEqual([200, 200]);
    expect(slash.json).toEqual(plain.json);
    const post = await call({ method: 'POST', target });
    expect([post.status, post.json['reason']], target).toEqual([posted, posted === 200 ? undefined : 'MethodNotAllowed']);
  }
  expect((await call({ method: 'GET', target: '/' })).json['paths']).not.toContain('/version/');
});
