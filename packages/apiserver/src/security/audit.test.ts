import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditBackend } from '../audit/backend.ts';
import { eventJson } from '../audit/event.ts';
import { parseAuditPolicy } from '../audit/policy-file.ts';
import { auditPolicyFile } from '../edge/audit-policy.ts';
import { startTestCluster, type Call, type TestCluster } from '../testing/cluster.ts';

/** Attacks by number of docs/security.md: what is left behind in the log, by the policy that `cox up` gives. */
const lines: string[] = [];
const backend: AuditBackend = { process: (events) => { for (const event of events) lines.push(eventJson(event)); return Promise.resolve(true); }, stop: () => Promise.resolve() };
const policy = parseAuditPolicy(auditPolicyFile, readFileSync(auditPolicyFile, 'utf8'));
const secrets = '/api/v1/namespaces/default/secrets';
const accounts = '/api/v1/namespaces/default/serviceaccounts';
const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles';
let cluster: TestCluster;

beforeAll(async () => { cluster = await startTestCluster([{}], undefined, { audit: { policy, backends: [() => backend] } }); });
afterAll(() => cluster.stop());

interface Event { readonly level: string; readonly verb: string; readonly user: { readonly username: string }; readonly objectRef: Record<string, string>; readonly responseStatus: { readonly code: number } }

/** Of administrators and strangers: what the server does for itself is told, too. */
async function recorded(...call: [method: string, target: string, call?: Call]): Promise<{ readonly text: string; readonly events: readonly Event[]; readonly answer: string }> {
  lines.length = 0;
  const { text } = await cluster.call(...call);
  const own = lines.filter((line) => !line.includes('"username":"system:'));
  return { text: own.join('\n'), events: own.map((line) => JSON.parse(line) as Event), answer: text };
}

const merge = { 'content-type': 'application/merge-patch+json' };

test('12: who reads, writes or tries for a secret is told, what is in it is not', async () => {
  const gold = 'Z29sZA==';
  const attempts: readonly [method: string, target: string, call: Call, verb: string][] = [
    ['POST', secrets, { body: { metadata: { name: 'treasure', annotations: { note: 'gold' } }, data: { a: gold } } }, 'create'],
    ['GET', `${secrets}/treasure`, {}, 'get'], ['GET', secrets, {}, 'list'], ['GET', '/api/v1/secrets', {}, 'list'],
    ['PATCH', `${secrets}/treasure`, { body: { stringData: { b: 'gold' } }, headers: merge }, 'patch'],
    ['GET', `${secrets}/treasure`, { headers: { accept: 'application/yaml' } }, 'get'],
    ['DELETE', `${secrets}/treasure`, {}, 'delete'],
    ['POST', '/api/v1/namespaces/default/configmaps', { body: { metadata: { name: 'plain' }, data: { a: 'gold' } } }, 'create'],
  ];
  for (const [method, target, call, verb] of attempts) {
    const { text, events } = await recorded(method, target, call);
    expect(events.map((event) => [event.level, event.verb, event.user.username]), target).toEqual([['Metadata', verb, 'admin']]);
    expect(text, target).not.toMatch(/gold|Z29sZA/);
  }
  const { events } = await recorded('GET', `${secrets}/treasure`, { token: 'nobody-token' });
  expect(events).toMatchObject([{ user: { username: 'nobody' }, objectRef: { resource: 'secrets', namespace: 'default', name: 'treasure' }, responseStatus: { reason: 'Forbidden', code: 403 } }]);
});

test('12: a token that is given out, or shown to be looked at, is not in the log', async () => {
  await cluster.call('POST', accounts, { body: { metadata: { name: 'app' } } });
  const issued = await recorded('POST', `${accounts}/app/token`, { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } });
  const { token } = (JSON.parse(issued.answer) as { readonly status: { readonly token: string } }).status;
  expect(issued.events).toMatchObject([{ level: 'Metadata', objectRef: { resource: 'serviceaccounts', subresource: 'token', name: 'app' } }]);
  const shown = await recorded('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } } });
  expect(shown.events).toMatchObject([{ level: 'Metadata', objectRef: { resource: 'tokenreviews' } }]);
  for (const { text } of [issued, shown]) expect(text).not.toContain(token.split('.')[1] as string);
});

test('12: whoever changes rights leaves what was asked for, and what came of it', async () => {
  const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
  const changes: readonly [method: string, target: string, call: Call, left: object][] = [
    ['POST', roles, { body: { metadata: { name: 'all' }, rules: [] } }, { verb: 'create', responseObject: { metadata: { name: 'all' } } }],
    ['PATCH', `${roles}/all`, { body: { rules }, headers: merge }, { verb: 'patch', requestObject: { rules }, responseObject: { rules } }],
    ['DELETE', `${roles}/all`, {}, { verb: 'delete', objectRef: { resource: 'roles', name: 'all' } }],
    ['DELETE', roles, {}, { verb: 'deletecollection' }],
  ];
  for (const [method, target, call, left] of changes) expect((await recorded(method, target, call)).events).toMatchObject([{ level: 'RequestResponse', user: { username: 'admin' }, ...left }]);
  const { events } = await recorded('POST', roles, { token: 'nobody-token', body: { metadata: { name: 'mine' }, rules } });
  expect(events).toMatchObject([{ user: { username: 'nobody' }, responseStatus: { code: 403 } }]);
  expect((await recorded('GET', roles)).events, 'to look at them changes nothing').toEqual([]);
});

test('12: whoever goes into a pod or through a node is told, also who may not', async () => {
  const pod = '/api/v1/namespaces/default/pods/p';
  for (const [target, resource] of [[`${pod}/exec?command=sh`, 'pods/exec'], [`${pod}/attach`, 'pods/attach'], [`${pod}/portforward`, 'pods/portforward'], [`${pod}/proxy/x`, 'pods/proxy'], ['/api/v1/nodes/n/proxy/pods', 'nodes/proxy']] as const) {
    const { events } = await recorded('GET', target, { token: 'nobody-token' });
    const [first] = events;
    expect([first?.level, first?.user.username, `${first?.objectRef['resource']}/${first?.objectRef['subresource']}`, first?.responseStatus.code], target).toEqual(['Metadata', 'nobody', resource, 403]);
  }
});

test('12: nothing else costs a line', async () => {
  for (const target of ['/api/v1/namespaces/default/pods', '/api/v1/nodes', '/healthz', '/apis', '/version']) expect((await recorded('GET', target)).events, target).toEqual([]);
});
