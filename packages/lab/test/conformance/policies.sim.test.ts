import { expect } from 'vitest';
import { apiOperations } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
const labels = { app: 'd' };

function deployment(name: string, replicas: number): Any {
  return { metadata: { name, labels }, spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } } } };
}

function policy(t: Stage, spec: Any): Any {
  return { metadata: { name: `policy.${t.namespace}` }, spec: { matchConstraints: { resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['deployments'] }] }, ...spec } };
}

function binding(t: Stage): Any {
  return { metadata: { name: `binding.${t.namespace}` }, spec: { policyName: `policy.${t.namespace}`, validationActions: ['Deny'], matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': t.namespace } } } } };
}

async function refusedSoon(t: Stage, object: Any): Promise<Any> {
  let refusal: Any;
  await t.eventually('the policy holds', async () => {
    const answer = await t.call('POST', `${t.path('apps/v1', 'deployments')}?dryRun=All`, object);
    refusal = answer.json;
    return answer.status >= 400;
  });
  return refusal;
}

area('validating admission policies', (conformance) => {
  conformance('[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should validate against a Deployment [Conformance]', async (t) => {
    await t.create(`${group}/validatingadmissionpolicies`, policy(t, { validations: [{ expression: 'object.spec.replicas > 1', messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)" }] }));
    await t.create(`${group}/validatingadmissionpolicybindings`, binding(t));
    const refusal = await refusedSoon(t, deployment('one', 1));
    expect([refusal.reason, refusal.message]).toEqual(['Invalid', expect.stringContaining('wants replicas > 1, got 1')]);
    await t.create(t.path('apps/v1', 'deployments'), deployment('two', 2));
    for (const path of [`validatingadmissionpolicybindings/binding.${t.namespace}`, `validatingadmissionpolicies/policy.${t.namespace}`]) await t.delete(`${group}/${path}`);
  });

  conformance('[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should allow expressions to refer variables. [Conformance]', async (t) => {
    await t.create(`${group}/validatingadmissionpolicies`, policy(t, {
      variables: [{ name: 'replicas', expression: 'object.spec.replicas' }, { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' }],
      validations: [{ expression: 'variables.replicas > 1' }, { expression: 'variables.oddReplicas' }],
    }));
    await t.create(`${group}/validatingadmissionpolicybindings`, binding(t));
    await refusedSoon(t, deployment('one', 1));
    const even = await t.refused('POST', t.path('apps/v1', 'deployments'), deployment('two', 2));
    expect(even.message).toContain('failed expression: variables.oddReplicas');
    await t.create(t.path('apps/v1', 'deployments'), deployment('three', 3));
    for (const path of [`validatingadmissionpolicybindings/binding.${t.namespace}`, `validatingadmissionpolicies/policy.${t.namespace}`]) await t.delete(`${group}/${path}`);
  });

  const spec = { matchConstraints: { resourceRules: [{ apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['none'] }] }, validations: [{ expression: 'true' }] };
  conformance('[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicy API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'admissionregistration.k8s.io/v1', resource: 'validatingadmissionpolicies', statusOnly: true, namespaced: false, object: { spec },
    status: { patch: { conditions: [{ type: 'PatchStatus', status: 'True', reason: 'E2E', message: 'patched', lastTransitionTime: '2026-01-01T00:00:00Z' }] }, update: { conditions: [{ type: 'UpdateStatus', status: 'True', reason: 'E2E', message: 'updated', lastTransitionTime: '2026-01-01T00:00:00Z' }] } },
  }));
  conformance('[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicyBinding API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'admissionregistration.k8s.io/v1', resource: 'validatingadmissionpolicybindings', namespaced: false, object: { spec: { policyName: 'none.example.com', validationActions: ['Deny'] } },
  }));
});
