import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/cluster.ts';

const group = 'admissionregistration.k8s.io';
const path = `/apis/${group}/v1alpha1`;
const parts = { disableAdmissionPlugins: ['ServiceAccount'], mutatingAdmissionPolicy: true };

/** Until the cache of a server has what is wanted of an object. */
async function sees(cluster: TestCluster, server: number, resource: string, name: string, wanted: (object: unknown) => boolean): Promise<void> {
  const cache = cluster.servers[server]?.cache;
  if (cache === undefined) throw new Error('there is no such server');
  for (;;) {
    const changed = Promise.withResolvers<void>();
    const stop = cache.onChange(group, resource, () => { changed.resolve(); });
    try {
      if (wanted(cache.get(group, resource, '', name))) return;
      await changed.promise;
    } finally {
      stop();
    }
  }
}

test('both of two servers follow a policy that is made, changed and gone, whoever is asked to change it', async () => {
  const sim = new Simulation({ seed: 11 });
  const { host } = sim.start('a', 'a');
  const seen: unknown[] = [];
  const story = async (): Promise<void> => {
    const cluster = await startTestCluster([parts, parts], host, { isServed: (_group, version) => version !== 'v1beta1' });
    const valueOf = async (server: number): Promise<unknown> => {
      const made = await cluster.call('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', { body: { metadata: { name: 'c' }, data: { a: 'x' } } }, server);
      return (made.object['data'] as Record<string, string> | undefined)?.['by'] ?? made.status;
    };
    const spec = (text: string): object => ({
      reinvocationPolicy: 'Never', matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }] },
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: `Object{data: {"by": "${text}"}}` } }],
    });
    await cluster.call('POST', `${path}/mutatingadmissionpolicybindings`, { body: { metadata: { name: 'b' }, spec: { policyName: 'p' } } }, 1);
    seen.push(await valueOf(0), await valueOf(1));
    const first = await cluster.call('POST', `${path}/mutatingadmissionpolicies`, { body: { metadata: { name: 'p' }, spec: spec('first') } }, 0);
    expect(first.status, first.text).toBe(201);
    for (const server of [0, 1]) {
      await sees(cluster, server, 'mutatingadmissionpolicybindings', 'b', (object) => object !== undefined);
      await sees(cluster, server, 'mutatingadmissionpolicies', 'p', (object) => object !== undefined);
      seen.push(await valueOf(server));
    }
    const second = await cluster.call('PUT', `${path}/mutatingadmissionpolicies/p`, { body: { ...first.object, spec: spec('second') } }, 1);
    expect([second.status, second.object.metadata['generation']], second.text).toEqual([200, 2]);
    for (const server of [0, 1]) {
      await sees(cluster, server, 'mutatingadmissionpolicies', 'p', (object) => (object as { readonly metadata?: { readonly generation?: number } } | undefined)?.metadata?.generation === 2);
      seen.push(await valueOf(server));
    }
    await cluster.call('DELETE', `${path}/mutatingadmissionpolicies/p`, {}, 0);
    for (const server of [0, 1]) {
      await sees(cluster, server, 'mutatingadmissionpolicies', 'p', (object) => object === undefined);
      seen.push(await valueOf(server));
    }
    await cluster.stop();
  };
  await sim.runUntil(story(), 60_000, 'the story');
  expect(seen).toEqual([201, 201, 'first', 'first', 'second', 'second', 201, 201]);
});
