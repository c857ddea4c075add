import { encodeProtobuf } from '@coxswain/api';
import { ComputeError, inlineCompute, silentLogger, type Compute, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { startTestServer } from '../testing/test-server.ts';
import { isLong } from './large-body.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

/** Counts what gives others their turn, and what a thread of its own is asked for. */
function watched(compute: Compute = inlineCompute): { readonly host: Host; readonly counts: { turns: number; computed: number } } {
  const real = createRealHost(silentLogger);
  const counts = { turns: 0, computed: 0 };
  const host: Host = {
    ...real,
    timers: { ...real.timers, sleep: (delayMs, signal) => { counts.turns += delayMs === 0 ? 1 : 0; return real.timers.sleep(delayMs, signal); } },
    compute: { run: (task, input, signal) => { counts.computed += 1; return compute.run(task, input, signal); } },
  };
  return { host, counts };
}

const yamlOf = (keys: number): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n${Array.from({ length: keys }, (_, at) => `  k${at}: v${at}`).join('\n')}\n`;
const jsonOf = (bytes: number): string => JSON.stringify({ metadata: { name: 'json' }, data: { a: 'a'.repeat(bytes / 2), b: 'b'.repeat(bytes / 2) } });

test('a large body is read and dealt with in turns, a small one without a stop', async () => {
  const { host, counts } = watched();
  const server = await startTestServer(undefined, host);
  const create = async (raw: string, headers: Record<string, string> = {}): Promise<{ status: number; turns: number }> => {
    const before = counts.turns;
    const { status } = await server.call({ method: 'POST', target: configMaps, raw, headers });
    return { status, turns: counts.turns - before };
  };
  expect(await create(jsonOf(10_000))).toEqual({ status: 201, turns: 0 });
  await server.call({ method: 'DELETE', target: `${configMaps}/json` });
  const large = await create(jsonOf(900_000));
  expect(large.status).toBe(201);
  expect(large.turns).toBeGreaterThan(6);
  const patch = { method: 'PATCH', target: `${configMaps}/json`, raw: jsonOf(800_000), headers: { 'content-type': 'application/merge-patch+json' } };
  const before = counts.turns;
  expect((await server.call(patch)).status).toBe(200);
  expect(counts.turns - before).toBeGreaterThan(6);
  const put = await server.call({ method: 'PUT', target: `${configMaps}/json`, raw: jsonOf(700_000) });
  expect([put.status, ((put.json['data'] as { a: string }).a).length]).toEqual([200, 350_000]);
  expect(counts.computed).toBe(0);
  await server.stop();
});

test('a slice for each so many bytes, however they are made up', async () => {
  const { host, counts } = watched();
  const server = await startTestServer(undefined, host);
  const ask = async (numbers: number): Promise<number> => {
    const before = counts.turns;
    const { status, json } = await server.call({ method: 'POST', target: configMaps, raw: `{"metadata":{"name":"x"},"data":[${'1,'.repeat(numbers)}1]}` });
    expect([status, json['message']]).toEqual([400, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string']);
    return counts.turns - before;
  };
  expect(await ask(1000)).toBe(0);
  expect(await ask(500_000)).toBeGreaterThanOrEqual(Math.floor(1_000_000 / (64 * 1024)));
  await server.stop();
});

test('a large definition is validated in turns', async () => {
  const { host, counts } = watched();
  const server = await startTestServer(undefined, host);
  const definition = (properties: number): string => JSON.stringify({
    metadata: { name: 'bars.example.com' },
    spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'bars', kind: 'Bar' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: Object.fromEntries(Array.from({ length: properties }, (_, at) => [`k${at}`, { type: 'string' }])) } } }] },
  });
  const turns = async (properties: number): Promise<number> => {
    const before = counts.turns;
    // Nothing else is done after a dry run.
    const { status } = await server.call({ method: 'POST', target: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All', raw: definition(properties) });
    expect(status).toBe(201);
    return counts.turns - before;
  };
  expect(await turns(100)).toBe(0);
  const [some, more] = [await turns(3000), await turns(13_000)];
  // Beside those of reading, which are one in 64 KiB.
  expect(more - some).toBeGreaterThan((definition(13_000).length - definition(3000).length) / (64 * 1024) + 15);
  await server.stop();
});

test('a protobuf body of very many fields is refused', async () => {
  const server = await startTestServer();
  const ask = async (keys: number): Promise<readonly [number, unknown]> => {
    const data = Object.fromEntries(Array.from({ length: keys }, (_, at) => [`k${at}`, '']));
    const raw = encodeProtobuf('io.k8s.api.core.v1.ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'many' }, data });
    const { status, json } = await server.call({ method: 'POST', target: `${configMaps}?dryRun=All`, raw, headers: { 'content-type': 'application/vnd.kubernetes.protobuf' } });
    return [status, json['message']];
  };
  expect((await ask(20_000))[0]).toBe(201);
  expect(await ask(70_000)).toEqual([413, 'Request entity too large: limit is 131072 fields in a message']);
  await server.stop();
});

test('YAML of some length is read by another thread, with the same result', async () => {
  const { host, counts } = watched();
  const server = await startTestServer(undefined, host);
  const yaml = { 'content-type': 'application/yaml' };
  const small = await server.call({ method: 'POST', target: configMaps, raw: yamlOf(10), headers: yaml });
  expect([small.status, counts.computed]).toEqual([201, 0]);
  await server.call({ method: 'DELETE', target: `${configMaps}/yaml` });
  const long = await server.call({ method: 'POST', target: configMaps, raw: yamlOf(2000), headers: yaml });
  expect([long.status, counts.computed]).toEqual([201, 1]);
  expect(Object.keys(long.json['data'] as object)).toHaveLength(2000);
  const doubled = await server.call({ method: 'POST', target: `${configMaps}?fieldValidation=Strict`, raw: `${yamlOf(2000)}  k7: again\n`, headers: yaml });
  expect([doubled.status, doubled.json['message']]).toEqual([400, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 2006: key "k7" already set in map']);
  const wrong = await server.call({ method: 'POST', target: configMaps, raw: `${yamlOf(2000)}\tx: y\n`, headers: yaml });
  expect(wrong.status).toBe(400);
  expect(wrong.json['message']).toMatch(/^the object provided is unrecognized \(must be of type ConfigMap\): yaml: line 200\d: /);
  const applied = await server.call({ method: 'PATCH', target: `${configMaps}/yaml?fieldManager=a&force=true`, raw: yamlOf(2000), headers: { 'content-type': 'application/apply-patch+yaml' } });
  expect([applied.status, counts.computed]).toEqual([200, 4]);
  await server.stop();
});

test.each([
  ['when too much waits', new ComputeError('full', 'x'), 429, 'Too many requests, please try again later.', '1'],
  ['when it takes too much', new ComputeError('too-much', 'its thread ended with 1'), 413, 'Request entity too large: the body cannot be read: its thread ended with 1', undefined],
])('what the client is told %s', async (_name, error, status, message, retryAfter) => {
  const { host } = watched({ run: () => Promise.reject(error) });
  const server = await startTestServer(undefined, host);
  const answer = await server.call({ method: 'POST', target: configMaps, raw: yamlOf(2000), headers: { 'content-type': 'application/yaml' } });
  expect([answer.status, answer.json['message'], answer.response.headers['retry-after']]).toEqual([status, message, retryAfter]);
  await server.stop();
});

test.each([
  ['apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n', false], [`a: ${'['.repeat(1500)}`, true], [`a:\n${'- '.repeat(700)}b`, true],
  [Array.from({ length: 200 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''), true],
])('YAML that nests deeply is read by another thread, however short: %#', (text, deep) => expect(isLong(new TextEncoder().encode(text), 'yaml')).toBe(deep));

test('the thread is told when the client has left', async () => {
  const stop = new AbortController();
  let told = false;
  const { host } = watched({
    run: (_task, _input, signal) => new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => { told = true; reject(signal.reason as Error); });
      stop.abort(new Error('the client has left'));
    }),
  });
  const server = await startTestServer(undefined, host);
  await server.call({ method: 'POST', target: configMaps, raw: yamlOf(2000), headers: { 'content-type': 'application/yaml' }, signal: stop.signal }).catch(() => undefined);
  expect(told).toBe(true);
  await server.stop();
});

test('more members than any stored object has are not looked at', async () => {
  const { host } = watched();
  const server = await startTestServer(undefined, host);
  const keys = Array.from({ length: 70_000 }, (_, at) => `"k${at}":""`).join(',');
  const answer = await server.call({ method: 'POST', target: configMaps, raw: `{"metadata":{"name":"wide"},"data":{${keys}}}` });
  expect([answer.status, answer.json['reason'], answer.json['message']]).toEqual([413, 'RequestEntityTooLarge', 'Request entity too large: limit is 32768 members in objects and lists of more than 1000']);
  await server.stop();
});
