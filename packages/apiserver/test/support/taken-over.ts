import { readFileSync } from 'node:fs';
import { utf8, type Host } from '@coxswain/host';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import type { ApiServerConfig } from '../../src/config.ts';
import { createApiServer, type ApiServer, type ApiServerOptions } from '../../src/server.ts';
import { adminToken, testPartsConfig } from '../../src/testing/parts-config.ts';
import { answerOf, httpRequest, type TestAnswer } from '../../src/testing/test-server.ts';

interface Kept {
  readonly key: string;
  readonly value: string;
  /** Where kube-apiserver served it, and how; absent for what is no object. */
  readonly path?: string;
  readonly served?: string;
}

const file = new URL('../fixtures/kube-apiserver-1.32-store.jsonl', import.meta.url);

/** One object of each kind, as kube-apiserver 1.32 wrote it and served it. */
export function readKept(): readonly Kept[] {
  return readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Kept);
}

export async function fill(store: EtcdClient, kept: readonly Kept[]): Promise<void> {
  for (const { key, value } of kept) await store.put({ key: utf8(key), value: Uint8Array.fromBase64(value) });
}

export interface Successor {
  readonly server: ApiServer;
  call(method: string, target: string, body?: unknown, contentType?: string): Promise<TestAnswer>;
}

export async function succeed(store: EtcdClient, host: Host, more: Partial<ApiServerConfig> = {}, options: ApiServerOptions = {}): Promise<Successor> {
  const server = await createApiServer({ store, parts: testPartsConfig({ disableAdmissionPlugins: ['ServiceAccount'] }), compactionIntervalMs: 0, ...more }, host, options);
  await server.start();
  return {
    server,
    call: async (method, target, body, contentType = 'application/json') => answerOf(await server.handle(httpRequest({ method, target, body, headers: { authorization: `Bearer ${adminToken}`, ...(body === undefined ? {} : { 'content-type': contentType }) } }))),
  };
}

export function withoutVersion(text: string): string {
  return text.trimEnd().replace(/"resourceVersion":"\d+",?/, '');
}

/** Reads, writes and deletes every one of them; answers what went otherwise than with the server that wrote them. */
export async function tryAll(successor: Successor, kept: readonly Kept[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  const call: Successor['call'] = (...asked) => successor.call(...asked);
  // Its namespace, under the name that most of them are in.
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'rec' } });
  const objects = kept.flatMap(({ path, served }) => (path === undefined || served === undefined ? [] : [{ path, served }]));
  for (const { path, served } of objects) {
    const answer = await call('GET', path);
    // What the new server itself decides of it may have changed by now.
    if (path.includes('/flowschemas/') && answer.status === 200) continue;
    if (answer.status !== 200 || withoutVersion(answer.text) !== withoutVersion(served)) wrong.push(`GET ${path}: ${answer.status} ${answer.text}`);
  }
  for (const { path } of objects) {
    const answer = await call('PATCH', path, { metadata: { labels: { taken: 'over' } } }, 'application/merge-patch+json');
    if (answer.status !== 200) wrong.push(`PATCH ${path}: ${answer.status} ${answer.text}`);
  }
  for (const { path } of objects.toReversed()) {
    const answer = await call('DELETE', path);
    if (answer.status !== 200) wrong.push(`DELETE ${path}: ${answer.status} ${answer.text}`);
  }
  return wrong;
}
