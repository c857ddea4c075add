import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, resources, type Client } from '@coxswain/client';
import { createLocalStore } from '@coxswain/etcd-lite';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { parseFlags, UsageError } from '@coxswain/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { adminToken, testPartsConfig } from '../testing/parts-config.ts';
import { command } from './command.ts';
import { serveApiServer, type ServedApiServer } from './serve.ts';
import { selfSigned } from './testing/self-signed.ts';

const host = createRealHost(silentLogger);
let served: ServedApiServer;
let client: Client;
let tls: { certPem: string; keyPem: string };

beforeAll(async () => {
  tls = await selfSigned();
  served = await serveApiServer({ store: createLocalStore(host), parts: testPartsConfig() }, { address: '127.0.0.1', port: 0, tls }, host);
  const connection = { server: `https://127.0.0.1:${served.listener.port}`, tls: { caPem: tls.certPem }, userAgent: 'serve-test' };
  client = createClient(host, { ...connection, bearerToken: adminToken });
});
afterAll(() => served.stop());

test('objects and watches over TLS, with a token', async () => {
  const made = await client.create(resources.configmaps, { metadata: { name: 'over-tls', namespace: 'kube-system' }, data: { k: 'v' } });
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const event of client.watch(resources.configmaps, { namespace: 'kube-system', fieldSelector: 'metadata.name=over-tls', resourceVersion: '0', signal: stop.signal })) {
    seen.push(event.type);
    if (event.type === 'ADDED') await client.delete(resources.configmaps, { namespace: 'kube-system', name: 'over-tls' }, { preconditions: { uid: made.metadata?.uid ?? '' } });
    if (event.type === 'DELETED') break;
  }
  stop.abort();
  expect(seen).toEqual(['ADDED', 'DELETED']);
});

test('without credentials nothing is told, and the answer is a Status', async () => {
  const answer = await host.network.fetch({ url: `https://127.0.0.1:${served.listener.port}/api/v1/secrets`, method: 'GET', tls: { caPem: tls.certPem } });
  expect(answer.status).toBe(401);
});

const directory = mkdtempSync(join(tmpdir(), 'apiserver-flags-'));
afterAll(() => rmSync(directory, { recursive: true }));

function start(...args: readonly string[]): Promise<unknown> {
  return Promise.resolve().then(() => command.start(parseFlags(command.flags, args), host));
}

test('a bad flag is one clear line', async () => {
  writeFileSync(join(directory, 'cert'), tls.certPem);
  writeFileSync(join(directory, 'key'), tls.keyPem);
  const pair = [`--tls-cert-file=${join(directory, 'cert')}`, `--tls-private-key-file=${join(directory, 'key')}`];
  const cases: readonly [string, readonly string[]][] = [
    ['--tls-cert-file is required', []],
    ['--etcd-servers is required', pair],
    ['did you mean --etcd-servers?', ['--etcd-server=x']],
    ['--cloud-config is a flag of the original that is not built yet', ['--cloud-config=x']],
    ['"Rbac" is not one of', [...pair, '--etcd-servers=http://127.0.0.1:1', '--authorization-mode=Rbac']],
    ['--token-auth-file: cannot read /nowhere', [...pair, '--etcd-servers=http://127.0.0.1:1', '--token-auth-file=/nowhere']],
  ];
  for (const [text, args] of cases) {
    const error = await start(...args).catch((reason: unknown) => reason);
    expect(error, args.join(' ')).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(text);
  }
});
