import { resources } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { ClusterRole } from 'kubernetes-types/rbac/v1';
import { expect, test } from 'vitest';
import { startTestCluster } from '../testing/cluster.ts';
import { aggregatedRules } from './clusterrole-aggregation.ts';

test('rules are the union, each once, in the order of names', () => {
  const role = (name: string, labels: Record<string, string>, ...verbs: string[]): ClusterRole => ({ metadata: { name, labels }, rules: verbs.map((verb) => ({ apiGroups: [''], resources: ['pods'], verbs: [verb] })) });
  const target: ClusterRole = { metadata: { name: 'all', labels: { a: '1' } }, rules: [], aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: '1' } }, { matchLabels: { b: '1' } }] } };
  const rules = aggregatedRules(target, [target, role('z', { a: '1' }, 'get'), role('b', { a: '1' }, 'list', 'get'), role('c', { b: '1' }, 'watch', 'list'), role('no', { c: '1' }, 'delete')]);
  expect(rules.map(({ verbs }) => verbs[0])).toEqual(['list', 'get', 'watch']);
});

test('in a cluster: admin has what its parts have; an ended bootstrap token goes', async () => {
  const cluster = await startTestCluster();
  try {
    await cluster.startManager();
    await cluster.until(resources.clusterroles, { name: 'admin' }, (found) => (found?.rules ?? []).some((rule) => rule.resources?.includes('pods/exec') === true));
    await cluster.admin.create(resources.clusterroles, { metadata: { name: 'extra', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } }, rules: [{ apiGroups: ['example.com'], resources: ['things'], verbs: ['get'] }] });
    for (const name of ['view', 'edit', 'admin']) await cluster.until(resources.clusterroles, { name }, (found) => (found?.rules ?? []).some((rule) => rule.apiGroups?.includes('example.com') === true));
    const token = (name: string, endsInMs: number) => cluster.admin.create(resources.secrets, {
      metadata: { name, namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token',
      stringData: { 'token-id': name.slice(-6), 'token-secret': '0123456789abcdef', expiration: rfc3339Seconds(cluster.host.clock.nowMs() + endsInMs) },
    });
    await token('bootstrap-token-aaaaaa', 2000);
    await token('bootstrap-token-bbbbbb', 3_600_000);
    await cluster.until(resources.secrets, { namespace: 'kube-system', name: 'bootstrap-token-aaaaaa' }, (found) => found === undefined);
    expect((await cluster.admin.get(resources.secrets, { namespace: 'kube-system', name: 'bootstrap-token-bbbbbb' })).metadata?.name).toBe('bootstrap-token-bbbbbb');
  } finally {
    await cluster.stop();
  }
});
