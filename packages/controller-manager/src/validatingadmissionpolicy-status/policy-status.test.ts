import { resources } from '@coxswain/client';
import type { ValidatingAdmissionPolicy } from 'kubernetes-types/admissionregistration/v1';
import { expect, test } from 'vitest';
import { startTestCluster } from '../testing/cluster.ts';

const policy = (name: string, resource: readonly [string, string, string], validations: readonly object[], variables: readonly object[] = []): ValidatingAdmissionPolicy => ({
  metadata: { name },
  spec: { matchConstraints: { resourceRules: [{ apiGroups: [resource[0]], apiVersions: [resource[1]], operations: ['CREATE'], resources: [resource[2]] }] }, variables, validations },
} as unknown as ValidatingAdmissionPolicy);

test('in a cluster: expressions are checked against the kinds they are for', async () => {
  const cluster = await startTestCluster();
  try {
    await cluster.startManager();
    const checked = async (made: ValidatingAdmissionPolicy): Promise<unknown> => {
      await cluster.admin.create(resources.validatingadmissionpolicies, made);
      const name = made.metadata?.name ?? '';
      await cluster.until(resources.validatingadmissionpolicies, { name }, (found) => (found?.status?.observedGeneration ?? 0) > 0);
      const { status } = await cluster.admin.get(resources.validatingadmissionpolicies, { name });
      return status?.typeChecking?.expressionWarnings ?? [];
    };
    // The places and words are those that upstream's documentation and its conformance test show.
    expect(await checked(policy('wrong', ['apps', 'v1', 'deployments'], [{ expression: 'object.spec.replicas > \'1\'', messageExpression: '\'wants replicas > 1, got \' + object.spec.replicas' }]))).toEqual([
      { fieldRef: 'spec.validations[0].expression', warning: expect.stringContaining('apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:22: found no matching overload for \'_>_\' applied to \'(int, string)\'') as string },
      { fieldRef: 'spec.validations[0].messageExpression', warning: expect.stringContaining('found no matching overload for \'_+_\' applied to \'(string, int)\'') as string },
    ]);
    expect(await checked(policy('right', ['apps', 'v1', 'deployments'], [{ expression: 'object.spec.replicas > 1 && object.metadata.labels.all(k, k != "") && variables.first.image != ""' }], [{ name: 'first', expression: 'object.spec.template.spec.containers[0]' }]))).toEqual([]);
    expect(await checked(policy('unknown', ['none.example.com', 'v1', 'things'], [{ expression: 'object.whatever == 1' }]))).toEqual([]);
    const [missing] = await checked(policy('missing', ['', 'v1', 'pods'], [{ expression: 'object.spec.nope == 1' }])) as { readonly warning: string }[];
    expect(missing?.warning).toBe('/v1, Kind=Pod: compilation failed: ERROR: <input>:1:12: undefined field \'nope\'\n | object.spec.nope == 1\n | ...........^\n');
  } finally {
    await cluster.stop();
  }
});
