import { expect, test } from 'vitest';
import { mergeAffinityKeys } from './pod-fields.ts';

test("affinity keys become part of the selectors, by the pod's own labels; a label that it lacks says nothing", () => {
  const pod = {
    metadata: { name: 'p', labels: { app: 'web', v: '1' } },
    spec: { affinity: {
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'web' } }, matchLabelKeys: ['v', 'absent'] }] },
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: 'zone', labelSelector: {}, mismatchLabelKeys: ['v'] } }] },
    } },
  };
  mergeAffinityKeys(pod);
  const { podAffinity, podAntiAffinity } = pod.spec.affinity;
  // As kube-apiserver 1.32.2 answers.
  expect(podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]?.labelSelector).toEqual({ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'v', operator: 'In', values: ['1'] }] });
  expect(podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]?.podAffinityTerm.labelSelector).toEqual({ matchExpressions: [{ key: 'v', operator: 'NotIn', values: ['1'] }] });
});
