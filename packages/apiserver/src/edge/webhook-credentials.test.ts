import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAll, silentLogger, utf8, type HttpRequest, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { parseFlags } from '@coxswain/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCallouts } from '../callouts/callouts.ts';
import { withCredentials } from '../callouts/credentials.ts';
import { clusterAddressResolver } from '../callouts/service-resolver.ts';
import type { Lookup } from '../live-lookup.ts';
import { admissionFile } from './admission-config.ts';
import { flags } from './flags.ts';
import { testAuthority, type TestAuthority } from './testing/certificates.ts';
import { readWebhookCredentials } from './webhook-credentials.ts';

const host = createRealHost(silentLogger);
const directory = mkdtempSync(join(tmpdir(), 'webhook-credentials-'));
let authority: TestAuthority;
let listener: Listener;
let seen: HttpRequest[] = [];

function put(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

beforeAll(async () => {
  authority = await testAuthority();
  const pair = await authority.issue({ commonName: 'hook', dnsNames: ['hook.team.svc', 'localhost'] });
  listener = await host.network.serveHttp({ address: '127.0.0.1', port: 0, tls: { ...pair, clientCaPem: authority.caPem, clientCertificate: 'request' } }, async (request) => {
    await readAll(request.body);
    seen.push(request);
    return { status: 200, headers: {}, body: utf8('{}') };
  });
});
afterAll(async () => {
  await listener.close();
  rmSync(directory, { recursive: true });
});

const named = (name: string, user: string): string => `- {name: "${name}", user: {${user}}}`;
const kubeconfig = (...users: readonly string[]): string => `apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {user: current}}]\nusers:\n${users.join('\n')}\n`;

test('users are found as the original finds them', async () => {
  const names = ['a.team.svc:8443', 'b.team.svc', '*.team.svc', '*.svc:8443', '*', 'current'];
  const find = readWebhookCredentials('f', put('names', kubeconfig(...names.map((name) => named(name, `token: "${name}"`)))));
  const found = async (target: string): Promise<string | undefined> => (await find(target)?.headers())?.['authorization'];
  const cases: Readonly<Record<string, string>> = {
    'a.team.svc:8443': 'a.team.svc:8443', 'a.team.svc:443': '*.team.svc', 'b.team.svc:443': 'b.team.svc', 'b.team.svc:8443': '*.svc:8443', 'x.other.svc:8443': '*.svc:8443', 'example.com:443': '*', 'a.team.svc:9': '*',
  };
  for (const [target, name] of Object.entries(cases)) expect(await found(target), target).toBe(`Bearer ${name}`);
  const only = readWebhookCredentials('f', put('only', kubeconfig(named('current', 'username: u, password: p'), named('a:443', 'token: t'))));
  expect((await only('b:443')?.headers())?.['authorization']).toBe(`Basic ${btoa('u:p')}`);
  expect(readWebhookCredentials('f', put('none', 'users: []\n'))('b:443')).toBeUndefined();
});

test('webhooks see a certificate, a token or a name with a password, and a token in a file as it is now', async () => {
  const pair = await authority.issue({ commonName: 'apiserver' });
  put('client.crt', pair.certPem);
  put('client.key', pair.keyPem);
  put('token', 'first\n');
  const find = readWebhookCredentials('f', put('kubeconfig', kubeconfig(
    named(`hook.team.svc:${listener.port}`, 'client-certificate: client.crt, client-key: client.key'),
    named(`localhost:${listener.port}`, 'tokenFile: token, as: ann'),
  )));
  const lookup = (() => Promise.resolve({ spec: { type: 'ExternalName', externalName: '127.0.0.1' } })) as unknown as Lookup;
  const callouts = createCallouts({ host, services: clusterAddressResolver(lookup) });
  const known = withCredentials(callouts, find);
  const service = { service: { namespace: 'team', name: 'hook', port: listener.port }, caBundle: authority.caBundle };
  const url = { url: `https://localhost:${listener.port}/`, caBundle: authority.caBundle };
  seen = [];
  await known.post(service, {}, { timeoutMs: 5000 });
  await known.post(url, {}, { timeoutMs: 5000 });
  put('token', 'second\n');
  await known.post(url, {}, { timeoutMs: 5000 });
  await callouts.post(service, {}, { timeoutMs: 5000 });
  expect(seen.map(({ peer, headers }) => [peer.certificate?.commonName, headers['authorization'], headers['impersonate-user']])).toEqual([
    ['apiserver', undefined, undefined], [undefined, 'Bearer first', 'ann'], [undefined, 'Bearer second', 'ann'], [undefined, undefined, undefined],
  ]);
});

test('the file that names it', async () => {
  const users = put('users', kubeconfig(named('*', 'token: t')));
  const read = (configuration: string): ReturnType<typeof admissionFile> => {
    const path = put('admission', `apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- {name: ValidatingAdmissionWebhook, configuration: {${configuration}}}\n`);
    return admissionFile(parseFlags(flags, [`--admission-control-config-file=${path}`]));
  };
  const current = 'apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration';
  const file = await read(`${current}, kubeConfigFile: ${users}`);
  expect(await file?.webhooks?.validating?.credentials?.('any:443')?.headers()).toEqual({ authorization: 'Bearer t' });
  expect(file?.webhooks?.mutating).toBeUndefined();
  expect(await read(`apiVersion: apiserver.config.k8s.io/v1alpha1, kind: WebhookAdmission, kubeConfigFile: ${users}`)).toHaveProperty('webhooks.validating');
  await expect(read(`${current}, kubeConfigFile: users`)).rejects.toThrow('kubeConfigFile: Invalid value: "users": must be an absolute file path');
  const bad = put('bad', kubeconfig(named('a', 'exec: {command: login}')));
  await expect(read(`${current}, kubeConfigFile: ${bad}`)).rejects.toThrow('exec: is not built for webhooks');
});
