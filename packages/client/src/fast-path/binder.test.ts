import { GrpcCutter, grpcFrame } from '@coxswain/etcd-lite/wire';
import { emptyBytes } from '@coxswain/host';
import { expect, test } from 'vitest';
import type { Client } from '../types.ts';
import { Binder } from './binder.ts';
import { fastPathCodecs } from './messages.ts';

/** Names in each call, in order. */
function recording(): { readonly client: Client; readonly calls: string[][] } {
  const calls: string[][] = [];
  const raw = async ({ body }: { readonly body?: Uint8Array }): Promise<{ readonly status: number; readonly body: Uint8Array }> => {
    const cutter = new GrpcCutter(1e6);
    cutter.push(body as Uint8Array);
    const { items } = fastPathCodecs.writeRequest.decode(cutter.next() as Uint8Array);
    if (items.length > 0) calls.push(items.map(({ name }) => name));
    return { status: 200, body: grpcFrame(fastPathCodecs.writeResponse.encode({ answers: items.map(() => ({ code: 201, body: emptyBytes })) })) };
  };
  return { client: { raw } as unknown as Client, calls };
}

const binding = (name: string, gang?: string) => ({ namespace: 'd', name, uid: name, node: 'n', gang });

test('a gang that is bound in one turn is bound by one call, the first time and later', async () => {
  const { client, calls } = recording();
  const binder = new Binder(client);
  const gang = (name: string): Promise<unknown> => Promise.all([1, 2, 3].map((at) => binder.bind(binding(`${name}${at}`, name))));
  await gang('a');
  await gang('b');
  expect(calls).toEqual([['a1', 'a2', 'a3'], ['b1', 'b2', 'b3']]);
});

test('a gang at the end of a full call goes with the next one', async () => {
  const { client, calls } = recording();
  const binder = new Binder(client);
  const others = Array.from({ length: 199 }, (_, at) => binder.bind(binding(`p${at}`)));
  await Promise.all([...others, ...['x', 'y', 'z'].map((name) => binder.bind(binding(name, 'g')))]);
  expect(calls.map((names) => names.length)).toEqual([199, 3]);
});

test('a gang that no call can hold is cut', async () => {
  const { client, calls } = recording();
  const binder = new Binder(client);
  await Promise.all(Array.from({ length: 450 }, (_, at) => binder.bind(binding(`p${at}`, 'g'))));
  expect(calls.map((names) => names.length)).toEqual([200, 200, 50]);
});

test('a server that has lost its fast path gets a binding a request, and none is lost', async () => {
  let calls = 0;
  const bound: string[] = [];
  const raw = async (): Promise<{ readonly status: number; readonly body: Uint8Array }> => {
    calls += 1;
    return calls === 1 ? { status: 200, body: grpcFrame(fastPathCodecs.writeResponse.encode({ answers: [] })) } : { status: 404, body: emptyBytes };
  };
  const createSubresource = async (_resource: unknown, { name }: { readonly name: string }): Promise<void> => { bound.push(name); };
  const binder = new Binder({ raw, createSubresource } as unknown as Client);
  await Promise.all([binder.bind(binding('a')), binder.bind(binding('b'))]);
  await binder.bind(binding('c'));
  expect(bound).toEqual(['a', 'b', 'c']);
  expect(calls).toBe(2);
});

test('a second call goes while the first one runs, once half a call waits, and no third one', async () => {
  const { client, calls } = recording();
  const answers: (() => void)[] = [];
  const held = { raw: async (request: Parameters<Client['raw']>[0]) => {
    const answer = await client.raw(request);
    if (calls.length > 0) await new Promise<void>((resolve) => { answers.push(resolve); });
    return answer;
  } } as unknown as Client;
  const binder = new Binder(held);
  const bound: Promise<void>[] = [];
  const bind = async (count: number): Promise<readonly number[]> => {
    for (let at = 0; at < count; at += 1) bound.push(binder.bind(binding(`p${bound.length}`)));
    await new Promise(setImmediate);
    return calls.map((names) => names.length);
  };
  expect(await bind(1)).toEqual([1]);
  expect(await bind(99)).toEqual([1]);
  expect(await bind(1)).toEqual([1, 100]);
  expect(await bind(250)).toEqual([1, 100]);
  answers[1]?.();
  expect(await bind(0)).toEqual([1, 100, 200]);
  answers[0]?.();
  expect(await bind(0)).toEqual([1, 100, 200]);
  answers[2]?.();
  expect(await bind(0)).toEqual([1, 100, 200, 50]);
  answers[3]?.();
  await Promise.all(bound);
});
