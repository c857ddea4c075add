import type { Client } from '@coxswain/client';
import { emptyBytes, type Host, type HttpRequest } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { noMetrics } from '@coxswain/service';
import { expect, test } from 'vitest';
import type { KubeletServerConfig } from '../config.ts';
import type { KubeletView } from '../kubelet.ts';
import { kubeletHandler } from './server.ts';

const config: KubeletServerConfig = {
  address: '', port: 0, clientCaPem: undefined, anonymous: false, webhookAuthentication: false, authenticationCacheMs: 0, authorization: 'Webhook', authorizedCacheMs: 0,
  unauthorizedCacheMs: 0, healthzAddress: '', healthzPort: 0,
};

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  yield emptyBytes;
}

function request(target: string, user: string): HttpRequest {
  return {
    method: 'GET', target, headers: {}, body: nothing(), httpVersion: '1.1', signal: new AbortController().signal, upgradeRequested: false,
    peer: { address: '10.0.0.9:1', ...(user === '' ? {} : { certificate: { commonName: user, organizations: [], fingerprint: '', notAfterMs: Number.MAX_SAFE_INTEGER } }) },
  };
}

/** A kubelet whose API server lets `monitor` read `nodes/stats` and `nodes/metrics`, and nothing else. */
function kubelet(): { readonly ask: (target: string, user?: string) => Promise<number>; readonly asked: string[] } {
  const asked: string[] = [];
  const host: Host = new Simulation({ seed: 1 }).start('node', 'kubelet').host;
  const client = {
    create: (_type: unknown, review: { spec: { user: string; resourceAttributes: { subresource: string } } }) => {
      const { user, resourceAttributes: { subresource } } = review.spec;
      asked.push(subresource);
      return Promise.resolve({ status: { allowed: user === 'monitor' && (subresource === 'stats' || subresource === 'metrics') } });
    },
  } as unknown as Client;
  const view = { client, config: { nodeName: 'node' }, pods: () => [], worker: () => undefined, health: () => undefined } as unknown as KubeletView;
  const handle = kubeletHandler(view, host, config, noMetrics);
  return { asked, ask: async (target, user = 'monitor') => (await handle(request(target, user))).status };
}

test('without credentials nothing is answered, whatever the path', async () => {
  const { ask } = kubelet();
  for (const target of ['/pods', '/healthz', '/metrics', '/exec/a/b/c', '/stats/summary']) expect(await ask(target, ''), target).toBe(401);
});

test('who may read statistics may do nothing else, however the path is written', async () => {
  const { ask } = kubelet();
  expect(await ask('/metrics')).toBe(200);
  for (const target of [
    '/pods', '/exec/ns/pod/c?command=id', '/containerLogs/ns/pod/c', '/stats/../exec/ns/pod/c?command=id', '/metrics/../pods', '/stats/%2e%2e/run/ns/pod/c?cmd=id', '/stats/.%2E/pods',
    '//stats/../../pods', '/stats\\..\\pods', '/metrics/..//pods', 'http://x/stats/../pods',
  ]) expect(await ask(target), target).not.toBe(200);
  for (const target of ['/stats/../exec/ns/pod/c?command=id', '/metrics/../pods', '/stats/%2e%2e/run/ns/pod/c?cmd=id']) expect(await ask(target), target).toBe(403);
});
