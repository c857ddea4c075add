import type { LogFields, Logger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createMetrics } from '@coxswain/service/edge';
import { expect, test } from 'vitest';
import { assembleParts } from '../parts.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { startTestServer } from '../testing/test-server.ts';
import type { WriteHook } from '../types.ts';

function remembering(lines: { message: string; fields: LogFields }[]): Logger {
  const log = (message: string, fields: LogFields = {}): void => { lines.push({ message, fields }); };
  const logger: Logger = { debug: () => {}, info: log, warn: log, error: log, child: () => logger };
  return logger;
}

const auth = { authorization: 'Bearer tok', 'user-agent': 'kubectl/v1.32.2', 'audit-id': 'id-1' };

test('requests are counted under the original\'s names and labels; slow ones leave a line with their stages', async () => {
  const lines: { message: string; fields: LogFields }[] = [];
  const host = createRealHost(remembering(lines));
  const slow: WriteHook = {
    group: '', resource: 'configmaps',
    begin: async ({ object }) => {
      if ((object['metadata'] as { name: string }).name === 'slow') await host.timers.sleep(520);
      return () => Promise.resolve();
    },
  };
  const metrics = createMetrics();
  const server = await startTestServer({ metrics, assemble: (tools) => { const parts = assembleParts(testPartsConfig(), tools); return { ...parts, writeHooks: [...parts.writeHooks, slow] }; } }, host, { logRequests: true });
  const maps = '/api/v1/namespaces/default/configmaps';
  for (const name of ['quick', 'slow']) await server.call({ method: 'POST', target: maps, headers: auth, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } } });
  await server.call({ method: 'GET', target: `${maps}/quick`, headers: auth });
  await server.call({ method: 'GET', target: '/version', headers: auth });
  for (const target of ['/api/v1/nonsense-1', '/nonsense-2', '/healthz/nonsense-3']) await server.call({ method: 'GET', target, headers: auth });
  const text = await metrics.render();
  const value = (name: string, ...labels: readonly string[]): number => {
    const line = text.split('\n').find((one) => one.startsWith(`${name}{`) && labels.every((label) => one.includes(label)));
    return Number(line?.split(' ').at(-1) ?? Number.NaN);
  };
  expect(value('apiserver_request_total', 'verb="POST"', 'resource="configmaps"', 'scope="namespace"', 'component="apiserver"', 'group=""', 'version="v1"', 'dry_run=""', 'code="201"')).toBeGreaterThanOrEqual(2);
  expect(value('apiserver_request_duration_seconds_count', 'verb="GET"', 'resource="configmaps"', 'scope="resource"')).toBe(1);
  expect(value('apiserver_request_sli_duration_seconds_count', 'verb="GET"', 'subresource="/version"')).toBe(1);
  expect(value('etcd_request_duration_seconds_count', 'operation="create"', 'type="configmaps"')).toBeGreaterThanOrEqual(2);
  expect(value('authentication_attempts', 'result="success"')).toBeGreaterThan(0);
  expect(value('apiserver_current_inflight_requests', 'request_kind="mutating"')).toBeGreaterThanOrEqual(0);
  // What clients make up is no label.
  expect(text).not.toContain('nonsense');
  // On a busy machine others may be slow as well.
  const told = lines.find((line) => line.message === 'A request was slow' && line.fields['auditId'] === 'id-1');
  expect(told?.fields).toMatchObject({ verb: 'create', uri: maps, resp: 201, auditId: 'id-1', user: 'admin', userAgent: 'kubectl/v1.32.2', srcIp: '127.0.0.1' });
  expect(told?.fields['totalMs']).toBeGreaterThan(500);
  expect(Object.keys(told?.fields ?? {})).toEqual(expect.arrayContaining(['authenticationMs', 'authorizationMs']));
  expect(lines.filter((line) => line.message === 'HTTP').map((line) => line.fields['uri'])).toContain(`${maps}/quick`);
  await server.stop();
});
