import { AsyncQueue, fromUtf8, readAll, silentLogger, utf8, type ByteStream, type Host, type HttpHandler, type HttpRequest, type HttpResponse, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { decodeChannel, encodeChannel, SpdyConnection, WebSocketConnection, type SpdyStream } from '@coxswain/streaming';
import { createSpdyCodec } from '@coxswain/streaming/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pageCodecs } from '../edge/page-codecs.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { httpRequest } from '../testing/test-server.ts';
import { proxyable } from './http-proxies.ts';

/** The node's address and HTTPS become a kubelet on loopback on the way out. */
const real = createRealHost(silentLogger);
const host: Host = {
  ...real,
  network: new Proxy(real.network, {
    get: (target, name) => name === 'fetch'
      ? (request: Parameters<Host['network']['fetch']>[0]) => { const { tls: _tls, ...rest } = request; return target.fetch({ ...rest, url: request.url.replace(/^https?:\/\/192\.0\.2\.\d+:/, 'http://127.0.0.1:') }); }
      : Reflect.get(target, name).bind(target),
  }),
};

let cluster: TestCluster;
let kubelet: Listener;
let answer: HttpHandler;
const seen: HttpRequest[] = [];

async function* chunks(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield new TextEncoder().encode(part);
}

beforeAll(async () => {
  kubelet = await real.network.serveHttp({ address: '127.0.0.1', port: 0 }, (request) => { seen.push(request); return answer(request); });
  cluster = await startTestCluster([{ spdyHeaderCodec: createSpdyCodec, pageCodecs }], host);
  await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'default' } } });
  await cluster.call('POST', '/api/v1/nodes', { body: { metadata: { name: 'n1' } } });
  const status = await cluster.call('PATCH', '/api/v1/nodes/n1/status', {
    body: { status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }], daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } } } }, headers: { 'content-type': 'application/merge-patch+json' },
  });
  expect(status.status, status.text).toBe(200);
  const pod = async (name: string, nodeName: string | undefined, containers: string[]): Promise<void> => {
    const made = await cluster.call('POST', '/api/v1/namespaces/default/pods', { body: { metadata: { name }, spec: { ...(nodeName === undefined ? {} : { nodeName }), containers: containers.map((one) => ({ name: one, image: 'i' })) } } });
    expect(made.status, made.text).toBe(201);
  };
  await pod('p', 'n1', ['c']);
  await pod('two', 'n1', ['a', 'b']);
  await pod('unbound', undefined, ['c']);
});
afterAll(async () => {
  await cluster.stop();
  await kubelet.close();
});

test('logs come from the kubelet as they are written', async () => {
  answer = () => Promise.resolve({ status: 200, headers: { 'content-type': 'text/plain' }, body: chunks('one\n', 'two\n') });
  const logs = await cluster.call('GET', '/api/v1/namespaces/default/pods/p/log?follow=true&tailLines=5&timestamps=false');
  expect(logs).toMatchObject({ status: 200, contentType: 'text/plain', text: 'one\ntwo\n' });
  expect(seen.at(-1)?.target).toBe('/containerLogs/default/p/c?follow=true&tailLines=5');
  expect(seen.at(-1)?.headers, 'the asker\'s token stays here').not.toHaveProperty('authorization');
});

test('the container must be said where there are several, and exist', async () => {
  const message = async (target: string): Promise<unknown> => (await cluster.call('GET', `/api/v1/namespaces/default/pods/${target}`)).json['message'];
  expect(await message('two/log')).toBe('a container name must be specified for pod two, choose one of: [a b]');
  expect(await message('two/log?container=x')).toBe('container x is not valid for pod two');
  expect(await message('missing/log')).toBe('pods "missing" not found');
  expect(await message('p/log?tailLines=-1')).toBe('PodLogOptions "p" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0');
});

test('a pod that runs nowhere has no logs', async () => {
  expect(await cluster.call('GET', '/api/v1/namespaces/default/pods/unbound/log')).toMatchObject({ status: 200, text: '' });
});

test('what the kubelet refuses is refused in its words', async () => {
  answer = () => Promise.resolve({ status: 400, headers: {}, body: chunks('container "c" in pod "p" is waiting to start: ContainerCreating') });
  const refused = await cluster.call('GET', '/api/v1/namespaces/default/pods/p/log');
  expect(refused.json).toMatchObject({ code: 400, reason: 'BadRequest', message: 'container "c" in pod "p" is waiting to start: ContainerCreating' });
});

test('exec becomes a tunnel of bytes with the kubelet\'s protocol', async () => {
  answer = (request) => Promise.resolve({
    status: 101, headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' },
    upgrade: (stream: ByteStream) => {
      void (async () => {
        for await (const chunk of stream.readable) await stream.write(new TextEncoder().encode(`${request.target} ${fromUtf8(chunk)}`));
        await stream.end();
      })();
    },
  });
  const base = httpRequest({ method: 'POST', target: '/api/v1/namespaces/default/pods/p/exec?command=ls&command=-l&stdin=true&stdout=true&tty=false', headers: { authorization: 'Bearer tok', upgrade: 'SPDY/3.1', connection: 'Upgrade' } });
  const response = await cluster.servers[0]?.handle({ ...base, upgradeRequested: true });
  expect(response?.status).toBe(101);
  expect(response?.headers).toMatchObject({ upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' });
  const written: Uint8Array[] = [];
  const ended = new Promise<void>((resolve) => {
    response?.upgrade?.({
      readable: chunks('hello'), peer: { address: 'client' }, destroy: () => undefined,
      write: (data) => { written.push(data); return Promise.resolve(); },
      end: () => { resolve(); return Promise.resolve(); },
    });
  });
  await ended;
  expect(fromUtf8(written[0] ?? new Uint8Array())).toBe('/exec/default/p/c?input=1&output=1&command=ls&command=-l hello');
});

function joined(): [ByteStream, ByteStream] {
  const [there, back] = [new AsyncQueue<Uint8Array>(), new AsyncQueue<Uint8Array>()];
  const end = (readable: AsyncQueue<Uint8Array>, writable: AsyncQueue<Uint8Array>): ByteStream => ({
    readable, peer: { address: 'test' }, destroy: () => { readable.end(); writable.end(); },
    write: (data) => { writable.push(data.slice()); return Promise.resolve(); },
    end: () => { writable.end(); return Promise.resolve(); },
  });
  return [end(there, back), end(back, there)];
}

async function upgraded(target: string, protocol: string): Promise<{ status: number | undefined; headers: unknown; socket: WebSocketConnection; client: ByteStream }> {
  const base = httpRequest({
    method: 'GET', target,
    headers: { authorization: 'Bearer tok', upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': protocol },
  });
  const response = await cluster.servers[0]?.handle({ ...base, upgradeRequested: true });
  const [near, far] = joined();
  response?.upgrade?.(near);
  return { status: response?.status, headers: response?.headers, socket: new WebSocketConnection(far, { role: 'client', random: real.random }), client: far };
}

/** A kubelet that knows SPDY only, and answers what it is told. */
async function spdyEcho(stream: ByteStream): Promise<void> {
  const spdy = new SpdyConnection(stream, 'server', createSpdyCodec());
  const streams = new Map<string, SpdyStream>();
  for await (const one of spdy.incoming) {
    streams.set(one.headers['streamtype']?.[0] ?? '', one);
    if (streams.size === 3) break;
  }
  const input = await readAll(streams.get('stdin')?.readable ?? chunks());
  await streams.get('stdout')?.write(utf8(`heard ${fromUtf8(input)}`));
  await streams.get('stdout')?.end();
  await streams.get('error')?.end();
}

test('exec over WebSocket v5 reaches a kubelet that speaks SPDY only', async () => {
  answer = (request) => Promise.resolve({
    status: 101, headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': request.headers['x-stream-protocol-version'] ?? '' },
    upgrade: (stream) => { spdyEcho(stream).catch(() => stream.destroy()); },
  });
  const protocol = 'v5.channel.k8s.io';
  const { status, headers, socket } = await upgraded('/api/v1/namespaces/default/pods/p/exec?command=cat&stdin=true&stdout=true', protocol);
  expect(status).toBe(101);
  // RFC 6455's own example of key and answer.
  expect(headers).toMatchObject({ 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'sec-websocket-protocol': protocol });
  const stdin = encodeChannel(protocol, 'stdin', utf8('hello'));
  await socket.send(stdin.data, stdin.type);
  await socket.send(new Uint8Array([255, 0]), 'binary');
  const heard: Record<string, string> = {};
  for await (const message of socket.messages()) {
    const decoded = decodeChannel(protocol, message);
    if (decoded?.kind === 'data') heard[decoded.channel] = (heard[decoded.channel] ?? '') + fromUtf8(decoded.data);
  }
  expect(heard).toMatchObject({ stdout: 'heard hello', error: '{"metadata":{},"status":"Success"}' });
  expect(seen.at(-1)).toMatchObject({ method: 'POST', target: '/exec/default/p/c?input=1&output=1&command=cat' });
});

test('port-forward over WebSocket carries the SPDY bytes as they are', async () => {
  answer = () => Promise.resolve({
    status: 101, headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
    upgrade: (stream) => { void (async () => { for await (const chunk of stream.readable) await stream.write(chunk.toReversed()); })(); },
  });
  const { status, headers, socket } = await upgraded('/api/v1/namespaces/default/pods/p/portforward', 'SPDY/3.1+portforward.k8s.io');
  expect(status).toBe(101);
  expect(headers).toMatchObject({ 'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io' });
  await socket.send(new Uint8Array([1, 2, 3]), 'binary');
  for await (const message of socket.messages()) {
    expect([...message.data]).toEqual([3, 2, 1]);
    break;
  }
  expect(seen.at(-1)?.target).toBe('/portForward/default/p');
});

test.each([['binary.k8s.io', 'one\n'], ['base64.binary.k8s.io', 'b25lCg==']])('logs over WebSocket by %s: an empty message, then what was written', async (protocol, text) => {
  answer = () => Promise.resolve({ status: 200, headers: {}, body: chunks('one\n') });
  const { status, headers, socket } = await upgraded('/api/v1/namespaces/default/pods/p/log?container=c', protocol);
  expect(status).toBe(101);
  expect(headers).toMatchObject({ 'sec-websocket-protocol': protocol });
  const got: string[] = [];
  for await (const message of socket.messages()) got.push(fromUtf8(message.data));
  expect(got).toEqual(['', text]);
});

/** Logs that go on for ever, and when the kubelet's listener sees that nobody reads them any more. */
function followed(): { readonly gone: Promise<void> } {
  const written = new AsyncQueue<Uint8Array>();
  const gone = new Promise<void>((resolve) => {
    answer = (request) => {
      request.signal.addEventListener('abort', () => { written.end(); resolve(); });
      written.push(utf8('one\n'));
      return Promise.resolve({ status: 200, headers: {}, body: written });
    };
  });
  return { gone };
}

const leaving: Readonly<Record<string, (socket: WebSocketConnection, client: ByteStream) => unknown>> = {
  'closes its socket': (socket) => socket.close(1000),
  'is gone without a word': (_socket, client) => { client.destroy(); },
};
for (const [how, leave] of Object.entries(leaving)) {
  test(`logs that a client follows over WebSocket are not read from the kubelet any more once it ${how}`, async () => {
    const { gone } = followed();
    const { status, socket, client } = await upgraded('/api/v1/namespaces/default/pods/p/log?follow=true', 'binary.k8s.io');
    expect(status).toBe(101);
    for await (const message of socket.messages()) if (fromUtf8(message.data) === 'one\n') break;
    await leave(socket, client);
    await gone;
  });
}

test('logs for a WebSocket of another protocol are not read', async () => {
  const { gone } = followed();
  expect((await upgraded('/api/v1/namespaces/default/pods/p/log?follow=true', 'v4.channel.k8s.io')).status).toBe(403);
  await gone;
});

test('a kubelet that refuses exec is heard before the socket opens', async () => {
  answer = () => Promise.resolve({ status: 500, headers: {}, body: chunks('container not found ("c")') });
  const response = await upgraded('/api/v1/namespaces/default/pods/p/exec?command=ls&stdout=true', 'v5.channel.k8s.io');
  expect(response.status).toBe(500);
});

test('exec without an upgrade, a command or a node is a bad request', async () => {
  const message = async (target: string): Promise<unknown> => (await cluster.call('POST', `/api/v1/namespaces/default/pods/${target}`)).json['message'];
  expect(await message('p/exec?command=ls')).toBe('Upgrade request required');
  expect(await message('p/exec')).toBe('you must specify at least one command for the container');
  expect(await message('unbound/exec?command=ls')).toBe('pod unbound does not have a host assigned');
});

test('a node\'s own pages are reached through the node proxy, bodies and status as they are', async () => {
  answer = async (request) => ({ status: 418, headers: { 'x-a': 'b' }, body: chunks(request.method, ' ', request.target, ' ', fromUtf8(await readAll(request.body))) });
  const proxied = await cluster.call('POST', '/api/v1/nodes/n1/proxy/configz?a=b%20c', { body: { q: 1 } });
  expect(proxied).toMatchObject({ status: 418, text: 'POST /configz?a=b%20c {"q":1}' });
});

test('pages and redirects from behind the proxy lead through it again, and open nothing to other origins', async () => {
  const pageOf = (target: string): HttpResponse => ({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8', 'access-control-allow-origin': '*' }, body: chunks('<a hr', 'ef="/x">', target, '</a>') });
  answer = ({ target }) => Promise.resolve(target.startsWith('/away') ? { status: 302, headers: { location: '/login?next=a' } } : pageOf(target));
  const page = await cluster.call('GET', '/api/v1/nodes/n1/proxy/a/b%20c');
  expect(page).toMatchObject({ status: 200, text: '<a href="/api/v1/nodes/n1/proxy/x">/a/b%20c</a>' });
  expect(page.response.headers).not.toHaveProperty('access-control-allow-origin');
  expect(seen.at(-1)?.headers).toMatchObject({ 'x-forwarded-uri': '/api/v1/nodes/n1/proxy/a/b%20c', 'x-forwarded-for': expect.stringMatching(/^[0-9.]+$/) });
  const moved = await cluster.call('GET', '/api/v1/nodes/n1/proxy/away');
  expect([moved.status, moved.response.headers['location']]).toEqual([302, '/api/v1/nodes/n1/proxy/login?next=a']);
});

test('a compressed page is one after it, too', async () => {
  const packed = new Blob(['<a href="/x">x</a>']).stream().pipeThrough(new CompressionStream('gzip'));
  answer = () => Promise.resolve({ status: 200, headers: { 'content-type': 'text/html', 'content-encoding': 'gzip' }, body: packed });
  const page = await cluster.servers[0]?.handle(httpRequest({ method: 'GET', target: '/api/v1/nodes/n1/proxy/', headers: { authorization: 'Bearer tok' } }));
  expect(page?.headers).toMatchObject({ 'content-encoding': 'gzip' });
  const plain = ReadableStream.from(page?.body as AsyncIterable<Uint8Array<ArrayBuffer>>).pipeThrough(new DecompressionStream('gzip'));
  expect(await new Response(plain).text()).toBe('<a href="/api/v1/nodes/n1/proxy/x">x</a>');
});

test.each(['127.0.0.1', '::ffff:127.0.0.1', '127.0.00.01'])('the server is no way into its own loopback as %s', async (podIP) => {
  const set = await cluster.call('PATCH', '/api/v1/namespaces/default/pods/p/status', { body: { status: { podIP, podIPs: [{ ip: podIP }] } }, headers: { 'content-type': 'application/merge-patch+json' } });
  expect(set.status, set.text).toBe(200);
  await cluster.seen('', 'pods', 'default', 'p');
  const before = seen.length;
  const refused = await cluster.call('GET', `/api/v1/namespaces/default/pods/p:${kubelet.port}/proxy/`);
  expect(refused.json).toMatchObject({ code: 400, message: 'address not allowed' });
  expect(seen.length).toBe(before);
});

/** Go takes zeros in front as decimal, a URL as octal: 0177.0.0.1 would be the loopback. */
test.each([['0177.0.0.1', '177.0.0.1'], ['::ffff:0177.0.0.1', '177.0.0.1'], ['0251.0254.0251.0254', '251.254.251.254'], ['010.0.0.1', '10.0.0.1']])('an address that is written %s is asked as %s', (written, asked) => {
  expect(proxyable(written)).toBe(asked);
});

test('ports that are none, and addresses that are no pod\'s, are answered as upstream answers them', async () => {
  const base = '/api/v1/namespaces/default';
  const merge = { 'content-type': 'application/merge-patch+json' };
  const refusal = async (target: string): Promise<unknown> => { const { status, json } = await cluster.call('GET', `${base}/${target}`); return [status, json['message']]; };
  await cluster.call('PATCH', `${base}/pods/two/status`, { body: { status: { podIP: '192.0.2.20', podIPs: [{ ip: '192.0.2.20' }] } }, headers: merge });
  expect(await refusal('pods/two:99999/proxy/')).toEqual([503, 'error trying to reach service: dial tcp: address 99999: invalid port']);
  expect(await refusal('pods/two:abc/proxy/')).toEqual([400, 'invalid pod request "two:abc"']);
  expect(await refusal('pods/two:-1/proxy/')).toEqual([400, 'invalid pod request "two:-1"']);
  await cluster.call('POST', `${base}/services`, { body: { metadata: { name: 'web' }, spec: { ports: [{ name: 'http', port: 80 }] } } });
  const subsets = (targetRef?: object) => [{ addresses: [{ ip: '192.0.2.20', ...(targetRef === undefined ? {} : { targetRef }) }], ports: [{ name: 'http', port: kubelet.port }] }];
  await cluster.call('POST', `${base}/endpoints`, { body: { metadata: { name: 'web' }, subsets: subsets() } });
  expect(await refusal('services/web:http/proxy/')).toEqual([503, 'no endpoints available for service "web:http"']);
  for (const ref of [{ kind: 'Pod', namespace: 'default', name: 'p' }, { kind: 'Pod', namespace: 'kube-system', name: 'two' }]) {
    await cluster.call('PATCH', `${base}/endpoints/web`, { body: { subsets: subsets(ref) }, headers: merge });
    expect(await refusal('services/web:http/proxy/')).toEqual([503, 'no endpoints available for service "web:http"']);
  }
  await cluster.call('PATCH', `${base}/endpoints/web`, { body: { subsets: subsets({ kind: 'Pod', namespace: 'default', name: 'two' }) }, headers: merge });
  answer = (request) => Promise.resolve({ status: 200, headers: {}, body: utf8(request.target) });
  expect((await cluster.call('GET', `${base}/services/web:http/proxy/a%2Fb?c=%2F`)).text).toBe('/a/b?c=%2F');
  expect((await cluster.call('GET', `${base}/services/:web:80/proxy/x`)).text).toBe('/x');
  // Its only port has a name.
  expect(await refusal('services/web/proxy/x')).toEqual([503, 'no endpoints available for service "web"']);
  expect(await refusal('services/web:81/proxy/x')).toEqual([503, 'no service port 81 found for service "web"']);
  expect(await refusal('services/web:abc/proxy/x')).toEqual([503, 'no endpoints available for service "web:abc"']);
  expect((await cluster.call('GET', `${base}/services/web:http/proxy?a=b`)).status).toBe(301);
  expect((await cluster.call('POST', `${base}/services/web:http/proxy?a=b`, { body: {} })).text).toBe('/?a=b');
});
