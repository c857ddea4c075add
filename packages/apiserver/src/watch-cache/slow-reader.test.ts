import { createLocalStore } from '@coxswain/etcd-lite';
import { fromUtf8, silentLogger, utf8, type ByteSink, type PushSource } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpRequest, startTestServer, type TestServer } from '../testing/test-server.ts';

const path = '/api/v1/namespaces/default/configmaps';
/** More than one reader may have waiting, many at a time. */
const changes = 10_500;
const together = 100;
const readers = 100;
let server: TestServer;

const host = createRealHost(silentLogger);
const store = createLocalStore(host);
beforeAll(async () => { server = await startTestServer(undefined, host, { store }); });
afterAll(async () => {
  await server.stop();
  await store.close();
});

/** What a client has seen, in its order: how many events, and a checksum of all bytes. */
class Reader implements ByteSink {
  events = 0;
  checksum = 0;
  ended = false;

  write(data: Uint8Array): boolean {
    for (const byte of data) {
      this.checksum = (Math.imul(this.checksum, 31) + byte) | 0;
      if (byte === 0x0a) this.events += 1;
    }
    return true;
  }

  end(): void {
    this.ended = true;
  }
}

/** One that says what it has seen. */
class Named extends Reader {
  readonly names: string[] = [];

  override write(data: Uint8Array): boolean {
    for (const match of fromUtf8(data).matchAll(/"name":"([^"]+)"/g)) this.names.push(match[1] as string);
    return super.write(data);
  }
}

/** A client that takes one piece and never more. */
class Stuck extends Named {
  override write(data: Uint8Array): boolean {
    super.write(data);
    return false;
  }
}

async function watch(reader: Reader): Promise<PushSource> {
  const { body } = await server.server.handle(httpRequest({ method: 'GET', target: `${path}?watch=1&resourceVersion=${first}` }));
  const source = body as PushSource;
  source.start(reader);
  return source;
}

let first = '';

test('a client that never reads is dropped; a hundred others miss nothing and see nothing twice', async () => {
  const made = await server.call({ method: 'POST', target: path, body: { metadata: { name: 'counter' }, data: {} } });
  first = (made.json['metadata'] as { resourceVersion: string }).resourceVersion;
  const stuck = new Stuck();
  const stuckSource = await watch(stuck);
  const named = new Named();
  const others = [named, ...Array.from({ length: readers - 1 }, () => new Reader())];
  const sources = await Promise.all(others.map(watch));
  const written = Array.from({ length: changes }, (_, at) => `c-${String(at).padStart(5, '0')}`);
  for (let at = 0; at < changes; at += together) {
    await store.txn({
      compare: [], failure: [],
      success: written.slice(at, at + together).map((name) => ({ type: 'put', key: utf8(`/registry/configmaps/default/${name}`), value: utf8(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"${name}","uid":"u"}}`) })),
    });
  }
  await expect.poll(() => others.every((reader) => reader.events >= changes), { timeout: 20_000 }).toBe(true);
  expect(named.names).toEqual(written);
  for (const reader of others) expect([reader.events, reader.checksum, reader.ended]).toEqual([changes, named.checksum, false]);
  expect(stuck.names.length).toBeLessThan(changes);
  // When it reads again it gets what waited for it, in order, and then the end: it comes back with its last version.
  for (let turns = 0; turns < changes && !stuck.ended; turns += 1) stuckSource.drained();
  expect(stuck.ended).toBe(true);
  expect(stuck.names.length).toBeGreaterThanOrEqual(10_000);
  expect(stuck.names).toEqual(written.slice(0, stuck.names.length));
  for (const source of sources) source.stop();
}, 30_000);
