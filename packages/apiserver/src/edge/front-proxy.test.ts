import { fromUtf8, readAll, silentLogger, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authenticateWith } from '../authn/authenticate.ts';
import { authoritiesOf } from '../authn/authorities.ts';
import { requestHeaderAuthenticator } from '../authn/request-header.ts';
import { x509Authenticator } from '../authn/x509.ts';
import { testAuthority, type TestAuthority, type TestKeyPair } from './testing/certificates.ts';

const host = createRealHost(silentLogger);
let [clients, proxies]: TestAuthority[] = [];
let listener: Listener;

beforeAll(async () => {
  [clients, proxies] = [await testAuthority('clients'), await testAuthority('proxies')];
  const [clientCa, proxyCa] = [clients.caPem, proxies.caPem];
  const authenticate = authenticateWith([
    requestHeaderAuthenticator(host.clock, {
      authorities: authoritiesOf(host.crypto, proxyCa), allowedNames: ['front-proxy'], usernameHeaders: ['X-Remote-User'], uidHeaders: ['X-Remote-Uid'], groupHeaders: ['X-Remote-Group'], extraPrefixes: ['X-Remote-Extra-'],
    }),
    x509Authenticator(host.clock, authoritiesOf(host.crypto, clientCa)),
  ], { anonymous: { enabled: true, paths: [] }, refused: () => undefined });
  const pair = await clients.issue({ commonName: 'server', addresses: ['127.0.0.1'] });
  listener = await host.network.serveHttp({ address: '127.0.0.1', port: 0, tls: { ...pair, clientCaPem: `${clientCa}\n${proxyCa}`, clientCertificate: 'request' } }, async (request) => {
    try {
      return { status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(await authenticate(request))) };
    } catch {
      return { status: 401, headers: {}, body: new TextEncoder().encode('{}') };
    }
  });
});
afterAll(() => listener.close());

const remote = { 'x-remote-user': 'ann', 'x-remote-uid': '7', 'x-remote-group': ['dev', 'ops'], 'x-remote-extra-scopes%2fa': ['x', 'y'] };

async function ask(pair: TestKeyPair | undefined, headers: Readonly<Record<string, string | readonly string[]>> = remote): Promise<unknown> {
  const response = await host.network.fetch({ url: `https://127.0.0.1:${listener.port}/`, method: 'GET', headers, tls: { caPem: clients?.caPem ?? '', ...pair } });
  const body = JSON.parse(fromUtf8(await readAll(response.body))) as { name?: string };
  return response.status === 200 ? body : response.status;
}

test('the proxy says who asks', async () => {
  expect(await ask(await proxies?.issue({ commonName: 'front-proxy' }))).toEqual({ name: 'ann', uid: '7', groups: ['dev', 'ops', 'system:authenticated'], extra: { 'scopes/a': ['x', 'y'] } });
});

test('36: its headers are nothing from anybody else', async () => {
  expect(await ask(undefined), 'without a certificate').toMatchObject({ name: 'system:anonymous', groups: ['system:unauthenticated'] });
  expect(await ask(await clients?.issue({ commonName: 'bob', organizations: ['team'] })), 'a client').toMatchObject({ name: 'bob', groups: ['team', 'system:authenticated'] });
  expect(await ask(await clients?.issue({ commonName: 'front-proxy' })), 'a client of the proxy\'s name').toMatchObject({ name: 'front-proxy' });
  expect(await ask(await proxies?.issue({ commonName: 'other-proxy' })), 'a proxy that is not named').toBe(401);
  expect(await ask(await proxies?.issue({ commonName: 'front-proxy' }), {}), 'the proxy\'s certificate names no user').toBe(401);
});
