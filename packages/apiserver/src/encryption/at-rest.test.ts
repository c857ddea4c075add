import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalStore, startEtcdServer } from '@coxswain/etcd-lite';
import { createEtcdClient, type EtcdClient } from '@coxswain/etcd-lite/client';
import { fromUtf8, silentLogger, utf8, type Disk } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import type { FileReader } from '../config-file/followed.ts';
import { connectKms } from '../edge/kms-client.ts';
import { createApiServer, type ApiServer } from '../server.ts';
import { startKmsPlugin } from '../edge/kms-plugin.fixture.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, permissiveParts, type TestAnswer } from '../testing/test-server.ts';
import { parseEncryptionConfig } from './config-file.ts';

const keyA = 'a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=';
const keyB = 'b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28=';
const base = '/api/v1/namespaces/default/secrets';

const text = (providers: string): string => `{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{resources: [secrets], providers: [${providers}]}]}`;
const cbc = (...keys: readonly string[]): string => text(`{aescbc: {keys: [${keys.map((key) => `{name: ${key === keyA ? 'a' : 'b'}, secret: ${key}}`).join(', ')}]}}`);

interface Running {
  readonly server: ApiServer;
  readonly reload: (text: string) => Promise<void>;
  call(method: string, target: string, body?: unknown): Promise<TestAnswer>;
}

async function serve(store: EtcdClient, configuration: string | undefined, host = createRealHost(silentLogger)): Promise<Running> {
  let reload: (text: string) => Promise<void> = () => Promise.reject(new Error('not followed'));
  const encryption = configuration === undefined ? {} : {
    encryption: {
      resources: parseEncryptionConfig('e.yaml', configuration), connectKms,
      reload: {
        path: 'e.yaml', parse: (content: string) => parseEncryptionConfig('e.yaml', content),
        follow: (reader: FileReader) => { reload = async (content) => { await reader.changed(content); }; },
      },
    },
  };
  const server = await createApiServer({ store, parts: testPartsConfig(), compactionIntervalMs: 0, ...encryption }, host, { assemble: () => permissiveParts });
  await server.start();
  return { server, reload: (content) => reload(content), call: async (method, target, body) => answerOf(await server.handle(httpRequest({ method, target, body }))) };
}

const secret = (name: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { p: 'hush-hush' } });
// What of the plain value would be seen if it were there: its base64, as objects are stored.
const plain = 'aHVzaC1odXNo';

async function raw(store: EtcdClient, name: string): Promise<string> {
  return fromUtf8((await store.range({ key: utf8(`/registry/secrets/default/${name}`) })).kvs[0]?.value ?? new Uint8Array(0));
}

async function* files(disk: Disk, directory: string): AsyncGenerator<string, void, undefined> {
  for (const name of await disk.list(directory)) {
    const path = `${directory}/${name}`;
    const inside = await disk.list(path).catch(() => []);
    if (inside.length > 0) yield* files(disk, path);
    else yield path;
  }
}

test('a secret is nowhere on the disk of the store: neither in the log nor in checkpoints', async () => {
  const sim = new Simulation({ seed: 11 });
  const { host } = sim.start('one', 'one');
  const run = <T>(what: Promise<T>, name: string): Promise<T> => sim.runUntil(what, 60_000, name);
  await run(startEtcdServer({
    name: 'one', dataDir: '/data', clientListeners: [{ address: '0.0.0.0', port: 2379 }], peerListeners: [{ address: '0.0.0.0', port: 2380 }],
    advertiseClientUrls: ['http://one:2379'], initialCluster: { one: ['http://one:2380'] }, snapshotCount: 20,
  }, host), 'the store');
  const store = createEtcdClient(host, { endpoints: ['http://one:2379'] });
  const server = await run(serve(store, cbc(keyA), host), 'the server');
  for (let n = 0; n < 30; n += 1) {
    expect((await run(server.call('POST', base, secret(`s${n}`)), 'a create')).status).toBe(201);
    await run(server.call('POST', '/api/v1/namespaces/default/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${n}` }, data: { k: 'seen-by-all' } }), 'a create');
  }
  const found = { secret: 0, configMap: 0, marks: 0, files: 0 };
  await run((async () => {
    for await (const path of files(host.disk, '/data')) {
      const content = Buffer.from(await host.disk.readFile(path)).toString('latin1');
      found.files += 1;
      if (content.includes(plain) || content.includes('hush-hush')) found.secret += 1;
      if (content.includes('seen-by-all')) found.configMap += 1;
      if (content.includes('k8s:enc:aescbc:v1:a:')) found.marks += 1;
    }
  })(), 'reading the disk');
  // The test sees what it looks for: what is not encrypted is found, in the log and in a checkpoint.
  expect(found.configMap).toBeGreaterThanOrEqual(2);
  expect(found.marks).toBeGreaterThanOrEqual(2);
  expect(found.secret).toBe(0);
  expect((await run(server.call('GET', `${base}/s3`), 'a get')).json).toMatchObject({ data: { p: plain } });
});

test('rotation: an update that changes nothing rewrites under the new key, also with a cache from before', async () => {
  const host = createRealHost(silentLogger);
  const store = createLocalStore(host);
  const server = await serve(store, cbc(keyA), host);
  await server.call('POST', base, secret('s1'));
  await server.call('GET', base);
  expect(await raw(store, 's1')).toContain('k8s:enc:aescbc:v1:a:');
  const read = (await server.call('GET', `${base}/s1`)).json;
  const same = await server.call('PUT', `${base}/s1`, read);
  expect(same.json).toEqual(read);
  await server.reload(cbc(keyB, keyA));
  const rewritten = await server.call('PUT', `${base}/s1`, read);
  expect(rewritten.status).toBe(200);
  expect(rewritten.json['data']).toEqual({ p: plain });
  expect(await raw(store, 's1')).toContain('k8s:enc:aescbc:v1:b:');
  const again = await server.call('PUT', `${base}/s1`, rewritten.json);
  expect(again.json).toEqual(rewritten.json);
  // A configuration that is wrong changes nothing.
  await server.reload('nonsense');
  expect((await server.call('GET', `${base}/s1`)).status).toBe(200);
  await server.server.stop();
});

test('what cannot be decrypted is said: alone in short, in a list with its key; the watch shows the rest', async () => {
  const host = createRealHost(silentLogger);
  const store = createLocalStore(host);
  const first = await serve(store, cbc(keyA), host);
  await first.call('POST', base, secret('s1'));
  await first.server.stop();
  const lost = await serve(store, cbc(keyB), host);
  const alone = await lost.call('GET', `${base}/s1`);
  expect(alone.status).toBe(500);
  expect(alone.json).toEqual({
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Internal error occurred: no matching key was found for the provided AES transformer', reason: 'InternalError',
    details: { causes: [{ message: 'no matching key was found for the provided AES transformer' }] }, code: 500,
  });
  const all = await lost.call('GET', base);
  expect(all.json['message']).toBe('Internal error occurred: unable to transform key "/registry/secrets/default/s1": no matching key was found for the provided AES transformer');
  expect((await lost.call('GET', `${base}?limit=5`)).json['message']).toBe(all.json['message']);
  expect((await lost.call('DELETE', `${base}/s1`)).json['message']).toBe(alone.json['message']);
  await lost.server.stop();
  const without = await serve(store, undefined, host);
  expect((await without.call('GET', `${base}/s1`)).json['message']).toBe('Internal error occurred: identity transformer tried to read encrypted data');
  await without.server.stop();
});

test('a KMS plugin on a unix socket: healthz, encryption, a new key', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kms-'));
  const socket = join(directory, 'plugin.sock');
  const plugin = await startKmsPlugin(socket, 'key-one');
  const host = createRealHost(silentLogger);
  const store = createLocalStore(host);
  const configuration = text(`{kms: {apiVersion: v2, name: plug, endpoint: "unix://${socket}"}}, {identity: {}}`);
  const server = await serve(store, configuration, host);
  expect((await server.call('GET', '/readyz/kms-providers')).text).toBe('ok');
  await server.call('POST', base, secret('s1'));
  expect(await raw(store, 's1')).toContain('k8s:enc:kms:v2:plug:');
  expect(await raw(store, 's1')).not.toContain(plain);
  await server.server.stop();
  plugin.keyId = 'key-two';
  const later = await serve(store, configuration, host);
  const read = (await later.call('GET', `${base}/s1`)).json;
  expect(read['data']).toEqual({ p: plain });
  expect(plugin.calls).toContain('Decrypt');
  await later.call('PUT', `${base}/s1`, read);
  expect(await raw(store, 's1')).toContain('key-two');
  plugin.healthz = 'sealed';
  await later.reload(configuration.replace('name: plug', 'name: plug2'));
  // The new one is not healthy, so the former stays in place.
  expect((await later.call('GET', `${base}/s1`)).status).toBe(200);
  await later.server.stop();
  await plugin.stop();
  rmSync(directory, { recursive: true });
});
