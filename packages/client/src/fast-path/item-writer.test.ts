import { fromUtf8, utf8 } from '@coxswain/host';
import { grpcFrame, GrpcCutter } from '@coxswain/etcd-lite/wire';
import { expect, test } from 'vitest';
import type { Client } from '../types.ts';
import { ItemWriter } from './item-writer.ts';
import { fastPathCodecs, fastPathMethods, type FastPathItem } from './messages.ts';

const item = (name: string): FastPathItem => ({ namespace: 'd', name, lease: { body: utf8(`{"name":"${name}"}`) } });

interface Request { readonly method: string; readonly target: string; readonly body?: Uint8Array }

function clientOf(raw: (request: Request) => Promise<{ readonly status: number; readonly body: Uint8Array }>): Client {
  return { raw } as unknown as Client;
}

test('what is written in one turn goes in one call, and each gets its own answer', async () => {
  const calls: string[][] = [];
  const writer = new ItemWriter(clientOf(async ({ target, body }) => {
    expect(target).toBe(fastPathMethods.write);
    const cutter = new GrpcCutter(1e6);
    cutter.push(body as Uint8Array);
    const { items } = fastPathCodecs.writeRequest.decode(cutter.next() as Uint8Array);
    calls.push(items.map(({ name }) => name));
    return { status: 200, body: grpcFrame(fastPathCodecs.writeResponse.encode({ answers: items.map(({ name }) => ({ code: name === 'b' ? 409 : 200, body: utf8(name) })) })) };
  }), { itemsACall: 2 });
  const answers = await Promise.all(['a', 'b', 'c'].map((name) => writer.write(item(name))));
  expect(answers.map(({ code, body }) => `${code} ${fromUtf8(body)}`)).toEqual(['200 a', '409 b', '200 c']);
  expect(calls).toEqual([[], ['a', 'b'], ['c']]);
});

test('a server without a fast path gets the requests that the items stand for', async () => {
  const seen: string[] = [];
  const writer = new ItemWriter(clientOf(async ({ method, target, body = new Uint8Array(0) }) => {
    if (target === fastPathMethods.write) return { status: 404, body: new Uint8Array(0) };
    seen.push(`${method} ${target} ${fromUtf8(body)}`);
    return { status: 201, body: new Uint8Array(0) };
  }));
  expect((await writer.write(item('a'))).code).toBe(201);
  expect(seen).toEqual(['PUT /apis/coordination.k8s.io/v1/namespaces/d/leases/a {"name":"a"}']);
});

test('a server that is not there is told to each, and asked again by the next', async () => {
  let up = false;
  const writer = new ItemWriter(clientOf(async () => {
    if (!up) throw new Error('refused');
    return { status: 404, body: new Uint8Array(0) };
  }));
  const outcomes = await Promise.allSettled([writer.write(item('a')), writer.write(item('b'))]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  up = true;
  expect((await writer.write(item('c'))).code).toBe(404);
});

test('a server that has lost its fast path gets requests from then on', async () => {
  let calls = 0;
  const seen: string[] = [];
  const writer = new ItemWriter(clientOf(async ({ method, target, body = new Uint8Array(0) }) => {
    if (target !== fastPathMethods.write) {
      seen.push(`${method} ${fromUtf8(body)}`);
      return { status: 200, body: new Uint8Array(0) };
    }
    calls += 1;
    return calls === 1 ? { status: 200, body: grpcFrame(fastPathCodecs.writeResponse.encode({ answers: [] })) } : { status: 404, body: new Uint8Array(0) };
  }));
  const answers = await Promise.all(['a', 'b'].map((name) => writer.write(item(name))));
  expect(answers.map(({ code }) => code)).toEqual([200, 200]);
  expect(seen).toEqual(['PUT {"name":"a"}', 'PUT {"name":"b"}']);
  await writer.write(item('c'));
  expect(calls).toBe(2);
});

test('an answer of the moment, such as a token that is just renewed, is no word about the fast path', async () => {
  const codes = [200, 401, 200];
  const writer = new ItemWriter(clientOf(async ({ target, body }) => {
    expect(target).toBe(fastPathMethods.write);
    const status = codes.shift() as number;
    const cutter = new GrpcCutter(1e6);
    cutter.push(body as Uint8Array);
    const { items } = fastPathCodecs.writeRequest.decode(cutter.next() as Uint8Array);
    return { status, body: status === 200 ? grpcFrame(fastPathCodecs.writeResponse.encode({ answers: items.map(() => ({ code: 200, body: new Uint8Array(0) })) })) : utf8('{}') };
  }));
  await expect(writer.write(item('a'))).rejects.toMatchObject({ code: 401 });
  expect((await writer.write(item('a'))).code).toBe(200);
});

test('a deletion that is told in the status first is told there without a fast path, too, and is not done if that is refused', async () => {
  const seen: string[] = [];
  let told = 200;
  const writer = new ItemWriter(clientOf(async ({ method, target }) => {
    if (target === fastPathMethods.write) return { status: 404, body: new Uint8Array(0) };
    seen.push(`${method} ${target}`);
    return { status: method === 'PATCH' ? told : 200, body: new Uint8Array(0) };
  }));
  const victim: FastPathItem = {
    namespace: 'd', name: 'p', delete: { apiVersion: 'v1', resource: 'pods', body: utf8('{}'), status: utf8('{}'), statusPatchType: 'application/strategic-merge-patch+json' },
  };
  expect((await writer.write(victim)).code).toBe(200);
  expect(seen).toEqual(['PATCH /api/v1/namespaces/d/pods/p/status', 'DELETE /api/v1/namespaces/d/pods/p']);
  told = 403;
  expect((await writer.write(victim)).code).toBe(403);
  expect(seen.slice(2)).toEqual(['PATCH /api/v1/namespaces/d/pods/p/status']);
});
