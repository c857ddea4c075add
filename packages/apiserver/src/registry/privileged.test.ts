import { createLocalStore } from '@coxswain/etcd-lite';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { createApiServer } from '../server.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, permissiveParts } from '../testing/test-server.ts';

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i', securityContext: { privileged: true } }] } };
const deployment = { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template } };

test.each([[true, 201], [false, 422]])('--allow-privileged=%s', async (allowPrivileged, code) => {
  const host = createRealHost(silentLogger);
  const store = createLocalStore(host);
  const server = await createApiServer({ store, parts: testPartsConfig(), allowPrivileged }, host, { assemble: () => permissiveParts });
  const call = async (target: string, body: unknown) => answerOf(await server.handle(httpRequest({ method: 'POST', target, body })));
  const pod = await call('/api/v1/namespaces/x/pods', { ...template, metadata: { name: 'p' } });
  const made = await call('/apis/apps/v1/namespaces/x/deployments', deployment);
  expect([pod.status, made.status]).toEqual([code, code]);
  if (code === 422) {
    expect(pod.json['message']).toBe('Pod "p" is invalid: spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy');
    expect(made.json['message']).toBe('Deployment.apps "d" is invalid: spec.template.spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy');
  }
  await server.stop();
  await store.close();
});
