import { createLocalStore } from '@coxswain/etcd-lite';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { createApiServer } from '../server.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, type TestAnswer } from '../testing/test-server.ts';
import type { Flight } from '../transport/handler.ts';
import { ChangeHistory, type ChangeRecord } from './history.ts';

const pods = '/api/v1/namespaces/default/pods';

test('each change of an object has the request that made it, also a binding; two servers know their own', async () => {
  const host = createRealHost(silentLogger);
  const store = createLocalStore(host);
  const servers = await Promise.all(['one', 'two'].map((hostname) => createApiServer({ store, parts: testPartsConfig({ hostname, disableAdmissionPlugins: ['ServiceAccount'] }) }, host)));
  await Promise.all(servers.map((server) => server.start()));
  const call = async (server: number, method: string, target: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> =>
    answerOf(await (servers[server] as (typeof servers)[0]).handle(httpRequest({ method, target, body, headers: { authorization: 'Bearer tok', 'user-agent': 'kubectl', ...headers } })));
  const why = async (server: number, target: string): Promise<readonly ChangeRecord[]> => (await call(server, 'GET', `${target}?why=true`)).json['items'] as ChangeRecord[];

  const made = await call(0, 'POST', pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }, { 'audit-id': 'id-1', 'x-coxswain-decision': 'replicaset-controller default/rs' });
  expect(made.status).toBe(201);
  const bound = await call(0, 'POST', `${pods}/p/binding`, { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } }, { 'user-agent': 'scheduler' });
  expect(bound.status).toBe(201);
  await call(1, 'PATCH', `${pods}/p`, { metadata: { labels: { a: 'b' } } }, { 'content-type': 'application/merge-patch+json', 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' });
  const now = await call(0, 'GET', `${pods}/p`);

  const first = await why(0, `${pods}/p`);
  expect(first).toHaveLength(2);
  expect(first[0]).toMatchObject({ verb: 'create', user: 'admin', auditId: 'id-1', userAgent: 'kubectl', decision: 'replicaset-controller default/rs', deleted: false, sourceIps: ['127.0.0.1'], resourceVersion: (made.json['metadata'] as Record<string, string>)['resourceVersion'] });
  expect(first[1]).toMatchObject({ verb: 'create', subresource: 'binding', userAgent: 'scheduler', decision: '' });
  const second = await why(1, `${pods}/p`);
  expect(second).toHaveLength(1);
  expect(second[0]).toMatchObject({ verb: 'patch', user: 'admin', impersonated: 'bob', resourceVersion: (now.json['metadata'] as Record<string, string>)['resourceVersion'] });

  await call(0, 'DELETE', `${pods}/p`, { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 });
  expect((await why(0, `${pods}/p`)).at(-1)).toMatchObject({ verb: 'delete', deleted: true });
  // Who may get everything of this group may not get pods.
  expect((await call(0, 'GET', '/apis/events.k8s.io/v1/namespaces/default/pods/p?why=true')).status).toBe(404);
  const refused = await call(0, 'GET', `${pods}/p?why=true`, undefined, { authorization: 'Bearer nobody-token' });
  expect(refused.status).toBe(403);
  await Promise.all(servers.map((server) => server.stop()));
});

const flight = { request: httpRequest({ method: 'PUT', target: '/' }), info: { verb: 'update', subresource: '' }, notes: { auditId: 'a' }, receivedMs: 0 } as unknown as Flight;

const podOf = (name: string) => ({ group: '', resource: 'pods', namespace: 'n', name });

/** Of `a` many, of three others one or two, and then of `a` one more. */
function remember(history: ChangeHistory): void {
  const change = (name: string, revision: number): void => history.record({ ...podOf(name), uid: '', revision, deleted: false }, flight);
  for (let revision = 0; revision < 100; revision += 1) change('a', revision);
  for (const name of ['b', 'c', 'd']) change(name, 1);
  change('b', 2);
  change('a', 100);
}

test('what is remembered is bounded: the newest changes of the objects that changed last, as many as fit', () => {
  const all = new ChangeHistory();
  remember(all);
  // With room for all but one byte.
  const history = new ChangeHistory(all.sizeBytes - 1);
  remember(history);
  const of = (name: string): readonly string[] => history.of(podOf(name)).map((record) => record.resourceVersion);
  expect([of('a').length, of('a').at(-1), of('b'), of('c'), of('d')]).toEqual([32, '100', ['1', '2'], [], ['1']]);
});

test('the bound is used, and kept to', () => {
  const history = new ChangeHistory(4 * 1024 * 1024);
  for (let at = 0; at < 20_000; at += 1) history.record({ group: '', resource: 'pods', namespace: 'n', name: `pod-${at}`, uid: 'u'.repeat(36), revision: at, deleted: false }, flight);
  expect(history.sizeBytes).toBeLessThanOrEqual(4 * 1024 * 1024);
  expect(history.sizeBytes).toBeGreaterThan(4 * 1024 * 1024 - 2000);
});

test('a client cannot have much remembered of what it says of itself', () => {
  const history = new ChangeHistory();
  const headers = { 'user-agent': 'a'.repeat(1000), 'x-forwarded-for': Array.from({ length: 1000 }, (_, at) => `10.0.${at >> 8}.${at & 255}`).join(', ') };
  const long = { request: httpRequest({ method: 'PUT', target: '/', headers }), info: { verb: 'update', subresource: '' }, notes: { auditId: 'a' }, receivedMs: 0 } as unknown as Flight;
  const what = { group: '', resource: 'pods', namespace: 'n', name: 'p' };
  history.record({ ...what, uid: '', revision: 1, deleted: false }, long);
  expect(history.of(what)[0]).toMatchObject({ userAgent: 'a'.repeat(256), sourceIps: ['10.0.3.229', '10.0.3.230', '10.0.3.231', '127.0.0.1'] });
});
