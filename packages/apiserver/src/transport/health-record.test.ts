import { expect, test } from 'vitest';
import { permissiveParts, startTestServer } from '../testing/test-server.ts';
import { HealthRecord } from './health-record.ts';

test('each check is counted, and its last result told', async () => {
  const record = new HealthRecord();
  const problems = ['down', undefined, undefined];
  const { etcd } = record.of('readyz', { etcd: () => Promise.resolve(problems.shift()) });
  for (let time = 0; time < 3; time += 1) await etcd?.();
  const { late } = record.of('livez', { late: () => Promise.reject(new Error('no')) });
  await expect(late?.()).rejects.toThrow('no');
  expect(record.text.split('\n').filter((line) => !line.startsWith('#') && line !== '')).toEqual([
    'kubernetes_healthcheck{name="etcd",type="readyz"} 1', 'kubernetes_healthcheck{name="late",type="livez"} 0',
    'kubernetes_healthchecks_total{name="etcd",status="error",type="readyz"} 1', 'kubernetes_healthchecks_total{name="etcd",status="success",type="readyz"} 2', 'kubernetes_healthchecks_total{name="late",status="error",type="livez"} 1',
  ]);
});

test('the server tells them at /metrics/slis', async () => {
  const server = await startTestServer({ assemble: () => permissiveParts });
  expect((await server.call({ method: 'GET', target: '/readyz' })).status).toBe(200);
  const { status, contentType, text } = await server.call({ method: 'GET', target: '/metrics/slis' });
  expect([status, contentType]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  expect(text).toContain('kubernetes_healthcheck{name="etcd-readiness",type="readyz"} 1\n');
  expect(text).toContain('kubernetes_healthchecks_total{name="etcd-readiness",status="success",type="readyz"} 1\n');
  await server.stop();
});
