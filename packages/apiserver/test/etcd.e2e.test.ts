import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEtcdClient, type EtcdClient } from '@coxswain/etcd-lite/client';
import { readAll, silentLogger, fromUtf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken } from '../src/testing/parts-config.ts';
import { httpRequest } from '../src/testing/test-server.ts';
import { freePort, hasEtcd } from './support/etcd.ts';
import { fill, readKept, succeed, tryAll, type Successor } from './support/taken-over.ts';

/** An etcd of other people's make; Debian's is 3.4, which knows no progress requests that could be trusted. */
describe.skipIf(!hasEtcd())('on a real etcd', () => {
  const host = createRealHost(silentLogger);
  let parent: string;
  let etcd: ChildProcess;
  let store: EtcdClient;
  let first: Successor;
  let second: Successor;

  beforeAll(async () => {
    parent = mkdtempSync(join(tmpdir(), 'etcd-e2e-'));
    const [client, peer] = [await freePort(), await freePort()];
    const [clientUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
    etcd = spawn('etcd', ['--data-dir', join(parent, 'data'), '--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl, '--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl,
      '--initial-cluster', `default=${peerUrl}`, '--log-level', 'error'], { stdio: 'ignore' });
    store = createEtcdClient(host, { endpoints: [clientUrl] });
    await fill(store, readKept());
    first = await succeed(store, host);
    second = await succeed(store, host);
  });
  afterAll(async () => {
    await first.server.stop();
    await second.server.stop();
    await store.close();
    etcd.kill();
    await once(etcd, 'exit');
    rmSync(parent, { recursive: true, force: true });
  });

  test('a list without a version has what the other server has just written', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    for (let at = 0; at < 20; at += 1) {
      const [writer, reader] = at % 2 === 0 ? [first, second] : [second, first];
      expect((await writer.call('POST', path, { metadata: { name: `fresh-${at}` } })).status).toBe(201);
      const names = ((await reader.call('GET', path)).json['items'] as { metadata: { name: string } }[]).map((item) => item.metadata.name);
      expect(names).toContain(`fresh-${at}`);
    }
  });

  test('a version that one server told is not older than what the other answers', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    for (let at = 0; at < 10; at += 1) {
      const made = await first.call('POST', path, { metadata: { name: `seen-${at}` } });
      const version = (made.json['metadata'] as { resourceVersion: string }).resourceVersion;
      expect((await second.call('GET', `${path}/seen-${at}?resourceVersion=${version}`)).status).toBe(200);
      const list = await second.call('GET', `${path}?resourceVersion=${version}`);
      expect(Number((list.json['metadata'] as { resourceVersion: string }).resourceVersion)).toBeGreaterThanOrEqual(Number(version));
    }
  });

  test('a watch goes on where a list ended, and ends its initial events with their mark', async () => {
    const path = '/api/v1/namespaces/default/secrets';
    const listed = await first.call('GET', path);
    await second.call('POST', path, { metadata: { name: 'one' } });
    await second.call('DELETE', `${path}/one`);
    const version = (listed.json['metadata'] as { resourceVersion: string }).resourceVersion;
    const types = async (query: string): Promise<readonly string[]> => {
      const response = await first.server.handle(httpRequest({ method: 'GET', target: `${path}?watch=1&timeoutSeconds=2&${query}`, headers: { authorization: `Bearer ${adminToken}` } }));
      return fromUtf8(await readAll(response.body as AsyncIterable<Uint8Array>)).trim().split('\n').map((line) => (JSON.parse(line) as { type: string }).type);
    };
    expect(await types(`resourceVersion=${version}`)).toEqual(['ADDED', 'DELETED']);
    expect((await types('sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'))[0]).toBe('BOOKMARK');
  });

  test('what kube-apiserver wrote there is served as it served it, and can be written and deleted', async () => {
    expect(await tryAll(first, readKept())).toEqual([]);
  });
});
