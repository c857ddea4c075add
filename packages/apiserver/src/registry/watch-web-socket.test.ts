import { fromUtf8, readAll, type HeaderMap, type IncomingResponse, type Listener } from '@coxswain/host';
import { WebSocketConnection } from '@coxswain/streaming';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.ts';

const path = '/api/v1/namespaces/default/configmaps';
const upgrade = { upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', origin: 'https://client' };
let server: TestServer;
let listener: Listener;

beforeAll(async () => {
  server = await startTestServer();
  listener = await server.host.network.serveHttp({ address: '127.0.0.1', port: 0 }, server.server.handle);
});
afterAll(async () => {
  await listener.close();
  await server.stop();
});

function open(query: string, headers: HeaderMap = {}): Promise<IncomingResponse> {
  return server.host.network.fetch({ url: `http://127.0.0.1:${listener.port}${path}?watch=1&${query}`, method: 'GET', headers: { ...upgrade, ...headers }, upgrade: true });
}

async function make(name: string): Promise<void> {
  expect((await server.call({ method: 'POST', target: path, body: { metadata: { name } } })).status).toBe(201);
}

test('another client follows: each event is a text message of its own', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${listener.port}${path}?watch=1&labelSelector=none&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=0`, { headers: { origin: 'https://client' } } as never);
  const messages: { readonly type: string; readonly object: { readonly metadata: { readonly annotations?: object } } }[] = [];
  socket.addEventListener('message', (event) => { messages.push(JSON.parse(event.data as string) as (typeof messages)[number]); });
  const closed = new Promise<CloseEvent>((resolve) => { socket.addEventListener('close', resolve); });
  expect((await closed).code, 'the end of the time is no mistake').toBe(1000);
  expect(messages.map(({ type, object }) => [type, object.metadata.annotations]), 'the end of what there was, and where to go on').toEqual([['BOOKMARK', { 'k8s.io/initial-events-end': 'true' }], ['BOOKMARK', undefined]]);
});

test('events come as they happen, and a client that closes ends its watch', async () => {
  const answer = await open('resourceVersion=0', { 'sec-websocket-protocol': 'base64.binary.k8s.io' });
  expect(answer.status).toBe(101);
  expect(answer.headers).toMatchObject({ 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'sec-websocket-protocol': 'base64.binary.k8s.io' });
  const socket = new WebSocketConnection(answer.upgraded as NonNullable<typeof answer.upgraded>, { role: 'client', random: server.host.random });
  await make('one');
  await make('two');
  const seen: string[] = [];
  for await (const { type, data } of socket.messages()) {
    const event = JSON.parse(fromUtf8(data)) as { type: string; object: { metadata: { name: string } } };
    seen.push(`${type} ${event.type} ${event.object.metadata.name}`);
    if (seen.length === 2) await socket.close();
  }
  expect(seen).toEqual(['text ADDED one', 'text ADDED two']);
});

test('protobuf comes in binary messages without a length before them', async () => {
  const answer = await open('resourceVersion=0&fieldSelector=metadata.name=three', { accept: 'application/vnd.kubernetes.protobuf;stream=watch' });
  const socket = new WebSocketConnection(answer.upgraded as NonNullable<typeof answer.upgraded>, { role: 'client', random: server.host.random });
  await make('three');
  for await (const { type, data } of socket.messages()) {
    expect(type).toBe('binary');
    expect(fromUtf8(data.subarray(0, 7)), 'the first field of the event, its type').toBe('\n\u0005ADDED');
    expect(fromUtf8(data)).toContain('k8s\0');
    break;
  }
  socket.destroy();
});

test.each([
  ['no origin', { origin: '' }, 403, ''], ['an origin that is none', { origin: 'null' }, 403, ''], ['another version', { 'sec-websocket-version': '12' }, 400, 'missing or bad WebSocket Version'],
  ['no key', { 'sec-websocket-key': '' }, 400, 'mismatch challenge/response'], ['two protocols', { 'sec-websocket-protocol': 'v4.channel.k8s.io, v5.channel.k8s.io' }, 400, ''],
])('refused: %s', async (_what, headers, status, message) => {
  const answer = await open('', headers);
  expect([answer.status, fromUtf8(await readAll(answer.body))]).toEqual([status, message]);
});

test('what cannot be watched is an answer, not a socket', async () => {
  const answer = await open('', { accept: 'application/yaml' });
  expect(answer.status).toBe(406);
  await readAll(answer.body);
});
