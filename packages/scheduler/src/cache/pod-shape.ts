import type { Container, Pod, PodAffinityTerm, WeightedPodAffinityTerm } from 'kubernetes-types/core/v1';
import { compileLabelSelector, type LabelMatcher } from '../selectors/labels.ts';
import { nonZeroRequestsOfPod, requestsOfPod, type Resources } from './resources.ts';

/** A term of pod affinity or anti-affinity, made ready. */
export interface AffinityTerm {
  /** Equal for terms that say the same. */
  readonly key: string;
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

/** What the specification says to the scheduler. Never changed: many pods may share one. */
export interface PodShape {
  readonly priority: number;
  readonly requests: Resources;
  readonly nonZeroRequests: Resources;
  readonly hostPorts: readonly HostPort[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly WeightedAffinityTerm[];
  readonly preferredAntiAffinity: readonly WeightedAffinityTerm[];
  readonly hasPodAffinity: boolean;
  /** Equal for equal namespaces and labels. */
  readonly labelsKey: string;
  /** Equal for equal node selectors and required node affinities; '' if there are none. */
  readonly nodeAffinityKey: string;
  /** Equal for equal tolerations. */
  readonly tolerationsKey: string;
  /** Equal for pods that a node by itself, with the sums of its pods, cannot tell apart. */
  readonly needsKey: string;
}

type Needs = Pick<PodShape, 'requests' | 'nonZeroRequests' | 'hostPorts' | 'nodeAffinityKey' | 'tolerationsKey'>;

function amountsOf({ milliCpu, memory, ephemeralStorage, scalar }: Resources): unknown {
  return [milliCpu, memory, ephemeralStorage, ...[...scalar].toSorted(([a], [b]) => (a < b ? -1 : 1))];
}

/** Equal for equal needs. */
export function needsKeyOf({ requests, nonZeroRequests, hostPorts, nodeAffinityKey, tolerationsKey }: Needs): string {
  return JSON.stringify([amountsOf(requests), amountsOf(nonZeroRequests), hostPorts, nodeAffinityKey, tolerationsKey]);
}

function compileTerm(term: PodAffinityTerm, namespace: string): AffinityTerm {
  const named = term.namespaces ?? [];
  const ownOnly = named.length === 0 && term.namespaceSelector === undefined;
  const namespaces = new Set(ownOnly ? [namespace] : named.toSorted());
  return {
    key: JSON.stringify([term.topologyKey, [...namespaces], term.labelSelector ?? null, term.namespaceSelector ?? null]),
    topologyKey: term.topologyKey,
    selector: compileLabelSelector(term.labelSelector),
    namespaces,
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

export function makePodShape(pod: Pod): PodShape {
  const { namespace = '', labels = {} } = pod.metadata ?? {};
  const { affinity, nodeSelector, tolerations = [] } = pod.spec ?? {};
  const required = (terms: readonly PodAffinityTerm[] | undefined): AffinityTerm[] => (terms ?? []).map((term) => compileTerm(term, namespace));
  const requiredNodes = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const { podAffinity, podAntiAffinity } = affinity ?? {};
  const terms = {
    requiredAffinity: required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: compileWeighted(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, namespace),
    preferredAntiAffinity: compileWeighted(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, namespace),
  };
  const needs: Needs = {
    requests: requestsOfPod(pod),
    nonZeroRequests: nonZeroRequestsOfPod(pod),
    hostPorts: hostPortsOf(pod),
    nodeAffinityKey: requiredNodes === undefined && Object.keys(nodeSelector ?? {}).length === 0 ? '' : JSON.stringify([nodeSelector ?? null, requiredNodes ?? null]),
    tolerationsKey: JSON.stringify(tolerations),
  };
  return {
    ...terms, ...needs,
    hasPodAffinity: Object.values(terms).some((list) => list.length > 0),
    priority: pod.spec?.priority ?? 0,
    labelsKey: JSON.stringify([namespace, labels]),
    needsKey: needsKeyOf(needs),
  };
}

function containerKey({ resources, ports, restartPolicy }: Container): unknown {
  return [resources?.requests ?? null, ports ?? null, restartPolicy ?? null];
}

/** Equal keys have equal shapes. (The reverse need not be.) */
export function shapeKeyOf(pod: Pod): string {
  const { namespace = '', labels } = pod.metadata ?? {};
  const { affinity, nodeSelector, tolerations, topologySpreadConstraints, overhead, priority, containers = [], initContainers = [] } = pod.spec ?? {};
  return JSON.stringify([namespace, labels, affinity, nodeSelector, tolerations, topologySpreadConstraints, overhead, priority, containers.map(containerKey), initContainers.map(containerKey)]);
}
