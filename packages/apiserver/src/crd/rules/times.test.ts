import { createMetrics } from '@coxswain/service/edge';
import { expect, test } from 'vitest';
import { startTestServer, permissiveParts } from '../../testing/test-server.ts';

test('rules are timed when they are compiled and when they are evaluated; the queue of definitions counts them', async () => {
  const metrics = createMetrics();
  const server = await startTestServer({ metrics, assemble: () => permissiveParts });
  const count = async (series: string): Promise<number> => Number((await metrics.render()).split('\n').find((line) => line.startsWith(`${series} `))?.split(' ').at(-1));
  const compiled = 'apiserver_cel_compilation_duration_seconds_count';
  const evaluated = 'apiserver_cel_evaluation_duration_seconds_count';
  try {
    expect([await count(compiled), await count(evaluated)]).toEqual([0, 0]);
    const schema = { type: 'object', properties: { spec: { type: 'object', properties: { n: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: 'self.n > 0' }, { rule: 'self.n < 9' }] } } };
    const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' };
    const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.x.example.com' }, spec: { group: 'x.example.com', scope: 'Cluster', names, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] } };
    await server.call({ method: 'POST', target: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body: definition });
    // One schema has rules, whatever their number.
    expect([await count(compiled), await count(evaluated)]).toEqual([1, 0]);
    const create = (n: number): Promise<{ readonly status: number }> => server.call({ method: 'POST', target: '/apis/x.example.com/v1/things', body: { apiVersion: 'x.example.com/v1', kind: 'Thing', metadata: { name: `n${n}` }, spec: { n } } });
    await expect.poll(async () => (await create(5)).status).toBe(201);
    const before = await count(evaluated);
    expect((await create(10)).status).toBe(422);
    expect([await count(compiled), (await count(evaluated)) - before]).toEqual([2, 1]);
    expect(await count('workqueue_adds_total{name="crd_naming_condition_controller"}')).toBeGreaterThan(0);
    expect(await count('workqueue_depth{name="crd_naming_condition_controller"}')).toBe(0);
  } finally {
    await server.stop();
  }
});
