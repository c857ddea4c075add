import { createLocalStore } from '@coxswain/etcd-lite';
import { silentLogger, type HeaderMap, type Host, type Peer } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { ApiServerConfig } from '../config.ts';
import type { PartsConfig } from '../parts.ts';
import { createApiServer, type ApiServer } from '../server.ts';
import { adminToken, testPartsConfig } from './parts-config.ts';
import { answerOf, httpRequest, type TestAnswer } from './test-server.ts';

// What tests read out of answers.
export type Loose = Record<string, unknown> & { metadata: Record<string, unknown> & { name: string; uid: string }; spec: Record<string, unknown>; status: Record<string, unknown> };

export interface Call {
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: HeaderMap;
  readonly peer?: Peer;
}

export interface TestCluster {
  readonly servers: readonly ApiServer[];
  readonly host: Host;
  /** By the administrator, at the first server, unless said otherwise. */
  call(method: string, target: string, call?: Call, server?: number): Promise<TestAnswer & { readonly object: Loose }>;
  /** Until the first server's cache holds the object, or no longer holds it. */
  seen(group: string, resource: string, namespace: string, name: string, present?: boolean): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestCluster(configs: readonly Partial<PartsConfig>[] = [{}], host: Host = createRealHost(silentLogger), common: Partial<ApiServerConfig> = {}): Promise<TestCluster> {
  const store = createLocalStore(host);
  const servers = await Promise.all(configs.map((config) => createApiServer({ ...common, store, parts: testPartsConfig(config) }, host)));
  await Promise.all(servers.map((server) => server.start()));
  return {
    servers, host,
    async call(method, target, { body, token = adminToken, headers = {}, peer } = {}, server = 0) {
      const request = httpRequest({ method, target, body, headers: token === '' ? {} : { authorization: `Bearer ${token}` } });
      const answer = await answerOf(await (servers[server] as ApiServer).handle({ ...request, headers: { ...request.headers, ...headers }, ...(peer === undefined ? {} : { peer }) }));
      return { ...answer, object: answer.json as Loose };
    },
    async seen(group, resource, namespace, name, present = true) {
      const cache = (servers[0] as ApiServer).cache;
      const done = (): boolean => (cache.get(group, resource, namespace, name) !== undefined) === present;
      if (done()) return;
      await new Promise<void>((resolve) => {
        const stop = cache.onChange(group, resource, () => { if (done()) { stop(); resolve(); } });
        if (done()) { stop(); resolve(); }
      });
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
      await store.close();
    },
  };
}
