import type { Pod } from 'kubernetes-types/core/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import type { Lookup } from '../live-lookup.ts';
import { resources } from '@coxswain/client';
import { readyList } from '../ready-list.ts';
import { typed, typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, CacheReader } from '../types.ts';
import { isResource, podOf, refuse } from './attributes.ts';

const group = 'scheduling.k8s.io';
export const systemClusterCritical = 'system-cluster-critical';
export const systemNodeCritical = 'system-node-critical';

interface Priority {
  readonly className: string;
  readonly value: number;
  /** Of classes from before it was there none. */
  readonly preemptionPolicy: string | undefined;
}

/** Several may be called default by mistake: the lowest then harms least. */
async function defaultClass(cache: CacheReader): Promise<PriorityClass | undefined> {
  const defaults = (await readyList(cache, group, 'priorityclasses')).map((object) => typed<PriorityClass>(object)).filter((one) => one.globalDefault === true);
  return defaults.toSorted((a, b) => a.value - b.value)[0];
}

/** Pods carry the number, so that changing a class does not move pods that exist. */
export function priorityAdmission(cache: CacheReader, lookup: Lookup): AdmissionPlugin {
  async function priorityOf(a: AdmissionAttributes, pod: Pod): Promise<Priority> {
    const name = pod.spec?.priorityClassName ?? '';
    const found = await (name === '' ? defaultClass(cache) : lookup<PriorityClass>(resources.priorityclasses, '', name));
    if (found === undefined && name !== '') throw refuse(a, `no PriorityClass with name ${name} was found`);
    return { className: found?.metadata?.name ?? '', value: found?.value ?? 0, preemptionPolicy: found === undefined ? 'PreemptLowerPriority' : found.preemptionPolicy };
  }

  async function admitNewPod(a: AdmissionAttributes, pod: Pod): Promise<void> {
    if (pod.spec === undefined) return;
    const priority = await priorityOf(a, pod);
    if (pod.spec.priority !== undefined && pod.spec.priority !== priority.value) {
      throw refuse(a, `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority.value} from the given PriorityClass name`);
    }
    if (priority.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== priority.preemptionPolicy) {
      throw refuse(a, `the string value of PreemptionPolicy (${pod.spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${priority.preemptionPolicy} from the given PriorityClass name`);
    }
    if (priority.className !== '') pod.spec.priorityClassName = priority.className;
    pod.spec.priority = priority.value;
    if (priority.preemptionPolicy !== undefined) pod.spec.preemptionPolicy = priority.preemptionPolicy;
  }

  return {
    name: 'Priority',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    resources: new Set(['pods', 'priorityclasses']),
    async admit(a) {
      const pod = podOf(a);
      if (pod === undefined) return;
      if (a.operation === 'CREATE') await admitNewPod(a, pod);
      else keepPriority(pod, typedOrNone<Pod>(a.oldObject));
    },
    async validate(a) {
      if (isResource(a, group, 'priorityclasses')) await validateClass(cache, a);
    },
  };
}

function keepPriority(pod: Pod, old: Pod | undefined): void {
  if (pod.spec === undefined || old?.spec === undefined) return;
  if (pod.spec.priority === undefined && old.spec.priority !== undefined) pod.spec.priority = old.spec.priority;
  if (pod.spec.preemptionPolicy === undefined && old.spec.preemptionPolicy !== undefined) pod.spec.preemptionPolicy = old.spec.preemptionPolicy;
}

async function validateClass(cache: CacheReader, a: AdmissionAttributes): Promise<void> {
  if (a.operation === 'DELETE') {
    if ([systemClusterCritical, systemNodeCritical].includes(a.name)) throw refuse(a, 'this is a system priority class and cannot be deleted');
    return;
  }
  const candidate = a.object === undefined ? undefined : typed<PriorityClass>(a.object);
  if (candidate?.globalDefault !== true) return;
  const other = await defaultClass(cache);
  if (other === undefined || (a.operation === 'UPDATE' && other.metadata?.name === candidate.metadata?.name)) return;
  throw refuse(a, `PriorityClass ${other.metadata?.name ?? ''} is already marked as default. Only one default can exist`);
}
