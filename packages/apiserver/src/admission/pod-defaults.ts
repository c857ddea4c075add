import type { Pod, Toleration } from 'kubernetes-types/core/v1';
import type { AdmissionPlugin } from '../types.ts';
import { podOf } from './attributes.ts';

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';

function tolerates(pod: Pod, key: string): boolean {
  return (pod.spec?.tolerations ?? []).some((one) => (one.key === key || !one.key) && (one.effect === 'NoExecute' || !one.effect));
}

/** A pod stays on a node that is not ready or not reached for as long as this, unless it says otherwise. */
export function defaultTolerationSeconds(seconds: { readonly notReady: number; readonly unreachable: number }): AdmissionPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    operations: ['CREATE', 'UPDATE'],
    admit(a) {
      const pod = podOf(a);
      if (pod?.spec === undefined) return Promise.resolve();
      const missing: Toleration[] = [];
      const add = (key: string, tolerationSeconds: number): void => {
        if (!tolerates(pod, key)) missing.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds });
      };
      add(notReady, seconds.notReady);
      add(unreachable, seconds.unreachable);
      if (missing.length > 0) pod.spec.tolerations = [...(pod.spec.tolerations ?? []), ...missing];
      return Promise.resolve();
    },
  };
}
