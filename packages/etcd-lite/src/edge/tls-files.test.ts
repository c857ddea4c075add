import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromUtf8, readAll, silentLogger, type ClientTls, type Host, type Logger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { parseFlags, UsageError } from '@coxswain/service';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcdServer, type RunningEtcd } from '../server/start.ts';
import { etcdFlags } from './flags.ts';
import { TlsFiles } from './tls-files.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;

interface Pair { readonly certPem: string; readonly keyPem: string; readonly certificate: x509.X509Certificate; readonly keys: webcrypto.CryptoKeyPair }

let serial = 0x10;

async function makePair(commonName: string, issuer: Pair | undefined, names: readonly string[] = []): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  serial += 1;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `a${serial.toString(16)}`, subject: `CN=${commonName}`, issuer: issuer?.certificate.subject ?? `CN=${commonName}`, notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000), signingAlgorithm: signing, publicKey: keys.publicKey as CryptoKey, signingKey: (issuer ?? { keys }).keys.privateKey as CryptoKey,
    extensions: [
      new x509.BasicConstraintsExtension(issuer === undefined, undefined, true),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' as const : 'dns' as const, value })))]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`, certificate, keys };
}

let directory: string;
let authority: Pair;
const logged: string[] = [];
const log: Logger = { ...silentLogger, warn: (message, fields) => { logged.push(`${message} ${String(fields?.['error'])}`); }, child: () => log };
let host: Host;

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function identityOf(pair: Pair): ClientTls {
  return { certPem: pair.certPem, keyPem: pair.keyPem, caPem: authority.certPem };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'etcd-lite-tls-'));
  host = createRealHost(log);
  authority = await makePair('ca', undefined);
  file('ca.crt', authority.certPem);
});
afterAll(() => { rmSync(directory, { recursive: true, force: true }); });

function useServerPair({ certPem, keyPem }: Pair): void {
  file('server.crt', certPem);
  file('server.key', keyPem);
}

function tlsArgs(): string[] {
  return [`--cert-file=${directory}/server.crt`, `--key-file=${directory}/server.key`, `--trusted-ca-file=${directory}/ca.crt`, '--client-cert-auth'];
}

/** A member that serves clients over TLS. */
async function withMember(args: readonly string[], story: (url: string, files: TlsFiles, running: RunningEtcd) => Promise<void>): Promise<void> {
  const files = await TlsFiles.open(parseFlags(etcdFlags, args), host, directory);
  const { client, clientPolicy } = files.identity;
  const running = await startEtcdServer({
    name: 'm', dataDir: mkdtempSync(join(directory, 'data-')), clientListeners: [{ address: '127.0.0.1', port: 0, ...(client === undefined ? {} : { tls: client }) }],
    peerListeners: [{ address: '127.0.0.1', port: 0 }], advertiseClientUrls: [], initialCluster: { m: ['http://127.0.0.1:1'] }, ...(clientPolicy === undefined ? {} : { clientPolicy }),
  }, host);
  try {
    await story(`https://127.0.0.1:${running.clientPorts[0]}/version`, files, running);
  } finally {
    await running.stop();
  }
}

/** Over a connection of its own: the identity is a new object. */
async function ask(url: string, tls: ClientTls): Promise<string> {
  const response = await host.network.fetch({ url, method: 'GET', tls: { ...tls } }).catch((error: unknown) => error as Error);
  if (response instanceof Error) return `no connection: ${response.message}`;
  return `${response.status} ${fromUtf8(await readAll(response.body)).trim()}`;
}

describe('files of certificates', () => {
  it('are read again when they change; what does not fit is told once and changes nothing', async () => {
    const first = await makePair('first', authority, ['127.0.0.1']);
    const client = await makePair('client', authority);
    useServerPair(first);
    await withMember(tlsArgs(), async (url, files, running) => {
      const changed = (): Promise<void> => files.check((identity) => { running.updateTls(identity); });
      expect(await ask(url, identityOf(client))).toContain('200 ');
      const other = await makePair('ca2', undefined);
      const second = await makePair('second', other, ['127.0.0.1']);
      file('server.crt', second.certPem);
      await changed();
      await changed();
      expect(logged.splice(0)).toEqual([expect.stringContaining('the old ones stay in use --key-file: the key does not belong to the certificate of --cert-file')]);
      expect(await ask(url, identityOf(client))).toContain('200 ');
      file('server.key', second.keyPem.slice(0, 80));
      await changed();
      expect(logged.splice(0)).toEqual([expect.stringContaining('--key-file: not a private key in PEM')]);
      file('server.key', second.keyPem);
      await changed();
      expect(logged.splice(0)).toEqual([]);
      expect(await ask(url, identityOf(client))).toMatch(/no connection: .*(verify|signed|certificate)/);
      expect(await ask(url, { ...identityOf(client), caPem: other.certPem })).toContain('200 ');
    });
  });

  it('a client needs an allowed host name', async () => {
    useServerPair(await makePair('server', authority, ['127.0.0.1']));
    await withMember([...tlsArgs(), '--client-cert-allowed-hostname=a.example,10.9.8.7'], async (url) => {
      expect(await ask(url, identityOf(await makePair('x', authority, ['A.example'])))).toContain('200 ');
      expect(await ask(url, identityOf(await makePair('x', authority, ['*.example'])))).toContain('200 ');
      expect(await ask(url, identityOf(await makePair('x', authority, ['10.9.8.7'])))).toContain('200 ');
      expect(await ask(url, identityOf(await makePair('x', authority, ['b.a.example'])))).toBe('403 client certificate authentication failed: the host name is not allowed');
      expect(await ask(url, identityOf(await makePair('a.example', authority)))).toBe('403 client certificate authentication failed: the host name is not allowed');
    });
  });

  it('a revoked certificate is refused, also one that was revoked later, in PEM or DER', async () => {
    useServerPair(await makePair('server', authority, ['127.0.0.1']));
    const [good, bad, later] = await Promise.all([makePair('good', authority), makePair('bad', authority), makePair('later', authority)]);
    const list = (...revoked: Pair[]): Promise<x509.X509Crl> => x509.X509CrlGenerator.create({
      issuer: authority.certificate.subject, thisUpdate: new Date(), signingAlgorithm: signing, signingKey: authority.keys.privateKey as CryptoKey,
      entries: revoked.map(({ certificate }) => ({ serialNumber: certificate.serialNumber, revocationDate: new Date() })),
    });
    file('crl', (await list(bad)).toString('pem'));
    await withMember([...tlsArgs(), `--client-crl-file=${directory}/crl`], async (url, files, running) => {
      expect(await ask(url, identityOf(good))).toContain('200 ');
      expect(await ask(url, identityOf(bad))).toMatch(/^403 the certificate with serial number \w+ is revoked$/);
      expect(await ask(url, identityOf(later))).toContain('200 ');
      file('crl', new Uint8Array((await list(bad, later)).rawData));
      await files.check((identity) => { running.updateTls(identity); });
      expect(await ask(url, identityOf(later))).toContain('403 ');
      expect(await ask(url, identityOf(good))).toContain('200 ');
    });
  });

  it('a self-signed certificate is made once and kept', async () => {
    const dataDir = mkdtempSync(join(directory, 'auto-'));
    const open = async (): Promise<TlsFiles> => TlsFiles.open(parseFlags(etcdFlags, ['--auto-tls', '--peer-auto-tls', '--self-signed-cert-validity=3', '--listen-client-urls=https://127.0.0.1:2379,https://[::1]:2379']), host, dataDir);
    const { client, peerClient } = (await open()).identity;
    const certificate = new x509.X509Certificate(client?.certPem ?? '');
    expect(certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON().map(({ value }) => value)).toEqual(['127.0.0.1', '::1']);
    expect(certificate.notAfter.getTime() - Date.now()).toBeGreaterThan(2.99 * 365 * 86_400_000);
    expect(peerClient?.insecureSkipVerify).toBe(true);
    expect((await open()).identity.client?.certPem).toBe(client?.certPem);
  });
});

describe('versions and suites', () => {
  const settings = async (...args: string[]): Promise<object | undefined> => {
    useServerPair(await makePair('server', authority, ['127.0.0.1']));
    const { minVersion, maxVersion, ciphers } = (await TlsFiles.open(parseFlags(etcdFlags, [...tlsArgs(), ...args]), host, directory)).identity.client ?? {};
    return { minVersion, maxVersion, ciphers };
  };

  it('are Go\'s by name', async () => {
    expect(await settings()).toEqual({ minVersion: 'TLSv1.2', maxVersion: undefined, ciphers: undefined });
    expect(await settings('--tls-min-version=TLS1.3')).toMatchObject({ minVersion: 'TLSv1.3' });
    expect(await settings('--cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', '--tls-max-version=TLS1.2'))
      .toMatchObject({ maxVersion: 'TLSv1.2', ciphers: expect.stringContaining('ECDHE-ECDSA-AES256-GCM-SHA384:') as string });
  });

  it.each([
    [['--tls-min-version=TLS1.1'], '--tls-min-version: unexpected TLS version "TLS1.1"'],
    [['--tls-min-version=TLS1.3', '--tls-max-version=TLS1.2'], 'min version (TLS1.3) is greater than max version (TLS1.2)'],
    [['--tls-min-version=TLS1.3', '--cipher-suites=TLS_RSA_WITH_AES_128_GCM_SHA256'], 'cipher suites cannot be configured when only TLS1.3 is enabled'],
    [['--cipher-suites=ROT13'], 'unexpected TLS cipher suite "ROT13"'],
  ])('%j is refused', async (args, message) => {
    const failure = await settings(...args).then(() => undefined, (error: unknown) => error as Error);
    expect(failure).toBeInstanceOf(UsageError);
    expect(failure?.message).toContain(message);
  });

  it('are what a connection gets', async () => {
    useServerPair(await makePair('server', authority, ['127.0.0.1']));
    const client = await makePair('client', authority);
    await withMember([...tlsArgs(), '--tls-max-version=TLS1.2', '--cipher-suites=TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'], async (url) => {
      expect(await ask(url, identityOf(client))).toContain('200 ');
      const { connect } = await import('node:tls');
      const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca: authority.certPem, cert: client.certPem, key: client.keyPem });
      await new Promise((resolve, reject) => { socket.once('secureConnect', resolve); socket.once('error', reject); });
      expect([socket.getProtocol(), socket.getCipher().name]).toEqual(['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305']);
      socket.destroy();
    });
  });
});
