import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from 'kubernetes-types/core/v1';
import { compileLabelSelector, type LabelMatcher, type Labels } from '../selectors/labels.ts';
import { nonZeroRequestsOfPod, requestsOfPod, type Resources } from './resources.ts';

/** A term of pod affinity or anti-affinity, made ready. */
export interface AffinityTerm {
  readonly topologyKey: string;
  readonly selector: LabelMatcher;
  readonly namespaces: ReadonlySet<string>;
  /** Also all namespaces whose labels match. */
  readonly namespaceSelector: LabelMatcher | undefined;
}

export interface WeightedAffinityTerm extends AffinityTerm {
  readonly weight: number;
}

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** A pod with everything about it that decisions read, computed once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  /** `namespace/name` */
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly terminating: boolean;
  readonly requests: Resources;
  readonly nonZeroRequests: Resources;
  readonly hostPorts: readonly HostPort[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly WeightedAffinityTerm[];
  readonly preferredAntiAffinity: readonly WeightedAffinityTerm[];
}

function compileTerm(term: PodAffinityTerm, namespace: string): AffinityTerm {
  const named = term.namespaces ?? [];
  const ownOnly = named.length === 0 && term.namespaceSelector === undefined;
  return {
    topologyKey: term.topologyKey,
    selector: compileLabelSelector(term.labelSelector),
    namespaces: new Set(ownOnly ? [namespace] : named),
    namespaceSelector: term.namespaceSelector === undefined ? undefined : compileLabelSelector(term.namespaceSelector),
  };
}

function compileWeighted(terms: readonly WeightedPodAffinityTerm[] | undefined, namespace: string): WeightedAffinityTerm[] {
  return (terms ?? []).map((term) => ({ ...compileTerm(term.podAffinityTerm, namespace), weight: term.weight }));
}

function hostPortsOf(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...sidecars, ...(pod.spec?.containers ?? [])].flatMap((container) =>
    (container.ports ?? []).filter((port) => (port.hostPort ?? 0) > 0).map((port) => ({
      ip: port.hostIP === undefined || port.hostIP === '' ? '0.0.0.0' : port.hostIP,
      protocol: port.protocol ?? 'TCP',
      port: port.hostPort as number,
    })));
}

export function podInfoOf(pod: Pod): PodInfo {
  const { name = '', namespace = '', uid = '', labels = {} } = pod.metadata ?? {};
  const affinity = pod.spec?.affinity;
  const required = (terms: readonly PodAffinityTerm[] | undefined): AffinityTerm[] => (terms ?? []).map((term) => compileTerm(term, namespace));
  return {
    pod, uid, key: `${namespace}/${name}`, name, namespace, labels,
    priority: pod.spec?.priority ?? 0,
    terminating: pod.metadata?.deletionTimestamp !== undefined,
    requests: requestsOfPod(pod),
    nonZeroRequests: nonZeroRequestsOfPod(pod),
    hostPorts: hostPortsOf(pod),
    requiredAffinity: required(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: required(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: compileWeighted(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, namespace),
    preferredAntiAffinity: compileWeighted(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, namespace),
  };
}

/** Does the term select `pod`? `namespaceLabels` answers the labels of a namespace. */
export function termMatches(term: AffinityTerm, pod: PodInfo, namespaceLabels: (namespace: string) => Labels): boolean {
  const inNamespace = term.namespaces.has(pod.namespace)
    || (term.namespaceSelector !== undefined && term.namespaceSelector(namespaceLabels(pod.namespace)));
  return inNamespace && term.selector(pod.labels);
}
