import { fromUtf8, readAll, utf8, type IncomingResponse } from '@coxswain/host';
import { expect, test } from 'vitest';
import { ApiError, isAlreadyExists, isConflict, isNotFound } from './api-error.ts';
import { createClientFromTransport } from './create-client.ts';
import { pathOf } from './resource.ts';
import { resources } from './resources.ts';
import type { OutgoingRequestLike } from './transport.ts';

function answering(status: number, body: string): { readonly requests: (OutgoingRequestLike & { text: string })[]; readonly transport: (request: OutgoingRequestLike) => Promise<IncomingResponse> } {
  const requests: (OutgoingRequestLike & { text: string })[] = [];
  return {
    requests,
    transport: async (request) => {
      requests.push({ ...request, text: request.body instanceof Uint8Array ? fromUtf8(request.body) : '' });
      return { status, headers: {}, body: (async function* () { yield utf8(body); })(), trailers: Promise.resolve({}) };
    },
  };
}

test('paths', () => {
  expect(pathOf(resources.pods, { namespace: 'a', name: 'b', subresource: 'log' })).toBe('/api/v1/namespaces/a/pods/b/log');
  expect(pathOf(resources.deployments)).toBe('/apis/apps/v1/deployments');
  expect(pathOf(resources.nodes, { name: 'n' })).toBe('/api/v1/nodes/n');
});

test('requests as the API wants them', async () => {
  const { requests, transport } = answering(200, '{"metadata":{"name":"x"}}');
  const client = createClientFromTransport(transport, { userAgent: 'ua/1' });
  await client.patch(resources.pods, { namespace: 'a', name: 'b' }, 'apply', { spec: {} }, { fieldManager: 'm', force: true, subresource: 'status' });
  await client.delete(resources.pods, { namespace: 'a', name: 'b' }, { gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
  await client.create(resources.pods, { metadata: { namespace: 'a', name: 'b' } });
  expect(requests[0]).toMatchObject({ method: 'PATCH', target: '/api/v1/namespaces/a/pods/b/status?fieldManager=m&force=true', headers: { 'content-type': 'application/apply-patch+yaml', 'user-agent': 'ua/1' } });
  expect(JSON.parse(requests[1]?.text ?? '')).toEqual({ kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
  expect(requests[2]).toMatchObject({ method: 'POST', target: '/api/v1/namespaces/a/pods' });
  expect(JSON.parse(requests[2]?.text ?? '')).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
});

test('a refusal is an ApiError with the Status as it came', async () => {
  const { transport } = answering(409, '{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"AlreadyExists","message":"pods \\"x\\" already exists","code":409}');
  const error = await createClientFromTransport(transport, { userAgent: 'u' }).get(resources.pods, { namespace: 'a', name: 'x' }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiError);
  expect([isAlreadyExists(error), isConflict(error), isNotFound(error)]).toEqual([true, false, false]);
  expect((error as ApiError).message).toBe('pods "x" already exists');
});

test('a page that is no Status counts by its code', async () => {
  const { transport } = answering(404, '404 page not found');
  const error = await createClientFromTransport(transport, { userAgent: 'u' }).list(resources.pods).catch((caught: unknown) => caught);
  expect(isNotFound(error)).toBe(true);
});

test('raw answers any status', async () => {
  const { transport } = answering(500, 'sad');
  const answer = await createClientFromTransport(transport, { userAgent: 'u' }).raw({ method: 'GET', target: '/healthz' });
  expect([answer.status, fromUtf8(await readAll((async function* () { yield answer.body; })()))]).toEqual([500, 'sad']);
});
