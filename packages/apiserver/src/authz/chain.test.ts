import { UsageError } from '@coxswain/service';
import { fromUtf8, readAll, silentLogger, utf8, type Host, type IncomingResponse, type OutgoingRequest } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { user } from '../authn/users.ts';
import type { AuthorizationAttributes } from '../types.ts';
import { abacAuthorizer, parseAbacPolicies } from './abac.ts';
import { parseAuthorizationFile } from './config-file.ts';
import { compileReviewConditions } from './review-conditions.ts';
import { webhookAuthorizer, type WebhookAuthorizerConfig } from './webhook.ts';

const real = createRealHost(silentLogger);
const ask = (more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
  user: user('ann', 'u1', ['dev'], { scope: ['a'] }), verb: 'get', isResourceRequest: true, path: '', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'ns', name: 'p', ...more,
});

interface Hook {
  readonly host: Host;
  readonly asked: unknown[];
  nowMs: number;
}

async function* once(text: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield utf8(text);
}

function hook(answer: (spec: Record<string, unknown>) => object | undefined): Hook {
  const made = { asked: [] as unknown[], nowMs: 0 };
  const fetch = async (request: OutgoingRequest): Promise<IncomingResponse> => {
    const review = JSON.parse(fromUtf8(request.body instanceof Uint8Array ? request.body : await readAll(request.body ?? once('')))) as { spec: Record<string, unknown> };
    made.asked.push(review);
    const status = answer(review.spec);
    return status === undefined ? { status: 403, headers: {}, body: once('not you'), trailers: Promise.resolve({}) } : { status: 200, headers: {}, body: once(JSON.stringify({ ...review, status })), trailers: Promise.resolve({}) };
  };
  return Object.assign(made, { host: { ...real, clock: { nowMs: () => made.nowMs, monotonicMs: () => made.nowMs }, network: { ...real.network, fetch } } });
}

const config = (more: Partial<WebhookAuthorizerConfig> = {}): WebhookAuthorizerConfig => ({
  kubeconfig: { server: 'https://hook.example.com/authorize', tls: {}, namespace: 'default' }, version: 'v1', authorizedTtlMs: 1000, unauthorizedTtlMs: 100, timeoutMs: 1000, failurePolicy: 'NoOpinion', ...more,
});

test('a webhook is sent the review and its answer holds for a while', async () => {
  const made = hook(({ user: name }) => (name === 'ann' ? { allowed: true, reason: 'she may' } : { allowed: false }));
  const authorizer = webhookAuthorizer(made.host, 'hook', config());
  expect(await authorizer.authorize(ask({ fieldSelector: [{ key: 'a', operator: 'In', values: ['b'] }] }))).toEqual({ decision: 'allow', reason: 'she may' });
  expect(made.asked).toEqual([{
    apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: { creationTimestamp: null }, status: { allowed: false },
    spec: { resourceAttributes: { namespace: 'ns', verb: 'get', version: 'v1', resource: 'pods', name: 'p', fieldSelector: { requirements: [{ key: 'a', operator: 'In', values: ['b'] }] } }, user: 'ann', groups: ['dev'], extra: { scope: ['a'] }, uid: 'u1' },
  }]);
  const bob = ask({ user: user('bob', '', []) });
  for (const atMs of [0, 99, 101]) {
    made.nowMs = atMs;
    await authorizer.authorize(ask());
    expect(await authorizer.authorize(bob)).toEqual({ decision: 'no-opinion', reason: '' });
  }
  expect(made.asked, 'one of each, and one again after the refusal ended').toHaveLength(4);
});

test('denial, failure and both at once', async () => {
  const of = (status: object | undefined, more: Partial<WebhookAuthorizerConfig> = {}): Promise<unknown> => webhookAuthorizer(hook(() => status).host, 'hook', config(more)).authorize(ask());
  expect(await of({ denied: true, reason: 'no' })).toEqual({ decision: 'deny', reason: 'no' });
  expect(await of({ denied: true, allowed: true })).toMatchObject({ decision: 'deny', error: 'webhook subject access review returned both allow and deny response' });
  expect(await of(undefined)).toMatchObject({ decision: 'no-opinion', error: 'not you' });
  expect(await of(undefined, { failurePolicy: 'Deny' })).toMatchObject({ decision: 'deny' });
});

test('conditions spare the webhook', async () => {
  const wrong = (): UsageError => new UsageError('x');
  const matches = compileReviewConditions(['has(request.resourceAttributes)', 'request.resourceAttributes.namespace == "ns"', '!("robots" in request.groups)'], wrong);
  const made = hook(() => ({ allowed: true }));
  const authorizer = webhookAuthorizer(made.host, 'hook', config({ matches }));
  expect((await authorizer.authorize(ask())).decision).toBe('allow');
  expect((await authorizer.authorize(ask({ namespace: 'other' }))).decision).toBe('no-opinion');
  expect((await authorizer.authorize(ask({ isResourceRequest: false, path: '/x' }))).decision, 'a condition that does not hold counts more than one that fails').toBe('no-opinion');
  expect((await authorizer.authorize(ask({ user: user('r', '', ['robots']) }))).decision).toBe('no-opinion');
  expect(made.asked).toHaveLength(1);
  expect(() => compileReviewConditions(['request.user'], (_index, why) => new UsageError(why))).toThrow('must evaluate to bool but got string');
  expect(() => compileReviewConditions(['request.nothing'], (_index, why) => new UsageError(why))).toThrow('compilation failed: ERROR: <input>:1:8: undefined field \'nothing\'');
});

test('a chain from a file', async () => {
  const file = (authorizers: string): string => `apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n${authorizers}`;
  const webhook = (more = ''): string => `- {type: Webhook, name: hook, webhook: {timeout: 3s, authorizedTTL: 5m, unauthorizedTTL: 30s, subjectAccessReviewVersion: v1, failurePolicy: Deny, connectionInfo: {type: KubeConfigFile, kubeConfigFile: /k}${more}}}\n`;
  const tools = { readKubeconfig: () => Promise.resolve({ server: 'https://x', tls: {}, namespace: '' }), compileConditions: compileReviewConditions };
  const read = (text: string): ReturnType<typeof parseAuthorizationFile> => parseAuthorizationFile('f', text, tools);
  expect(await read(file(`- {type: Node, name: node}\n${webhook()}- {type: RBAC, name: rbac}\n`))).toMatchObject([{ type: 'Node' }, { type: 'Webhook', name: 'hook', webhook: { timeoutMs: 3000, authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000, failurePolicy: 'Deny' } }, { type: 'RBAC' }]);
  const cases: readonly (readonly [string, string])[] = [
    [file('- {type: ABAC, name: a}\n'), 'f: authorizers[0].type: Unsupported value: "ABAC": supported values: "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"'],
    [file('- {type: RBAC, name: rbac}\n- {type: RBAC, name: rbac}\n'), 'f: authorizers[1].type: Duplicate value: "RBAC"'],
    [file('- {type: RBAC, name: A}\n'), 'f: authorizers[0].name: Invalid value: "A": authorizer name is invalid'],
    [file('- {type: Webhook, name: a}\n'), 'f: authorizers[0].webhook: Required value: required when type=Webhook'],
    [file(webhook().replace('3s', '40s')), 'f: authorizers[0].webhook.timeout: Invalid value: "40s": must be > 0s and <= 30s'],
    [file(webhook(', matchConditions: [{expression: "true"}]')), 'f: authorizers[0].webhook.matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified'],
    [file(webhook(', more: 1')), 'f: authorizers[0].webhook.more: unknown field'],
    [file('  []\n'), 'f: authorizers: Required value: at least one authorization mode must be defined'],
  ];
  for (const [text, message] of cases) await expect(read(text)).rejects.toThrow(new UsageError(message));
});

test('policies of ABAC', async () => {
  const v1 = (spec: object): string => JSON.stringify({ apiVersion: 'abac.authorization.kubernetes.io/v1beta1', kind: 'Policy', spec });
  const policies = parseAbacPolicies('p', ['# comment', '', v1({ user: 'ann', namespace: 'ns', resource: 'pods', apiGroup: '*', readonly: true }), v1({ group: '*', nonResourcePath: '/open/*' }), '{"user":"old"}'].join('\n'));
  const may = async (more: Partial<AuthorizationAttributes>): Promise<string> => (await abacAuthorizer(policies).authorize(ask(more))).decision;
  expect(await may({})).toBe('allow');
  expect(await may({ verb: 'delete' })).toBe('no-opinion');
  expect(await may({ namespace: 'other' })).toBe('no-opinion');
  const path = (who: string, at: string): Partial<AuthorizationAttributes> => ({ user: user(who, '', ['system:authenticated']), isResourceRequest: false, path: at });
  expect(await may(path('eve', '/open/x'))).toBe('allow');
  expect(await may(path('eve', '/closed'))).toBe('no-opinion');
  expect(await may({ user: user('old', '', []), verb: 'delete', group: 'apps' }), 'what old lines leave out they do not restrict').toBe('allow');
  expect(() => parseAbacPolicies('p', '{"usr":"x"}')).toThrow('error reading policy file p, line 1: {"usr":"x"}: unknown field "usr"');
});
