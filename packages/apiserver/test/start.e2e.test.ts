import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSecondsOf, memoryOf } from '@coxswain/etcd-lite/bench';
import { createEtcdClient, type EtcdClient } from '@coxswain/etcd-lite/client';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { namespace, nodeName, podBody, podName, podPath, podsPath } from '../src/edge/bench/objects.ts';
import { startOwn, type Target } from '../src/edge/bench/targets.ts';
import { connectAll, type Answer, type Call } from '../src/edge/bench/wire.ts';

const pods = 100_000;
const nodes = 5000;
const together = 100;
const atOnce = 8;
/** Of the API server alone, its own start included: with a processor to itself it is ready in about that time. */
const processorSecondsMax = 10;

async function call(target: Target, request: Call): Promise<Answer> {
  const [connection] = await connectAll(target, 1);
  try {
    return await (connection as NonNullable<typeof connection>).call(request);
  } finally {
    connection?.close();
  }
}

const keyOf = (at: number): Uint8Array => utf8(`/registry/pods/${namespace}/${podName(at)}`);

/** Pods as the server stores them, but past it: each like the first one, under another name, uid and node. */
async function fill(store: EtcdClient): Promise<void> {
  const { kvs: [first] } = await store.range({ key: keyOf(0) });
  if (first === undefined) throw new Error('there is no pod to copy');
  const like = fromUtf8(first.value);
  const uid = /"uid":"([^"]+)"/.exec(like)?.[1] ?? '';
  const valueOf = (at: number): Uint8Array => utf8(like.replaceAll(`"${podName(0)}"`, `"${podName(at)}"`).replaceAll(`"${nodeName(0)}"`, `"${nodeName(at % nodes)}"`).replace(uid, `${uid.slice(0, -6)}${String(at).padStart(6, '0')}`));
  let next = 1;
  const writer = async (): Promise<void> => {
    while (next < pods) {
      const from = next;
      next += together;
      await store.txn({ compare: [], failure: [], success: Array.from({ length: Math.min(together, pods - from) }, (_, at) => ({ type: 'put', key: keyOf(from + at), value: valueOf(from + at) })) });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, writer));
}

test('with 100,000 pods in a store of three members the server is soon ready, and has them all', async () => {
  const directory = join(tmpdir(), `cox-start-${process.pid}`);
  const target = await startOwn({ directory, members: 3, storeTls: false, nodeArguments: [] });
  const store = createEtcdClient(createRealHost(silentLogger), { endpoints: target.storeEndpoints ?? [], requestTimeoutMs: 60_000 });
  try {
    const create = (path: string, body: Uint8Array): Promise<Answer> => call(target, { method: 'POST', path, body });
    expect((await create('/api/v1/namespaces', utf8(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })))).status).toBe(201);
    expect((await create(podsPath, podBody(0, nodes))).status).toBe(201);
    await fill(store);
    const readyMs = await target.restart?.();
    const [server] = target.processes();
    const processorSeconds = cpuSecondsOf(server?.pid ?? 0);
    process.stdout.write(`ready with ${pods} pods after ${Math.round(readyMs ?? 0)} ms; processor ${processorSeconds.toFixed(1)} s, ${Math.round(memoryOf(server?.pid ?? 0).residentMb)} MB\n`);
    expect(processorSeconds).toBeLessThan(processorSecondsMax);
    const last = await call(target, { method: 'GET', path: podPath(pods - 1) });
    expect([last.status, last.start.includes(`"name":"${podName(pods - 1)}"`)]).toEqual([200, true]);
    const page = await call(target, { method: 'GET', path: `${podsPath}?limit=1` });
    expect(page.start).toContain(`"remainingItemCount":${pods - 1}`);
  } finally {
    await store.close();
    await target.close();
    rmSync(directory, { recursive: true, force: true });
  }
}, 600_000);
