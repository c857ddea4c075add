import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEtcdClient } from '@coxswain/etcd-lite/client';
import { fromUtf8, readAll, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { parseFlags } from '@coxswain/service';
import { createMetrics } from '@coxswain/service/edge';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flags } from '../src/edge/flags.ts';
import { storageConfig } from '../src/edge/storage-config.ts';
import { testAuthority } from '../src/edge/testing/certificates.ts';
import { adminToken } from '../src/testing/parts-config.ts';
import { httpRequest } from '../src/testing/test-server.ts';
import { freePort, hasEtcd } from './support/etcd.ts';
import { fill, readKept, succeed, tryAll, type Successor } from './support/taken-over.ts';

/** Two etcds that take nobody without a certificate: one for events, one for everything else. */
describe.skipIf(!hasEtcd())('on real etcds over mutual TLS, by flags', () => {
  const host = createRealHost(silentLogger);
  const metrics = createMetrics();
  const etcds: ChildProcess[] = [];
  let parent: string;
  let mainUrl: string;
  let config: ReturnType<typeof storageConfig>;
  let first: Successor;
  let second: Successor;

  function put(name: string, text: string): string {
    const path = join(parent, name);
    writeFileSync(path, text);
    return path;
  }

  async function startEtcd(name: string, tls: { readonly ca: string; readonly cert: string; readonly key: string }): Promise<string> {
    const [client, peer] = [`https://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    etcds.push(spawn('etcd', ['--data-dir', join(parent, name), '--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`,
      '--client-cert-auth', '--trusted-ca-file', tls.ca, '--cert-file', tls.cert, '--key-file', tls.key, '--log-level', 'error'], { stdio: 'ignore' }));
    return client;
  }

  beforeAll(async () => {
    parent = mkdtempSync(join(tmpdir(), 'etcd-tls-e2e-'));
    const authority = await testAuthority('etcd-ca');
    const [server, client] = [await authority.issue({ commonName: 'etcd', addresses: ['127.0.0.1'] }), await authority.issue({ commonName: 'apiserver' })];
    const ca = put('ca.crt', authority.caPem);
    const tls = { ca, cert: put('server.crt', server.certPem), key: put('server.key', server.keyPem) };
    mainUrl = await startEtcd('main', tls);
    const eventsUrl = await startEtcd('events', tls);
    config = storageConfig(parseFlags(flags, [`--etcd-servers=${mainUrl}`, `--etcd-servers-overrides=/events#${eventsUrl}`, `--etcd-cafile=${ca}`, `--etcd-certfile=${put('client.crt', client.certPem)}`, `--etcd-keyfile=${put('client.key', client.keyPem)}`,
      '--etcd-compaction-interval=0', '--etcd-count-metric-poll-period=200ms', '--etcd-db-metric-poll-interval=200ms']), host);
    await fill(config.store, readKept().filter(({ key }) => !key.startsWith('/registry/events/')));
    for (const other of config.otherStores?.values() ?? []) await fill(other, readKept().filter(({ key }) => key.startsWith('/registry/events/')));
    first = await succeed(config.store, host, config, { metrics });
    second = await succeed(config.store, host, config);
  });
  afterAll(async () => {
    for (const one of [first, second]) await one.server.stop();
    for (const store of [config.store, ...config.otherStores?.values() ?? []]) await store.close();
    for (const etcd of etcds) etcd.kill();
    await Promise.all(etcds.map((etcd) => (etcd.exitCode === null && etcd.signalCode === null ? once(etcd, 'exit') : Promise.resolve([]))));
    rmSync(parent, { recursive: true, force: true });
  });

  test('without a certificate there is no store', async () => {
    const stranger = createEtcdClient(host, { endpoints: [mainUrl], tls: { insecureSkipVerify: true }, requestTimeoutMs: 1000 });
    await expect(stranger.range({ key: utf8('a') })).rejects.toThrow();
    await stranger.close();
  });

  test('what one server writes the other lists at once, and a watch goes on where the list ended', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    for (let at = 0; at < 10; at += 1) {
      const [writer, reader] = at % 2 === 0 ? [first, second] : [second, first];
      expect((await writer.call('POST', path, { metadata: { name: `fresh-${at}` } })).status).toBe(201);
      expect(((await reader.call('GET', path)).json['items'] as { metadata: { name: string } }[]).map((item) => item.metadata.name)).toContain(`fresh-${at}`);
    }
    const version = ((await first.call('GET', path)).json['metadata'] as { resourceVersion: string }).resourceVersion;
    await second.call('DELETE', `${path}/fresh-3`);
    const response = await first.server.handle(httpRequest({ method: 'GET', target: `${path}?watch=1&timeoutSeconds=1&resourceVersion=${version}`, headers: { authorization: `Bearer ${adminToken}` } }));
    const events = fromUtf8(await readAll(response.body as AsyncIterable<Uint8Array>)).trim().split('\n').map((line) => JSON.parse(line) as { type: string; object: { metadata: { name: string } } });
    expect(events.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual(['DELETED fresh-3']);
  });

  test('events are kept in their own store, under a lease there, and nothing else is', async () => {
    const event = { metadata: { name: 'apart' }, involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' }, reason: 'Tested', type: 'Normal' };
    expect((await first.call('POST', '/api/v1/namespaces/default/events', event)).status).toBe(201);
    expect((await second.call('GET', '/apis/events.k8s.io/v1/namespaces/default/events/apart')).status).toBe(200);
    const where = async (key: string): Promise<readonly number[]> => Promise.all([config.store, config.otherStores?.get('/events') ?? config.store].map(async (store) => (await store.range({ key: utf8(key) })).count));
    expect(await where('/registry/events/default/apart')).toEqual([0, 1]);
    expect(await where('/registry/configmaps/default/fresh-1')).toEqual([1, 0]);
    const kept = (await config.otherStores?.get('/events')?.range({ key: utf8('/registry/events/default/apart') }))?.kvs[0];
    expect(kept?.lease).not.toBe(0n);
  });

  test('objects and sizes are counted, and the store is seen to be well', async () => {
    await expect.poll(() => metrics.render(), { timeout: 10_000 }).toMatch(/^apiserver_storage_objects\{resource="configmaps"\} [1-9]/m);
    const text = await metrics.render();
    expect(text).toMatch(/^apiserver_storage_objects\{resource="events"\} [1-9]/m);
    for (const id of ['etcd-0', 'etcd-1']) expect(text).toMatch(new RegExp(`^apiserver_storage_size_bytes\\{storage_cluster_id="${id}"\\} [1-9]`, 'm'));
    expect(text).not.toContain('} -1');
    for (const check of ['/livez/etcd', '/readyz/etcd-readiness']) expect((await first.call('GET', check)).text).toBe('ok');
  });

  test('what kube-apiserver wrote there is served as it served it, and can be written and deleted', async () => {
    expect(await tryAll(first, readKept())).toEqual([]);
  });
});
