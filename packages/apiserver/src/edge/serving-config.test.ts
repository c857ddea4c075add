import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as http2 from 'node:http2';
import * as tls from 'node:tls';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { silentLogger, type HeaderMap, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { Http2Server, serveHandler } from '@coxswain/http2';
import { parseFlags, type FlagValues } from '@coxswain/service';
import { afterAll, expect, test } from 'vitest';
import { authoritiesOf } from '../authn/authorities.ts';
import { ClientIdentities } from './client-identities.ts';
import { flags } from './flags.ts';
import { features, followTls, servingConfig, servingTls } from './serving-config.ts';
import { storageConfig } from './storage-config.ts';
import { Trust } from './trust.ts';

const host = createRealHost(silentLogger);
const directory = mkdtempSync(join(tmpdir(), 'serving-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** As a rotation does it: the new file takes the old one's place at once. */
function put(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return path;
}

async function certificate(file: string, name: string): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned({ name: `CN=${name}`, keys, signingAlgorithm: algorithm, extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])] });
  const key = put(`${file}.key`, x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'));
  return { key, cert: put(`${file}.crt`, made.toString('pem')) };
}

function values(...args: readonly string[]): FlagValues {
  return parseFlags(flags, args);
}

/** The name in the certificate that the server shows, and what was agreed on; or why not. */
function handshake(listener: Listener, options: tls.ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = tls.connect({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      resolve(`${socket.getPeerCertificate().subject.CN as string} ${socket.getProtocol() ?? ''} ${socket.getCipher().name}`);
      socket.destroy();
    });
    socket.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
  });
}

test('versions, suites, certificates by name, and new ones without a restart', async () => {
  const main = await certificate('main', 'main.example');
  const other = await certificate('other', 'other.example');
  const third = await certificate('third', 'unused.example');
  const given = values(`--tls-cert-file=${main.cert}`, `--tls-private-key-file=${main.key}`, '--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    `--tls-sni-cert-key=${other.cert},${other.key}`, `--tls-sni-cert-key=${third.cert},${third.key}:*.third.example,third.example`);
  const listener = await host.network.serveHttp({ address: '127.0.0.1', port: 0, tls: servingTls(given) }, () => Promise.resolve({ status: 200, headers: {} }));
  expect(await handshake(listener, { maxVersion: 'TLSv1.2' })).toBe('main.example TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384');
  expect(await handshake(listener, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).toMatch(/^ERR_SSL/);
  expect(await handshake(listener, { servername: 'other.example' })).toMatch(/^other\.example /);
  expect(await handshake(listener, { servername: 'a.third.example' })).toMatch(/^unused\.example /);
  expect(await handshake(listener, { servername: 'else.example' })).toMatch(/^main\.example TLSv1\.3/);
  let told = (): void => {};
  const updated = new Promise<void>((resolve) => { told = resolve; });
  const stop = followTls(given, { updateTls: (next) => { listener.updateTls(next); told(); } }, host, { trust: new Trust(given, host.crypto), identities: new ClientIdentities(given) });
  await certificate('main', 'renewed.example');
  await updated;
  expect(await handshake(listener)).toMatch(/^renewed\.example /);
  put('main.crt', 'nonsense');
  expect(await handshake(listener)).toMatch(/^renewed\.example /);
  stop();
  await listener.close();
  const strict = await host.network.serveHttp({ address: '127.0.0.1', port: 0, tls: servingTls(values(`--tls-cert-file=${other.cert}`, `--tls-private-key-file=${other.key}`, '--tls-min-version=VersionTLS13')) }, () => Promise.resolve({ status: 200, headers: {} }));
  expect(await handshake(strict, { maxVersion: 'TLSv1.2' })).toMatch(/^ERR_SSL/);
  await strict.close();
});

test('an authority that is withdrawn vouches for nobody any more, on connections that are open too', async () => {
  const [main, first, second] = [await certificate('t', 't.example'), await certificate('ca1', 'ca1'), await certificate('ca2', 'ca2')];
  const given = values(`--tls-cert-file=${main.cert}`, `--tls-private-key-file=${main.key}`, `--client-ca-file=${first.cert}`, `--requestheader-client-ca-file=${first.cert}`);
  const trust = new Trust(given, host.crypto);
  const [old = ''] = authoritiesOf(host.crypto, readFileSync(first.cert, 'utf8'));
  const [next = ''] = authoritiesOf(host.crypto, readFileSync(second.cert, 'utf8'));
  let told = (): void => {};
  const updated = new Promise<void>((resolve) => { told = resolve; });
  const stop = followTls(given, { updateTls: () => told() }, host, { trust, identities: new ClientIdentities(given) });
  put('ca1.crt', 'nonsense');
  put('ca1.crt', readFileSync(second.cert, 'utf8'));
  await updated;
  expect([trust.clients.has(old), trust.proxies.has(old), trust.clients.has(next), trust.proxies.has(next)]).toEqual([false, false, true, true]);
  expect(trust.info.clientCaPem, 'extension servers are told').toBe(readFileSync(second.cert, 'utf8'));
  put('ca1.crt', 'nonsense');
  expect(() => trust.reload()).toThrow(`--client-ca-file: ${first.cert}: data does not contain any valid RSA or ECDSA certificates`);
  expect(trust.clients.has(next)).toBe(true);
  stop();
});

test('who the server is to kubelets and aggregated servers follows its files; while they say the same it is one object', async () => {
  const [main, kubelet, proxy] = [await certificate('m', 'm.example'), await certificate('kubelet-client', 'a'), await certificate('proxy', 'b')];
  const given = values(`--tls-cert-file=${main.cert}`, `--tls-private-key-file=${main.key}`, `--kubelet-client-certificate=${kubelet.cert}`, `--kubelet-client-key=${kubelet.key}`, `--proxy-client-cert-file=${proxy.cert}`, `--proxy-client-key-file=${proxy.key}`);
  const identities = new ClientIdentities(given);
  const before = [identities.kubelet(), identities.proxy()];
  expect(identities.reload()).toBe(false);
  expect([identities.kubelet(), identities.proxy()].every((one, index) => one === before[index])).toBe(true);
  let log = host.log;
  const loaded = new Promise<void>((resolve) => { log = { ...host.log, info: (message) => { if (message === 'The client certificates were loaded again') resolve(); } }; });
  const stop = followTls(given, { updateTls: () => undefined }, { ...host, log }, { trust: new Trust(given, host.crypto), identities });
  await certificate('proxy', 'c');
  await loaded;
  stop();
  identities.reload();
  expect(identities.proxy()).toEqual({ certPem: readFileSync(proxy.cert, 'utf8'), keyPem: readFileSync(proxy.key, 'utf8') });
  expect(identities.kubelet()).toBe(before[0]);
});

test.each([
  ['--goaway-chance=0.5', '--goaway-chance can not be less than 0 or greater than 0.02'],
  ['--cors-allowed-origins=example.com', 'does not pin to start/end of host'],
  ['--cors-allowed-origins=^(a$', '--cors-allowed-origins has an invalid regular expression'],
  ['--strict-transport-security-directives=preload', 'max-age is a required directive'],
  ['--strict-transport-security-directives=max-age=x', 'invalid value max-age=x'],
  ['--emulated-version=kube=1.31', '--emulated-version: kube=1.31 is not 1.32'],
  ['--feature-gates=foo:WatchList=true', '--feature-gates: component not registered: foo'],
  ['--feature-gates=kube:Nope=true', '--feature-gates: unrecognized feature gate: Nope'],
  ['--show-hidden-metrics-for-version=1.30', '--show-hidden-metrics-for-version must be omitted or have the value \'1.31\'. Only the previous minor version is allowed'],
  ['--enable-garbage-collector=false', '--enable-garbage-collector=false is not built'],
  ['--feature-gates=WatchList=false', '--feature-gates: WatchList=false is not built'],
  ['--feature-gates=MutatingAdmissionPolicy=true', '--feature-gates: MutatingAdmissionPolicy=true needs --runtime-config=admissionregistration.k8s.io/v1alpha1=true'],
  ['--runtime-config=a.example/v1=true', '--runtime-config: unknown api groups a.example'],
])('%s is refused', (flag, message) => {
  expect(() => servingConfig(values(flag))).toThrow(message);
});

test.each([
  ['--etcd-servers-overrides=events#http://a:1', '--etcd-servers-overrides invalid, must be of format: group/resource#servers, where servers are URLs, semicolon separated'],
  ['--etcd-servers-overrides=/events', '--etcd-servers-overrides invalid, must be of format: group/resource#servers, where servers are URLs, semicolon separated'],
  ['--storage-backend=etcd2', '--storage-backend invalid, allowed values: etcd3. If not specified, it will default to \'etcd3\''],
  ['--storage-media-type=text/plain', '--storage-media-type "text/plain" invalid, allowed values: application/json, application/vnd.kubernetes.protobuf, application/yaml'],
  ['--storage-media-type=application/yaml', '--storage-media-type: application/yaml is not built'],
  ['--watch-cache=false', '--watch-cache=false is not built'],
  ['--watch-cache-sizes=events#0', '--watch-cache-sizes: events#0: a resource without a watch cache is not built'],
])('%s is refused', (flag, message) => {
  expect(() => storageConfig(values('--etcd-servers=http://127.0.0.1:1', flag), host)).toThrow(message);
});

test('without HTTP/2 none is offered', async () => {
  const pair = await certificate('h1', 'h1.example');
  const at = { address: '127.0.0.1', port: 0, tls: servingTls(values(`--tls-cert-file=${pair.cert}`, `--tls-private-key-file=${pair.key}`)) };
  const offered = async (http1Only: boolean): Promise<string | false | null> => {
    const listener = await host.network.serveHttp({ ...at, http1Only }, () => Promise.resolve({ status: 200, headers: {} }));
    const socket = tls.connect({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] });
    await once(socket, 'secureConnect');
    const chosen = socket.alpnProtocol;
    socket.destroy();
    await listener.close();
    return chosen;
  };
  expect([await offered(true), await offered(false)]).toEqual(['http/1.1', 'h2']);
});

test('two servers share a port where both say so', async () => {
  const answer = () => Promise.resolve({ status: 200, headers: {} });
  const first = await host.network.serveHttp({ address: '127.0.0.1', port: 0, reusePort: true }, answer);
  const second = await host.network.serveHttp({ address: '127.0.0.1', port: first.port, reusePort: true }, answer);
  await expect(host.network.serveHttp({ address: '127.0.0.1', port: first.port }, answer)).rejects.toThrow();
  await Promise.all([first.close(), second.close()]);
});

test('what is accepted', () => {
  const config = servingConfig(values('--cors-allowed-origins=^https://(a|b)\\.example(:\\d+)?$', '--emulated-version=kube=1.32', '--feature-gates=WatchList=true', '--runtime-config=api/all=true,batch/v1=false', '--min-request-timeout=60', '--logging-format=json'));
  expect(['https://a.example', 'https://b.example:8443', 'https://a.example.evil', 'http://a.example'].map((origin) => config.httpPolicy?.isOriginAllowed(origin))).toEqual([true, true, false, false]);
  expect([config.minRequestTimeoutSeconds, config.isServed?.('batch', 'v1'), config.isServed?.('apps', 'v1')]).toEqual([60, false, true]);
});

test('policies that change objects are on if both of their flags are', () => {
  const both = values('--feature-gates=MutatingAdmissionPolicy=true', '--runtime-config=admissionregistration.k8s.io/v1alpha1=true');
  expect([features(both).mutatingAdmissionPolicy, servingConfig(both).isServed?.('admissionregistration.k8s.io', 'v1alpha1'), servingConfig(both).isServed?.('admissionregistration.k8s.io', 'v1beta1')]).toEqual([true, true, false]);
  expect(features(values('--runtime-config=api/all=true')).mutatingAdmissionPolicy).toBe(false);
});

test('allocation of devices is on if it is said, and served where it is said', () => {
  const given = values('--feature-gates=DynamicResourceAllocation=true', '--runtime-config=resource.k8s.io/v1beta1=true');
  expect([[...features(given).features ?? []], servingConfig(given).isServed?.('resource.k8s.io', 'v1beta1'), servingConfig(given).isServed?.('resource.k8s.io', 'v1alpha3')]).toEqual([['DynamicResourceAllocation'], true, false]);
  expect([[...features(values()).features ?? []], servingConfig(values()).isServed?.('resource.k8s.io', 'v1beta1')]).toEqual([[], false]);
});

test('a client on HTTP/2 that is told to go elsewhere still gets its answer', async () => {
  const headersOf = (target: string): HeaderMap => (target === '/leave' ? { connection: 'close' } : {});
  const handler = serveHandler((request) => Promise.resolve({ status: 200, headers: headersOf(request.target), body: new TextEncoder().encode('here') }), silentLogger);
  const server = new Http2Server({ clock: host.clock, timers: host.timers, log: silentLogger, onStream: handler });
  const listener = await host.network.serveHttp({ address: '127.0.0.1', port: 0, http2: server }, () => Promise.resolve({ status: 500, headers: {} }));
  const session = http2.connect(`http://127.0.0.1:${listener.port}`);
  const goaway = new Promise<void>((resolve) => { session.on('goaway', () => resolve()); });
  const get = (path: string): Promise<string> => new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    let text = '';
    let connection: unknown;
    stream.setEncoding('utf8');
    stream.on('response', (headers) => { ({ connection } = headers); });
    stream.on('data', (chunk: string) => { text += chunk; });
    stream.on('end', () => resolve(`${text} ${String(connection)}`));
    stream.on('error', reject);
  });
  expect(await get('/stay')).toBe('here undefined');
  expect(await get('/leave')).toBe('here undefined');
  await goaway;
  session.close();
  await listener.close();
});
