import { StatusError } from '@coxswain/api';
import { createLocalStore } from '@coxswain/etcd-lite';
import { emptyBytes, fromUtf8, header, readAll, utf8, type Host, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { silentLogger } from '@coxswain/host';
import type { ApiServerConfig } from '../config.ts';
import { createApiServer, type ApiServer, type ApiServerOptions } from '../server.ts';
import { testPartsConfig } from './parts-config.ts';
import type { ApiServerParts, UserInfo } from '../types.ts';

export interface TestRequest {
  readonly method: string;
  readonly target: string;
  readonly body?: unknown;
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (data.length > 0) yield data;
}

export function httpRequest(request: TestRequest): HttpRequest {
  const body = request.raw !== undefined ? (typeof request.raw === 'string' ? utf8(request.raw) : request.raw) : request.body === undefined ? emptyBytes : utf8(JSON.stringify(request.body));
  return {
    method: request.method, target: request.target, headers: { ...(body.length > 0 ? { 'content-type': 'application/json' } : {}), ...request.headers },
    body: once(body), peer: { address: '127.0.0.1:1' }, httpVersion: '1.1', signal: request.signal ?? new AbortController().signal, upgradeRequested: false,
  };
}

export interface TestAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly warning: string | undefined;
  readonly text: string;
  readonly json: Record<string, unknown>;
  readonly response: HttpResponse;
}

export async function answerOf(response: HttpResponse): Promise<TestAnswer> {
  const bytes = response.body === undefined ? emptyBytes : response.body instanceof Uint8Array ? response.body : await readAll(response.body);
  const text = fromUtf8(bytes);
  let json: unknown = {};
  try {
    json = JSON.parse(text);
  } catch {
    json = {};
  }
  return { status: response.status, contentType: header(response.headers, 'content-type') ?? '', warning: header(response.headers, 'warning'), text, json: json as Record<string, unknown>, response };
}

const administrator: UserInfo = { name: 'admin', uid: 'admin', groups: ['system:masters', 'system:authenticated'], extra: {} };

/** Stages that let everything through, for tests of what comes after them. */
export const permissiveParts: ApiServerParts = {
  authenticate: (request) => (request.headers['authorization'] === 'Bearer wrong' ? Promise.reject(new StatusError('Unauthorized', 'Unauthorized')) : Promise.resolve(administrator)),
  impersonate: (_request, user) => Promise.resolve(user),
  authorize: () => Promise.resolve(),
  authorizer: { name: 'AlwaysAllow', authorize: () => Promise.resolve({ decision: 'allow', reason: '' }) },
  admission: { admit: () => Promise.resolve(), validate: () => Promise.resolve() },
  createHandlers: [], subresources: [], writeHooks: [], pathHandlers: [], postStartHooks: [],
};

export interface TestServer {
  readonly server: ApiServer;
  readonly host: Host;
  call(request: TestRequest): Promise<TestAnswer>;
  stop(): Promise<void>;
}

export async function startTestServer(options: ApiServerOptions = { assemble: () => permissiveParts }, host: Host = createRealHost(silentLogger), config: Partial<ApiServerConfig> = {}): Promise<TestServer> {
  const store = createLocalStore(host);
  const server = await createApiServer({ store, parts: testPartsConfig(), ...config }, host, options);
  await server.start();
  return {
    server, host,
    call: async (request) => answerOf(await server.handle(httpRequest(request))),
    stop: async () => {
      await server.stop();
      await store.close();
    },
  };
}
