import { resources } from '@coxswain/client';
import { compareQuantity } from '@coxswain/api';
import type { Pod } from 'kubernetes-types/core/v1';
import type { RuntimeClass, Scheduling } from 'kubernetes-types/node/v1';
import type { Lookup } from '../live-lookup.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { podOf, refuse } from './attributes.ts';
import { mergeTolerations } from './tolerations.ts';

type Amounts = Readonly<Record<string, string>>;

function sameAmounts(a: Amounts, b: Amounts): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => b[name] !== undefined && compareQuantity(a[name] ?? '0', b[name]) === 0);
}

const otherOverhead = 'pod rejected: Pod\'s Overhead doesn\'t match RuntimeClass\'s defined Overhead';

function addScheduling(a: AdmissionAttributes, pod: Pod, scheduling: Scheduling): void {
  if (pod.spec === undefined) return;
  const own = pod.spec.nodeSelector ?? {};
  const wanted = Object.entries(scheduling.nodeSelector ?? {});
  const conflict = wanted.find(([key, value]) => own[key] !== undefined && own[key] !== value);
  if (conflict !== undefined) {
    const [key, value] = conflict;
    throw refuse(a, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own[key] ?? ''}`);
  }
  if (wanted.length > 0) pod.spec.nodeSelector = { ...own, ...scheduling.nodeSelector };
  const tolerations = mergeTolerations(pod.spec.tolerations ?? [], scheduling.tolerations ?? []);
  if (tolerations.length > 0) pod.spec.tolerations = structuredClone(tolerations);
}

/** A pod costs what its runtime costs beside it, and goes where that runtime is. */
export function runtimeClassAdmission(lookup: Lookup): AdmissionPlugin {
  async function classOf(a: AdmissionAttributes, pod: Pod): Promise<RuntimeClass | undefined> {
    const name = pod.spec?.runtimeClassName;
    if (name === undefined) return undefined;
    const found = await lookup<RuntimeClass>(resources.runtimeclasses, '', name);
    if (found === undefined) throw refuse(a, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
    return found;
  }

  return {
    name: 'RuntimeClass',
    operations: ['CREATE'],
    resources: new Set(['pods']),
    async admit(a) {
      const pod = podOf(a);
      const found = pod === undefined ? undefined : await classOf(a, pod);
      if (pod?.spec === undefined || found === undefined) return;
      const overhead = found.overhead?.podFixed as Amounts | undefined;
      if (overhead !== undefined) {
        const own = (pod.spec.overhead ?? {}) as Amounts;
        if (Object.keys(own).length > 0 && !sameAmounts(overhead, own)) throw refuse(a, otherOverhead);
        pod.spec.overhead = { ...overhead };
      }
      if (found.scheduling !== undefined) addScheduling(a, pod, found.scheduling);
    },
    async validate(a) {
      const pod = podOf(a);
      if (pod?.spec === undefined) return;
      const found = await classOf(a, pod);
      const own = pod.spec.overhead as Amounts | undefined;
      if (found?.overhead === undefined) {
        if (own !== undefined) throw refuse(a, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      } else if (!sameAmounts((found.overhead.podFixed ?? {}) as Amounts, own ?? {})) throw refuse(a, otherOverhead);
    },
  };
}
