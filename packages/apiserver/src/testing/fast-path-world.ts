import { createClientFromTransport, type Client, type LeaseTerm } from '@coxswain/client';
import { createLocalStore } from '@coxswain/etcd-lite';
import { silentLogger, type ByteSource } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createApiServer, type ApiServer } from '../server.ts';
import { adminToken, testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, type TestAnswer } from '../testing/test-server.ts';

const host = createRealHost(silentLogger);

export interface World {
  readonly server: ApiServer;
  readonly client: Client;
  call(method: string, target: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
  transactions: number;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const store = createLocalStore(host);
  const counted = new Proxy(store, { get: (target, key) => {
    if (key === 'txn') return (options: Parameters<typeof store.txn>[0]) => { world.transactions += 1; return target.txn(options); };
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  } });
  const server = await createApiServer({ store: counted, compactionIntervalMs: 0, parts: { ...testPartsConfig(), authorizationModes: ['RBAC'], disableAdmissionPlugins: ['ServiceAccount'] } }, host);
  const headers = { authorization: `Bearer ${adminToken}` };
  const world: World = {
    server, transactions: 0,
    client: createClientFromTransport(async (request) => {
      const response = await server.handle(httpRequest({ method: request.method, target: request.target, raw: request.body as Uint8Array, headers: { ...request.headers, ...headers } }));
      const body = response.body as ByteSource | Uint8Array;
      return { status: response.status, headers: response.headers, body: body instanceof Uint8Array ? once(body) : body, trailers: Promise.resolve({}) };
    }, { userAgent: 'fast-path-test' }),
    call: async (method, target, body, more = {}) => answerOf(await server.handle(httpRequest({ method, target, body, headers: { ...headers, ...more } }))),
    stop: async () => {
      await server.stop();
      await store.close();
    },
  };
  await server.start();
  return world;
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield data;
}

/** As one that is of somebody else's make. */
export function withoutFastPath(client: Client): Client {
  return new Proxy(client, { get: (target, key) => {
    if (key === 'raw') return () => Promise.resolve({ status: 404, body: new Uint8Array(0) });
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  } });
}

export const terms = { a: { namespace: 'work', name: 'lead', holderIdentity: 'a/1', leaseTransitions: 0 }, b: { namespace: 'work', name: 'lead', holderIdentity: 'b', leaseTransitions: 1 } } as const;
const lease = '/apis/coordination.k8s.io/v1/namespaces/work/leases/lead';

/** Answers the Lease's revision. */
export async function holdLease(world: World, { holderIdentity, leaseTransitions }: LeaseTerm, over?: number): Promise<number> {
  const revisionOf = (json: Record<string, unknown>): number => Number((json['metadata'] as { resourceVersion?: string } | undefined)?.resourceVersion ?? 0);
  const before = over ?? revisionOf((await world.call('GET', lease)).json);
  const { json, status } = await world.call('PUT', lease, { metadata: { name: 'lead', ...(before === 0 ? {} : { resourceVersion: String(before) }) }, spec: { holderIdentity, leaseTransitions, leaseDurationSeconds: 15 } });
  if (status >= 300) throw new Error(`the Lease could not be held: ${status}`);
  return revisionOf(json);
}
