import { silentLogger, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createMetrics } from '@coxswain/service/edge';
import { afterEach, expect, test } from 'vitest';
import { assembleParts } from '../parts.ts';
import type { ProtectionConfig } from '../protection.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, startTestServer, type TestAnswer, type TestServer } from '../testing/test-server.ts';
import type { WriteHook } from '../types.ts';

const running: TestServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

interface Held extends TestServer {
  /** Writes of config maps stop in the middle until this is called. */
  readonly release: () => void;
  /** One has stopped there. */
  readonly stopped: Promise<void>;
  readonly metrics: () => Promise<string>;
  as(token: string, method: string, target: string, body?: unknown): Promise<TestAnswer>;
}

async function start(config: ProtectionConfig, host?: Host): Promise<Held> {
  let release = (): void => {};
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => { stop = resolve; });
  const held = new Promise<void>((resolve) => { release = resolve; });
  const hook: WriteHook = {
    group: '', resource: 'configmaps',
    begin: async ({ object }) => {
      if ((object['data'] as { held?: string } | undefined)?.held === 'yes') {
        stop();
        await held;
      }
      return () => Promise.resolve();
    },
  };
  const metrics = createMetrics();
  const parts = testPartsConfig({ authorizationModes: ['AlwaysAllow'] });
  const server = await startTestServer({ metrics, assemble: (tools) => { const made = assembleParts(parts, tools); return { ...made, writeHooks: [...made.writeHooks, hook] }; } }, host, config);
  running.push(server);
  return {
    ...server, release, stopped, metrics: () => metrics.render(),
    as: async (token, method, target, body) => answerOf(await server.server.handle(httpRequest({ method, target, body, headers: { authorization: `Bearer ${token}` } }))),
  };
}

const maps = '/api/v1/namespaces/default/configmaps';
const held = (name: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { held: 'yes' } });
const schemaUid = 'x-kubernetes-pf-flowschema-uid';

function flowObjects(level: object): readonly [string, object][] {
  const base = '/apis/flowcontrol.apiserver.k8s.io/v1';
  const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
  return [
    [`${base}/prioritylevelconfigurations`, { apiVersion, kind: 'PriorityLevelConfiguration', metadata: { name: 'tight' }, spec: { type: 'Limited', limited: { nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, ...level } } }],
    [`${base}/flowschemas`, {
      apiVersion, kind: 'FlowSchema', metadata: { name: 'tight' },
      spec: {
        priorityLevelConfiguration: { name: 'tight' }, matchingPrecedence: 50, distinguisherMethod: { type: 'ByUser' },
        rules: [{ subjects: [{ kind: 'User', user: { name: 'nobody' } }], resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }] }],
      },
    }],
  ];
}

/** Until requests of `nobody` are of the schema with that uid. */
async function inForce(server: Held, uid: string): Promise<void> {
  for (;;) {
    const { response } = await server.as('nobody-token', 'GET', '/api/v1/namespaces/default/serviceaccounts/x');
    if (response.headers[schemaUid] === uid) return;
    await server.host.timers.sleep(1);
  }
}

async function create(server: Held, level: object): Promise<string> {
  let uid = '';
  for (const [path, object] of flowObjects(level)) {
    const made = await server.as('tok', 'POST', path, object);
    expect(made.status).toBe(201);
    uid = (made.json['metadata'] as { uid: string }).uid;
  }
  return uid;
}

test('answers name the schema and the level; those of administrators the exempt ones', async () => {
  const server = await start({});
  const answer = await server.as('tok', 'GET', '/api/v1/namespaces/default');
  const exempt = await server.as('tok', 'GET', '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/exempt');
  const uid = (exempt.json['metadata'] as { uid: string }).uid;
  for (;;) {
    const { response } = await server.as('tok', 'GET', '/api/v1/namespaces/default');
    if (response.headers[schemaUid] === uid) break;
    await server.host.timers.sleep(1);
  }
  expect(answer.response.headers).toHaveProperty('x-kubernetes-pf-prioritylevel-uid');
  expect(await server.metrics()).toContain('apiserver_flowcontrol_dispatched_requests_total{flow_schema="exempt",priority_level="exempt"}');
});

test('a level without queues refuses beyond its seats, with the original\'s words; others and the exempt go on', async () => {
  const server = await start({ maxRequestsInflight: 1, maxMutatingRequestsInflight: 1 });
  const uid = await create(server, { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } });
  await inForce(server, uid);
  const first = server.as('nobody-token', 'POST', maps, held('a'));
  const second = await server.as('nobody-token', 'POST', maps, held('b'));
  expect(second.status).toBe(429);
  expect(second.text).toBe('Too many requests, please try again later.\n');
  expect(second.response.headers).toMatchObject({ 'retry-after': '1', [schemaUid]: uid, 'content-type': 'text/plain; charset=utf-8' });
  expect((await server.as('tok', 'GET', '/api/v1/namespaces/default')).status).toBe(200);
  server.release();
  expect((await first).status).toBe(201);
  expect((await server.as('nobody-token', 'GET', `${maps}/a`)).status).toBe(200);
  expect(await server.metrics()).toMatch(/apiserver_flowcontrol_rejected_requests_total\{[^}]*flow_schema="tight"[^}]*reason="concurrency-limit"\} 1/);
});

test('a request waits for its seat, or is refused when it has waited long enough', async () => {
  const real = createRealHost(silentLogger);
  let patient = false;
  // A quarter of a request's minute is waited for a seat: not at all, or until there is one.
  const after: Host['timers']['after'] = (ms, run) => (ms !== 15_000 ? real.timers.after(ms, run) : patient ? { cancel: () => undefined } : real.timers.after(1, run));
  const server = await start({ maxRequestsInflight: 1, maxMutatingRequestsInflight: 1, debugPaths: true }, { ...real, timers: { ...real.timers, after } });
  const uid = await create(server, { nominalConcurrencyShares: 1, limitResponse: { type: 'Queue', queuing: { queues: 4, handSize: 2, queueLengthLimit: 3 } } });
  await inForce(server, uid);
  const first = server.as('nobody-token', 'POST', maps, held('a'));
  const late = await server.as('nobody-token', 'GET', '/api/v1/namespaces/default');
  expect(late.status).toBe(429);
  patient = true;
  const waiting = server.as('nobody-token', 'GET', '/api/v1/namespaces/default');
  const dump = await server.as('tok', 'GET', '/debug/api_priority_and_fairness/dump_priority_levels');
  expect(dump.text).toMatch(/^PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, ExecutingRequests, DispatchedRequests, RejectedRequests, TimedoutRequests, CancelledRequests\n/);
  expect(dump.text).toMatch(/\ntight, +1, +false, +false, +1, +1, +\d+, +1, +1, +0\n/);
  server.release();
  await first;
  expect((await waiting).status).toBe(200);
});

test('without priority and fairness two limits refuse at once; debug paths are off', async () => {
  const server = await start({ enablePriorityAndFairness: false, maxRequestsInflight: 2, maxMutatingRequestsInflight: 1 });
  // The server's own writes at its beginning count, too.
  const insist = async (): Promise<TestAnswer> => {
    for (;;) {
      const answer = await server.as('nobody-token', 'POST', maps, held('a'));
      if (answer.status !== 429) return answer;
    }
  };
  const first = insist();
  await server.stopped;
  const refused = await server.as('nobody-token', 'POST', maps, held('b'));
  expect([refused.status, refused.text, refused.response.headers['retry-after']]).toEqual([429, 'Too many requests, please try again later.\n', '1']);
  expect(refused.response.headers).not.toHaveProperty(schemaUid);
  expect((await server.as('nobody-token', 'GET', '/api/v1/namespaces/default')).status).toBe(200);
  expect((await server.as('tok', 'POST', maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } })).status).toBe(201);
  server.release();
  expect((await first).status).toBe(201);
  expect((await server.as('tok', 'GET', '/debug/api_priority_and_fairness/dump_queues')).status).toBe(404);
});
