import { readAll, fromUtf8, header, type ByteSource } from '@coxswain/host';
import { at, isObject, textAt } from '../registry/object.ts';
import type { TestCluster } from '../testing/cluster.ts';
import { adminToken } from '../testing/parts-config.ts';
import { httpRequest } from '../testing/test-server.ts';
import type { Json, JsonObject } from '@coxswain/api';

export const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** `stable.example.com/v1` CronTabs, changed by `spec` and by what `schema` says of the spec. */
export function crontabs(schema: JsonObject = {}, spec: JsonObject = {}): JsonObject {
  const specSchema: JsonObject = { type: 'object', properties: { cron: { type: 'string' }, image: { type: 'string' }, replicas: { type: 'integer' } }, ...schema };
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'crontabs.stable.example.com' },
    spec: {
      group: 'stable.example.com', scope: 'Namespaced', names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', listKind: 'CronTabList', shortNames: ['ct'] },
      versions: [{
        name: 'v1', served: true, storage: true, subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' } },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: specSchema, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } },
      }],
      ...spec,
    },
  };
}

function isEstablished(object: unknown): boolean {
  const conditions = isObject(object as Json) ? at(object as JsonObject, 'status', 'conditions') : undefined;
  return Array.isArray(conditions) && conditions.some((condition) => isObject(condition) && condition['type'] === 'Established' && condition['status'] === 'True');
}

/** Until that server's cache, by which it serves, shows it as wanted. */
async function until(cluster: TestCluster, name: string, server: number, done: (object: JsonObject | undefined) => boolean): Promise<void> {
  const cache = cluster.servers[server]?.cache;
  const look = (): boolean => done(cache?.get('apiextensions.k8s.io', 'customresourcedefinitions', '', name));
  if (cache === undefined || look()) return;
  await new Promise<void>((resolve) => {
    const stop = cache.onChange('apiextensions.k8s.io', 'customresourcedefinitions', () => {
      if (!look()) return;
      stop();
      resolve();
    });
  });
}

/** Creates the definition unless it is there, and waits until the server serves it. */
export async function defineKind(cluster: TestCluster, definition: JsonObject, server = 0): Promise<void> {
  const answer = await cluster.call('POST', definitions, { body: definition }, server);
  if (answer.status !== 201 && answer.status !== 409) throw new Error(`the definition was refused: ${answer.text}`);
  await until(cluster, textAt(definition, 'metadata', 'name'), server, isEstablished);
}

/** Waits until the server no longer serves it. */
export async function removeKind(cluster: TestCluster, name: string, server = 0): Promise<void> {
  await until(cluster, name, server, (object) => object === undefined);
}

/** Waits until the server has seen this generation of the definition. */
export async function definitionSeen(cluster: TestCluster, name: string, resourceVersion: unknown, server = 0): Promise<void> {
  await until(cluster, name, server, (object) => Number(at(object ?? {}, 'metadata', 'resourceVersion') ?? 0) >= Number(resourceVersion) && isEstablished(object));
}

export interface WatchReader {
  /** undefined: the watch is over. */
  next(): Promise<{ readonly type: string; readonly object: JsonObject } | undefined>;
}

export async function watchOf(cluster: TestCluster, target: string, server = 0, headers: Readonly<Record<string, string>> = {}): Promise<WatchReader> {
  const response = await cluster.servers[server]?.handle(httpRequest({ method: 'GET', target, headers: { authorization: `Bearer ${adminToken}`, ...headers } }));
  if (response?.status !== 200) throw new Error(`the watch was refused: ${response === undefined ? '' : fromUtf8(await bytesOf(response.body))}`);
  if (!header(response.headers, 'content-type')?.startsWith('application/json')) throw new Error('the watch is not JSON');
  return reader(response.body as ByteSource);
}

function bytesOf(body: Uint8Array | ByteSource | undefined): Promise<Uint8Array> {
  return body instanceof Uint8Array || body === undefined ? Promise.resolve(body ?? new Uint8Array()) : readAll(body);
}

function reader(body: ByteSource): WatchReader {
  const chunks = body[Symbol.asyncIterator]();
  let rest = '';
  return {
    async next() {
      for (;;) {
        const end = rest.indexOf('\n');
        if (end >= 0) {
          const line = rest.slice(0, end);
          rest = rest.slice(end + 1);
          return JSON.parse(line) as { type: string; object: JsonObject };
        }
        const chunk = await chunks.next();
        if (chunk.done === true) return undefined;
        rest += fromUtf8(chunk.value);
      }
    },
  };
}
