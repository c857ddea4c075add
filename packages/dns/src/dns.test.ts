import { Resolver } from 'node:dns/promises';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { createClient } from '@coxswain/client';
import { FakeApiServer, type FakeObject } from '@coxswain/client/testing';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import packet, { type Packet } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Forwarder } from './forward/forwarder.ts';
import { startDns, type RunningDns } from './start.ts';
import { decodeQuery, frame, unframe } from './wire/message.ts';

/** A real host; only the resolvers' port 53 is another one here, where the fake resolver listens. */
const host = createRealHost(silentLogger);
const directory = mkdtempSync('/tmp/cox-dns-');
const api = new FakeApiServer(host);
const upstreamNames: Readonly<Record<string, string>> = { 'www.example.com': '192.0.2.80', 'fresh.example.com': '192.0.2.81' };
const upstreamAsked: string[] = [];
let upstreamUdp = createSocket('udp4');
const upstreamTcp: Server = createServer((socket) => {
  void (async () => {
    for await (const message of unframe(socket)) socket.write(frame(upstreamAnswer(message)));
  })().catch(() => socket.destroy());
});
let dns: RunningDns;
let resolver: Resolver;

function upstreamAnswer(bytes: Uint8Array): Buffer {
  const query = packet.decode(Buffer.from(bytes));
  const [question] = query.questions ?? [];
  upstreamAsked.push(question?.name ?? '');
  const address = upstreamNames[question?.name.toLowerCase() ?? ''];
  return packet.encode({
    type: 'response', id: query.id ?? 0, questions: query.questions ?? [], flags: packet.RECURSION_AVAILABLE | (address === undefined ? 3 : 0),
    answers: address === undefined || question?.type !== 'A' ? [] : [{ type: 'A', name: question.name, ttl: 60, data: address }],
  });
}

function put(resource: string, object: unknown, group = ''): void {
  const { metadata } = object as FakeObject;
  api.store.create({ group, resource, namespace: metadata.namespace ?? '' }, object as FakeObject);
}

function putSlice(service: string, endpoints: readonly { ip: string; hostname?: string; ready?: boolean }[]): void {
  put('endpointslices', {
    metadata: { name: `${service}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': service } }, addressType: 'IPv4',
    ports: [{ name: 'peer', protocol: 'TCP', port: 7000 }],
    endpoints: endpoints.map(({ ip, hostname, ready = true }) => ({ addresses: [ip], conditions: { ready }, ...(hostname === undefined ? {} : { hostname }) })),
  }, 'discovery.k8s.io');
}

async function ask(name: string, type: string, edns?: number): Promise<Packet> {
  const socket = createSocket('udp4');
  const answer = new Promise<Packet>((resolve) => socket.once('message', (data) => resolve(packet.decode(data))));
  const additionals = edns === undefined ? [] : [{ type: 'OPT' as const, name: '.', udpPayloadSize: edns, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }];
  socket.send(packet.encode({ type: 'query', id: 7, flags: packet.RECURSION_DESIRED, questions: [{ name, type: type as 'A' }], additionals }), dns.udpPorts[0] as number, '127.0.0.1');
  const response = await answer;
  socket.close();
  return response;
}

/** A port that is free for UDP may be somebody's for TCP. */
async function bindBoth(): Promise<void> {
  for (;;) {
    upstreamUdp.bind(0, '127.0.0.1');
    await once(upstreamUdp, 'listening');
    upstreamTcp.listen(upstreamUdp.address().port, '127.0.0.1');
    if (await once(upstreamTcp, 'listening').then(() => true, () => false)) return;
    upstreamUdp.close();
    upstreamUdp = createSocket('udp4');
  }
}

beforeAll(async () => {
  put('namespaces', { metadata: { name: 'default' } });
  put('services', { metadata: { name: 'web', namespace: 'default' }, spec: { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5', 'fd00::5'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] } });
  put('services', { metadata: { name: 'db', namespace: 'default' }, spec: { clusterIP: 'None', ports: [{ name: 'peer', port: 7000, protocol: 'TCP' }] } });
  put('services', { metadata: { name: 'big', namespace: 'default' }, spec: { clusterIP: 'None' } });
  put('services', { metadata: { name: 'outside', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'www.example.com' } });
  put('services', { metadata: { name: 'alias', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' } });
  putSlice('db', [{ ip: '10.1.0.1', hostname: 'db-0' }, { ip: '10.1.0.2', hostname: 'db-1' }, { ip: '10.1.0.3', ready: false }]);
  putSlice('big', Array.from({ length: 100 }, (_, i) => ({ ip: `10.2.0.${i + 1}` })));
  const apiListener = await host.network.serveHttp({ address: '127.0.0.1', port: 0 }, api.handler);
  await bindBoth();
  upstreamUdp.on('message', (data, from) => upstreamUdp.send(upstreamAnswer(data), from.port, from.address));
  writeFileSync(`${directory}/resolv.conf`, '# written by a test\nsearch example.com\nnameserver 127.0.0.1\noptions ndots:2\n');
  dns = await startDns({ clusterDomain: 'cluster.local', addresses: ['127.0.0.1'], port: 0, resolvConf: `${directory}/resolv.conf`, ttlSeconds: 5 }, rerouted(), createClient(host, { server: `http://127.0.0.1:${apiListener.port}`, userAgent: 'test' }));
  resolver = new Resolver({ tries: 1, timeout: 3000 });
  resolver.setServers([`127.0.0.1:${dns.udpPorts[0]}`]);
  while (dns.ready() !== undefined) await host.timers.sleep(5);
});

/** Port 53 leads to the fake resolver. */
function rerouted(): typeof host {
  const { network } = host;
  return { ...host, network: {
    ...network,
    dial: (address, port, options) => network.dial(address, port === 53 ? upstreamUdp.address().port : port, options),
    async bindDatagram(options) {
      const socket = await network.bindDatagram(options);
      const messages = (async function* () {
        for await (const message of socket.messages) yield message.port === upstreamUdp.address().port ? { ...message, port: 53 } : message;
      })();
      return { ...socket, messages, send: (data, address, port) => socket.send(data, address, port === 53 ? upstreamUdp.address().port : port) };
    },
  } };
}

afterAll(async () => {
  await dns.stop();
  upstreamUdp.close();
  upstreamTcp.close();
  rmSync(directory, { recursive: true });
});

test('a service has its cluster addresses', async () => {
  expect(await resolver.resolve4('web.default.svc.cluster.local')).toEqual(['10.96.0.5']);
  expect(await resolver.resolve6('web.default.svc.cluster.local')).toEqual(['fd00::5']);
  expect(await resolver.resolve4('WEB.Default.svc.Cluster.Local')).toEqual(['10.96.0.5']);
});

test('a headless service has its ready endpoints, each with a name of its own', async () => {
  expect((await resolver.resolve4('db.default.svc.cluster.local')).toSorted()).toEqual(['10.1.0.1', '10.1.0.2']);
  expect(await resolver.resolve4('db-1.db.default.svc.cluster.local')).toEqual(['10.1.0.2']);
  await expect(resolver.resolve4('db-9.db.default.svc.cluster.local')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

test('ports by SRV, with the addresses in the same message', async () => {
  expect(await resolver.resolveSrv('_http._tcp.web.default.svc.cluster.local')).toEqual([{ type: 'SRV', name: 'web.default.svc.cluster.local', port: 80, priority: 0, weight: 100 }]);
  const peers = await resolver.resolveSrv('_peer._tcp.db.default.svc.cluster.local');
  expect(peers.map(({ name, port }) => `${name}:${port}`).toSorted()).toEqual(['db-0.db.default.svc.cluster.local:7000', 'db-1.db.default.svc.cluster.local:7000']);
  const { additionals } = await ask('_peer._tcp.db.default.svc.cluster.local', 'SRV', 1232);
  expect(additionals?.filter(({ type }) => type === 'A').map((record) => ('data' in record ? record.data : '')).toSorted()).toEqual(['10.1.0.1', '10.1.0.2']);
});

test('addresses have names', async () => {
  expect(await resolver.reverse('10.96.0.5')).toEqual(['web.default.svc.cluster.local']);
  expect(await resolver.reverse('10.1.0.1')).toEqual(['db-0.db.default.svc.cluster.local']);
});

test('pods have the names of their addresses', async () => {
  expect(await resolver.resolve4('10-1-2-3.default.pod.cluster.local')).toEqual(['10.1.2.3']);
  await expect(resolver.resolve4('10-1-2-3.nowhere.pod.cluster.local')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  await expect(resolver.resolve4('10-1-2-300.default.pod.cluster.local')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

test('an external name is followed, inside the cluster and outside', async () => {
  expect(await resolver.resolve4('alias.default.svc.cluster.local')).toEqual(['10.96.0.5']);
  expect(await resolver.resolve4('outside.default.svc.cluster.local')).toEqual(['192.0.2.80']);
  expect(await resolver.resolveCname('outside.default.svc.cluster.local')).toEqual(['www.example.com']);
});

test('no such name and no such record are told apart, both with the SOA', async () => {
  const missing = await ask('nobody.default.svc.cluster.local', 'A');
  expect([missing.flags !== undefined && missing.flags & 15, missing.authorities?.[0]?.type, missing.answers]).toEqual([3, 'SOA', []]);
  const empty = await ask('web.default.svc.cluster.local', 'MX');
  expect([empty.flags !== undefined && empty.flags & 15, empty.authorities?.[0]?.type, empty.answers]).toEqual([0, 'SOA', []]);
  const namespace = await ask('default.svc.cluster.local', 'A');
  expect((namespace.flags ?? 0) & 15).toBe(0);
  const unknownType = await ask('web.default.svc.cluster.local', 'UNKNOWN_65');
  expect((unknownType.flags ?? 0) & 15).toBe(0);
});

test('an answer that is too long for UDP says so, fits more with EDNS, and comes whole by TCP', async () => {
  const plain = await ask('big.default.svc.cluster.local', 'A');
  const edns = await ask('big.default.svc.cluster.local', 'A', 4096);
  expect([plain, edns].map(({ flags = 0 }) => flags & packet.TRUNCATED_RESPONSE)).toEqual([packet.TRUNCATED_RESPONSE, packet.TRUNCATED_RESPONSE]);
  expect(edns.answers?.length).toBeGreaterThan(plain.answers?.length ?? 0);
  expect(edns.additionals?.map(({ type }) => type)).toEqual(['OPT']);
  const stream = await host.network.dial('127.0.0.1', dns.tcpPorts[0] as number);
  await stream.write(frame(packet.encode({ type: 'query', id: 9, questions: [{ name: 'big.default.svc.cluster.local', type: 'A' }] })));
  for await (const message of unframe(stream.readable)) {
    expect(packet.decode(Buffer.from(message)).answers).toHaveLength(100);
    break;
  }
  stream.destroy();
});

test('other names go to the resolvers of resolv.conf, once while the answer is fresh', async () => {
  // Not by the resolver above, which has a cache of its own.
  for (const name of ['fresh.example.com', 'FRESH.example.com']) {
    const { answers } = await ask(name, 'A');
    expect(answers).toMatchObject([{ type: 'A', data: '192.0.2.81' }]);
  }
  expect(((await ask('no.example.com', 'A')).flags ?? 0) & 15).toBe(3);
  expect(upstreamAsked.filter((name) => name.toLowerCase() === 'fresh.example.com')).toHaveLength(1);
});

test('changes are seen', async () => {
  put('services', { metadata: { name: 'late', namespace: 'default' }, spec: { clusterIP: '10.96.0.77', ports: [{ port: 80 }] } });
  let seen: string[] = [];
  while (seen.length === 0) seen = await resolver.resolve4('late.default.svc.cluster.local').catch(() => []);
  expect(seen).toEqual(['10.96.0.77']);
});

test('garbage is refused or ignored, and nothing breaks', async () => {
  const refused = (bytes: Uint8Array): string => decodeQuery(bytes).kind;
  expect(refused(new Uint8Array(5))).toBe('ignored');
  expect(refused(Uint8Array.from([0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0]))).toBe('ignored');
  expect(refused(Uint8Array.from([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63]))).toBe('refused');
  expect(refused(Uint8Array.from([0, 1, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0]))).toBe('refused');
  // A name that points at itself.
  expect(refused(Uint8Array.from([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1]))).toBe('refused');
  expect(await resolver.resolve4('web.default.svc.cluster.local')).toEqual(['10.96.0.5']);
});

test('without a resolver other names fail and do not hang', async () => {
  const forwarder = new Forwarder(host, { resolvConf: `${directory}/none`, own: new Set() });
  const decoded = decodeQuery(packet.encode({ type: 'query', id: 1, questions: [{ name: 'x.example', type: 'A' }] }));
  expect(decoded.kind === 'query' ? await forwarder.ask(decoded.query, 'udp') : 'not a query').toBeUndefined();
});
