import { AsyncQueue, fromUtf8, readAll, utf8, type HeaderMap, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import type { EtcdConfig } from '@coxswain/etcd-lite';
import { afterEach, describe, expect, it } from 'vitest';
import { SimCluster } from './support/sim-cluster.ts';

// Paths, names and forms: etcd's api_grpc_gateway document and grpc-gateway v2 with etcd's options (UseProtoNames, no EmitUnpopulated, DiscardUnknown).

type Json = Record<string, unknown>;

class World {
  readonly sim = new Simulation({ seed: 3 });
  readonly cluster: SimCluster;
  readonly host: Host;

  constructor(options: Partial<EtcdConfig> = {}) {
    this.cluster = new SimCluster(this.sim, ['m1'], options);
    this.cluster.startAll();
    this.host = this.sim.start('c', 'client').host;
  }

  run(story: () => Promise<void>): Promise<void> {
    const ready = async (): Promise<void> => {
      while ((await this.post('kv/put', { key: btoa('ready') }).catch(() => ({ status: 0 }))).status !== 200) await this.host.timers.sleep(20);
      await story();
    };
    return this.sim.runUntil(ready(), 60_000, 'the story');
  }

  async send(method: string, path: string, body: Uint8Array | AsyncIterable<Uint8Array>, headers: HeaderMap = {}): Promise<{ status: number; headers: HeaderMap; text: string }> {
    const response = await this.host.network.fetch({ url: `${this.cluster.endpoints[0] as string}${path}`, method, body, headers });
    return { status: response.status, headers: response.headers, text: fromUtf8(await readAll(response.body)) };
  }

  async post(path: string, body: Json | string, headers: HeaderMap = {}): Promise<{ status: number; headers: HeaderMap; json: Json }> {
    const { text, ...rest } = await this.send('POST', `/v3/${path}`, utf8(typeof body === 'string' ? body : JSON.stringify(body)), headers);
    return { ...rest, json: JSON.parse(text) as Json };
  }

  /** Lines as they come. */
  async lines(path: string, body: AsyncIterable<Uint8Array>): Promise<() => Promise<Json>> {
    const response = await this.host.network.fetch({ url: `${this.cluster.endpoints[0] as string}/v3/${path}`, method: 'POST', body });
    const chunks = response.body[Symbol.asyncIterator]();
    let text = '';
    return async () => {
      while (!text.includes('\n')) {
        const next = await chunks.next();
        if (next.done === true) throw new Error('the stream ended');
        text += fromUtf8(next.value);
      }
      const end = text.indexOf('\n');
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      return JSON.parse(line) as Json;
    };
  }
}

let world: World | undefined;
function makeWorld(options?: Partial<EtcdConfig>): World {
  world = new World(options);
  return world;
}

afterEach(() => {
  expect(world?.cluster.failures).toEqual([]);
  world?.sim.stop();
});

describe('the JSON gateway', () => {
  it('puts, reads, deletes and runs transactions as etcd\'s document shows them', async () => {
    const w = makeWorld();
    await w.run(async () => {
      // foo and bar, as there.
      const put = await w.post('kv/put', { key: 'Zm9v', value: 'YmFy' });
      expect([put.status, put.headers['content-type']]).toEqual([200, 'application/json']);
      expect(put.json).toEqual({ header: { cluster_id: expect.stringMatching(/^\d+$/) as string, member_id: expect.stringMatching(/^\d+$/) as string, revision: '3', raft_term: expect.stringMatching(/^\d+$/) as string } });
      expect((await w.post('kv/range', { key: 'Zm9v' })).json).toMatchObject({ kvs: [{ key: 'Zm9v', create_revision: '3', mod_revision: '3', version: '1', value: 'YmFy' }], count: '1' });
      const all = await w.post('kv/range', { key: 'Zm9v', range_end: 'Zm9w', keysOnly: true, sort_order: 'DESCEND', sortTarget: 'MOD' });
      expect((all.json['kvs'] as Json[])[0]).toEqual({ key: 'Zm9v', create_revision: '3', mod_revision: '3', version: '1' });
      const txn = await w.post('kv/txn', { compare: [{ target: 'CREATE', key: 'Zm9v', createRevision: '3' }], success: [{ requestPut: { key: 'Zm9v', value: 'YmFy' } }] });
      expect(txn.json).toMatchObject({ succeeded: true, responses: [{ response_put: { header: { revision: '4' } } }] });
      const failed = await w.post('kv/txn', { compare: [{ version: 5, result: 'LESS', target: 'VERSION', key: 'bm9uZQ' }, { value: 'eA==', target: 'VALUE', key: 'Zm9v' }], failure: [{ request_range: { key: 'Zm9v', count_only: true } }] });
      expect(failed.json).toEqual({ header: expect.anything() as unknown, responses: [{ response_range: { header: { revision: '4' }, count: '1' } }] });
      expect((await w.post('kv/deleterange', { key: 'Zm9v', prev_kv: true })).json).toMatchObject({ deleted: '1', prev_kvs: [{ version: '2' }] });
      expect((await w.post('kv/range', { key: 'Zm9v' })).json).toEqual({ header: expect.anything() as unknown });
    });
  });

  it('streams a watch line by line, with more requests on the same stream', async () => {
    const w = makeWorld();
    await w.run(async () => {
      const requests = new AsyncQueue<Uint8Array>();
      requests.push(utf8('{"create_request": {"key":"Zm9v", '));
      requests.push(utf8('"prev_kv": true}}'));
      const next = await w.lines('watch', requests);
      expect(await next()).toEqual({ result: { header: expect.anything() as unknown, created: true } });
      await w.post('kv/put', { key: 'Zm9v', value: 'YmFy' });
      expect(await next()).toMatchObject({ result: { events: [{ kv: { key: 'Zm9v', version: '1', value: 'YmFy' } }] } });
      await w.post('kv/deleterange', { key: 'Zm9v' });
      expect(await next()).toMatchObject({ result: { events: [{ type: 'DELETE', kv: { key: 'Zm9v' }, prev_kv: { value: 'YmFy' } }] } });
      requests.push(utf8('{"create_request": {"key":"eA", "start_revision": -1}}{"progress_request":{}}'));
      expect(await next()).toMatchObject({ result: { watch_id: '-1', created: true, canceled: true, cancel_reason: 'etcdserver: mvcc: required revision has been compacted' } });
      expect(await next()).toMatchObject({ result: { watch_id: '-1' } });
      requests.end();
    });
  });

  it('grants, renews and lists leases; an id beyond 2^53 survives as number and as text', async () => {
    const w = makeWorld();
    await w.run(async () => {
      const id = '7587869141983453701';
      expect((await w.post('lease/grant', `{"ID": ${id}, "TTL": 600}`)).json).toMatchObject({ ID: id, TTL: '600' });
      expect((await w.post('kv/put', `{"key": "bA==", "lease": ${id}}`)).status).toBe(200);
      expect((await w.post('kv/range', { key: 'bA==' })).json).toMatchObject({ kvs: [{ lease: id }] });
      expect((await w.post('lease/keepalive', { ID: id })).json).toMatchObject({ result: { ID: id, TTL: '600' } });
      expect((await w.post('lease/timetolive', { ID: id, keys: true })).json).toMatchObject({ ID: id, grantedTTL: '600', keys: ['bA=='] });
      expect((await w.post('kv/lease/leases', '')).json).toMatchObject({ leases: [{ ID: id }] });
      expect((await w.post('kv/lease/revoke', { ID: id })).status).toBe(200);
      expect((await w.post('lease/revoke', { ID: id })).json).toEqual({ error: 'etcdserver: requested lease not found', code: 5, message: 'etcdserver: requested lease not found' });
    });
  });

  it('answers maintenance, cluster and authentication', async () => {
    const w = makeWorld();
    await w.run(async () => {
      expect((await w.post('maintenance/status', '')).json).toMatchObject({ version: '3.6.16', dbSize: expect.stringMatching(/^\d+$/) as string, downgradeInfo: {} });
      expect((await w.post('maintenance/alarm', { action: 'ACTIVATE', memberID: 5, alarm: 'NOSPACE' })).json).toMatchObject({ alarms: [{ memberID: '5', alarm: 'NOSPACE' }] });
      expect((await w.post('maintenance/alarm', { action: 2, memberID: '5', alarm: 1 })).json).toMatchObject({ alarms: [{ memberID: '5' }] });
      expect((await w.post('maintenance/downgrade', { action: 'VALIDATE', version: 'x' })).json).toMatchObject({ code: 3, message: 'etcdserver: wrong downgrade target version format' });
      expect((await w.post('cluster/member/list', {})).json).toMatchObject({ members: [{ name: 'm1' }] });
      expect((await w.post('auth/status', {})).json).toMatchObject({ header: expect.anything() as unknown, authRevision: '1' });
    });
  });

  it('a token of auth/authenticate in the authorization header tells who calls', async () => {
    const w = makeWorld();
    await w.run(async () => {
      for (const [path, body] of [['user/add', { name: 'root', password: 'pw' }], ['role/add', { name: 'root' }], ['user/grant', { user: 'root', role: 'root' }], ['enable', {}]] as const) {
        expect(await w.post(`auth/${path}`, body)).toMatchObject({ status: 200, json: { header: {} } });
      }
      expect(await w.post('kv/put', { key: 'Zm9v' })).toMatchObject({ status: 400, json: { code: 3, message: 'etcdserver: user name is empty' } });
      expect((await w.post('auth/authenticate', { name: 'root', password: 'no' })).json).toMatchObject({ code: 3, message: 'etcdserver: authentication failed, invalid user ID or password' });
      const { token } = (await w.post('auth/authenticate', { name: 'root', password: 'pw' })).json;
      expect((await w.post('kv/put', { key: 'Zm9v' }, { authorization: token as string })).status).toBe(200);
      expect(await w.post('kv/put', { key: 'Zm9v' }, { authorization: 'wrong.1' })).toMatchObject({ status: 401, headers: { 'www-authenticate': 'etcdserver: invalid auth token' } });
    });
  });

  it('refuses what is no JSON of the message, skips what it does not know, and maps gRPC\'s codes to HTTP\'s', async () => {
    const w = makeWorld({ maxRequestBytes: 1000 });
    await w.run(async () => {
      const status = async (path: string, body: Json | string): Promise<unknown[]> => {
        const { status: code, json } = await w.post(path, body);
        return [code, json['code'], json['message']];
      };
      expect(await status('kv/range', { key: 'Zm9v', unknown_field: [1] })).toEqual([200, undefined, undefined]);
      expect(await status('kv/range', { key: null })).toEqual([400, 3, 'etcdserver: key is not provided']);
      expect(await status('kv/range', '')).toEqual([400, 3, 'etcdserver: key is not provided']);
      expect(await status('kv/range', '{"key": ')).toEqual([400, 3, expect.stringContaining('proto: syntax error')]);
      expect(await status('kv/range', '[]')).toEqual([400, 3, expect.stringContaining('proto: unexpected token')]);
      expect(await status('kv/range', { key: '!' })).toEqual([400, 3, 'proto: invalid value for bytes field key: "!"']);
      expect(await status('kv/range', { key: 'Zm9v', limit: 'ten' })).toEqual([400, 3, 'proto: invalid value for int64 field limit: "ten"']);
      expect(await status('kv/range', { key: 'Zm9v', limit: '9223372036854775808' })).toEqual([400, 3, 'proto: invalid value for int64 field limit: "9223372036854775808"']);
      expect(await status('kv/range', { key: 'Zm9v', limit: 1.5 })).toEqual([400, 3, 'proto: invalid value for int64 field limit: 1.5']);
      expect(await status('kv/range', { key: 'Zm9v', sort_order: 'UP' })).toEqual([400, 3, 'proto: invalid value for enum field sortOrder: "UP"']);
      expect(await status('kv/range', { key: 'Zm9v', keys_only: 'yes' })).toEqual([400, 3, 'proto: invalid value for bool field keysOnly: "yes"']);
      expect(await status('kv/range', { key: 'Zm9v', range_end: 'eA==', rangeEnd: 'eA==' })).toEqual([400, 3, 'proto: duplicate field "range_end"']);
      expect(await status('kv/txn', { success: [{ request_put: {}, request_range: {} }] })).toEqual([400, 3, 'proto: error parsing "request_range", oneof request is already set']);
      expect(await status('kv/range', { key: 'Zm9v', revision: 9999 })).toEqual([400, 11, 'etcdserver: mvcc: required revision is a future revision']);
      expect(await status('kv/put', { key: 'Zm9v', value: btoa('x'.repeat(2000)) })).toEqual([400, 3, 'etcdserver: request is too large']);
      expect(await status('kv/put', { key: 'Zm9v', value: btoa('x'.repeat(600_000)) })).toEqual([429, 8, expect.stringMatching(/^grpc: received message larger than max \(\d+ vs\. 525288\)$/)]);
      expect(await status('kv/nothing', {})).toEqual([404, 5, 'Not Found']);
      const get = await w.send('GET', '/v3/kv/range', utf8(''));
      expect([get.status, JSON.parse(get.text)]).toEqual([501, { error: 'Method Not Allowed', code: 12, message: 'Method Not Allowed' }]);
      expect((await w.send('POST', '/v3beta/kv/range', utf8('{"key":"Zm9v"}'))).status).toBe(200);
    });
  });

  it('can be turned off', async () => {
    const w = makeWorld({ enableGrpcGateway: false });
    const story = async (): Promise<void> => {
      while ((await w.send('GET', '/version', utf8('')).catch(() => ({ status: 0 }))).status !== 200) await w.host.timers.sleep(20);
      expect((await w.send('POST', '/v3/kv/range', utf8('{}'))).status).toBe(404);
    };
    await w.sim.runUntil(story(), 60_000, 'the story');
  });
});

describe('--listen-client-http-urls', () => {
  it('serve what is no gRPC, and the client URLs nothing else', async () => {
    const w = makeWorld({ clientHttpListeners: [{ address: '0.0.0.0', port: 2381 }] });
    const story = async (): Promise<void> => {
      const ask = async (port: number): Promise<number> => {
        const url = new URL(w.cluster.endpoints[0] as string);
        const response = await w.host.network.fetch({ url: `http://${url.hostname}:${port}/version`, method: 'GET' });
        await readAll(response.body);
        return response.status;
      };
      while (await ask(2381).catch(() => 0) !== 200) await w.host.timers.sleep(20);
      expect(await ask(2379)).toBe(404);
    };
    await w.sim.runUntil(story(), 60_000, 'the story');
  });
});

describe('browsers', () => {
  it('are told which origins may call, and called by other names are sent away', async () => {
    const w = makeWorld({ cors: ['https://a.example'], hostWhitelist: ['10.0.0.1', 'good.example'] });
    await w.run(async () => {
      const cors = async (origin: string): Promise<unknown> => (await w.send('OPTIONS', '/v3/kv/range', utf8(''), { origin })).headers['access-control-allow-origin'];
      expect(await cors('https://a.example')).toBe('https://a.example');
      expect(await cors('https://b.example')).toBeUndefined();
      expect((await w.post('kv/range', { key: 'Zm9v' }, { origin: 'https://a.example' })).headers).toMatchObject({ 'access-control-allow-origin': 'https://a.example', 'access-control-allow-headers': 'accept, content-type, authorization' });
      expect((await w.send('POST', '/v3/kv/range', utf8('{"key":"Zm9v"}'), { host: 'good.example:2379' })).status).toBe(200);
      expect((await w.send('POST', '/v3/kv/range', utf8('{"key":"Zm9v"}'), { host: 'evil.example:2379' })).status).toBe(421);
      expect((await w.send('GET', '/health', utf8(''), { host: 'evil.example' })).status).toBe(421);
    });
  });
});
