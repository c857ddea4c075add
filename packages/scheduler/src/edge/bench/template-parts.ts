import type { PodAffinityTerm, PodSpec } from 'kubernetes-types/core/v1';

export interface PodTemplate { readonly labels?: Readonly<Record<string, string>>; readonly finalizers?: readonly string[]; readonly spec: Partial<PodSpec> }

/** One that differs from pod to pod: the how manieth of how many it is. */
export type PodTemplateMaker = (index: number, count: number) => PodTemplate;

const image = 'registry.k8s.io/pause:3.10';

export function asking(requests: Readonly<Record<string, string>>, spec: Partial<PodSpec> = {}): Partial<PodSpec> {
  return { containers: [{ name: 'pause', image, ports: [{ containerPort: 80 }], resources: { requests, limits: requests } }], ...spec };
}

/** Without limits, as most of scheduler_perf's newer templates. */
export function requesting(requests: Readonly<Record<string, string>>, spec: Partial<PodSpec> = {}, hostPort?: number): Partial<PodSpec> {
  const ports = hostPort === undefined ? {} : { ports: [{ containerPort: hostPort, hostPort }] };
  return { containers: [{ name: 'pause', image, ...ports, resources: { requests } }], ...spec };
}

export const small = (spec: Partial<PodSpec> = {}): Partial<PodSpec> => asking({ cpu: '100m', memory: '500Mi' }, spec);
export const light = (spec: Partial<PodSpec> = {}): Partial<PodSpec> => ({ containers: [{ name: 'pause', image }], terminationGracePeriodSeconds: 0, ...spec });

export const host = 'kubernetes.io/hostname';
export const zone = 'topology.kubernetes.io/zone';

export function term(color: string, topologyKey: string, where: Pick<PodAffinityTerm, 'namespaces' | 'namespaceSelector'>): PodAffinityTerm {
  return { labelSelector: { matchLabels: { color } }, topologyKey, ...where };
}

export const required = (one: PodAffinityTerm) => ({ requiredDuringSchedulingIgnoredDuringExecution: [one] });
export const preferred = (podAffinityTerm: PodAffinityTerm) => ({ preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm }] });
