import { fromUtf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { answerHealth, type HealthOptions } from './health.ts';

const options: HealthOptions = { livez: { store: () => Promise.resolve(undefined) }, readyz: {}, metrics: { render: () => Promise.resolve('secret 1') } as unknown as NonNullable<HealthOptions['metrics']> };

async function ask(target: string): Promise<readonly [number | undefined, string]> {
  const response = await answerHealth(options, target);
  return [response?.status, fromUtf8((response?.body as Uint8Array | undefined) ?? new Uint8Array(0))];
}

test('a path is what it says: what is authorized as a health check answers no other question', async () => {
  expect(await ask('/metrics')).toEqual([200, 'secret 1']);
  expect(await ask('/healthz?verbose&exclude=ping')).toEqual([200, '[+]ping excluded: ok\n[+]store ok\nhealthz check passed\n']);
  expect(await ask('/livez/store')).toEqual([200, 'ok']);
  for (const target of ['/healthz/../metrics', '/livez/%2e%2e/metrics', '/healthz\\..\\metrics']) expect((await ask(target))[1]).not.toContain('secret');
});
