import { Simulation } from '@coxswain/host/sim';
import { fromUtf8, type HttpRequest } from '@coxswain/host';
import type { AccessAttributes, AccessVerdict } from '@coxswain/client';
import { expect, test } from 'vitest';
import type { Explanation } from './explain/explanation.ts';
import { schedulerHandler } from './serve.ts';

async function ask(target: string, verdict: AccessVerdict | Error, method = 'GET'): Promise<{ status: number; body: string; asked: AccessAttributes[] }> {
  const asked: AccessAttributes[] = [];
  const handler = schedulerHandler({
    host: new Simulation({ seed: 1 }).start('m', 'scheduler').host,
    health: { metrics: { render: async () => 'scheduler_x 1' } as never },
    scheduler: { explain: (namespace, name, { everyNode }) => [{ namespace, name, message: String(everyNode) } as Explanation] },
    auth: { check: async (_request, attributes) => { asked.push(attributes); if (verdict instanceof Error) throw verdict; return verdict; } },
  });
  const { status, body } = await handler({ method, target } as HttpRequest);
  return { status, body: fromUtf8(body as Uint8Array), asked };
}

const allowed: AccessVerdict = { kind: 'allowed' };

test('an explanation is for those who may get pods/explain', async () => {
  const path = '/explain/namespaces/default/pods/web';
  expect(JSON.parse((await ask(`${path}?nodes=all`, allowed)).body)).toEqual({ kind: 'PodExplanationList', items: [{ namespace: 'default', name: 'web', message: 'true' }] });
  const { asked } = await ask(path, allowed);
  expect(asked).toEqual([{ resourceAttributes: { verb: 'get', version: 'v1', resource: 'pods', subresource: 'explain', namespace: 'default', name: 'web' } }]);
  expect((await ask(path, { kind: 'unauthorized' })).status).toBe(401);
  expect(await ask(path, { kind: 'forbidden', user: 'eve' })).toMatchObject({ status: 403, body: `User "eve" cannot get path "${path}"\n` });
  expect((await ask(path, new Error('down'))).status).toBe(503);
  expect((await ask(path, allowed, 'POST')).status).toBe(405);
});

test('health is for everybody, everything else is not, however it is spelt', async () => {
  expect(await ask('/healthz', { kind: 'unauthorized' })).toMatchObject({ status: 200, asked: [] });
  for (const target of ['/metrics', '/explain/namespaces/../pods/x', '//healthz', '/']) expect((await ask(target, { kind: 'unauthorized' })).status).toBe(401);
  for (const target of ['/healthz/../metrics', '/livez/%2e%2e/explain/namespaces/a/pods/b']) expect((await ask(target, { kind: 'unauthorized' })).body).not.toMatch(/scheduler_x|PodExplanation/);
  expect((await ask('/metrics', allowed)).body).toBe('scheduler_x 1');
  expect((await ask('/other', allowed)).status).toBe(404);
});
