import type { Container, Pod } from 'kubernetes-types/core/v1';
import { isZeroQuantity } from '../quantity/index.ts';
import { addAmounts, maxAmounts, type Amounts } from './amounts.ts';

const native = ['cpu', 'memory', 'ephemeral-storage'];

/** What a pod may need at once: its containers with the sidecars, or an init container with the sidecars before it. */
export function podTogether(pod: Pod, of: (container: Container) => Amounts): Amounts {
  let sidecars: Amounts = {};
  let most: Amounts = {};
  for (const container of pod.spec?.initContainers ?? []) {
    const own = of(container);
    if (container.restartPolicy === 'Always') sidecars = addAmounts(sidecars, own);
    most = maxAmounts(most, container.restartPolicy === 'Always' ? sidecars : addAmounts(sidecars, own));
  }
  return maxAmounts(most, (pod.spec?.containers ?? []).map(of).reduce(addAmounts, sidecars));
}

function named(requests: Amounts, limits: Amounts): Amounts {
  const out: Record<string, string> = {};
  for (const [name, amount] of Object.entries(requests)) {
    const huge = name.startsWith('hugepages-');
    if (native.includes(name) || huge) out[name] = amount;
    if (native.includes(name) || huge || name.includes('/')) out[`requests.${name}`] = amount;
  }
  for (const [name, amount] of Object.entries(limits)) if (native.includes(name)) out[`limits.${name}`] = amount;
  return out;
}

/** A pod that has ended, or should be gone long since, holds nothing but its object. */
function holdsNothing(pod: Pod, nowMs: number): boolean {
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  return deletionTimestamp !== undefined && deletionGracePeriodSeconds !== undefined && nowMs > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

export function podUsage(pod: Pod, nowMs: number): Amounts {
  if (holdsNothing(pod, nowMs)) return { 'count/pods': '1' };
  const requests = podTogether(pod, (container) => container.resources?.requests ?? {});
  const limits = podTogether(pod, (container) => container.resources?.limits ?? {});
  const overhead = (pod.spec?.overhead ?? {}) as Amounts;
  const limited = Object.fromEntries(Object.entries(overhead).filter(([name]) => limits[name] !== undefined));
  return { 'count/pods': '1', pods: '1', ...named(addAmounts(requests, overhead), addAmounts(limits, limited)) };
}

/** Once a quota speaks of them, each container has to. */
const required = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

/** What containers leave open and a quota wants to know: `limits.cpu for: a,b`. */
export function unspecified(pod: Pod, names: readonly string[]): string[] {
  const containers = [...pod.spec?.containers ?? [], ...pod.spec?.initContainers ?? []];
  return names.filter((name) => required.has(name)).toSorted((a, b) => (a < b ? -1 : 1)).flatMap((name) => {
    const without = containers.filter(({ resources }) => named(resources?.requests ?? {}, resources?.limits ?? {})[name] === undefined).map((container) => container.name);
    return without.length === 0 ? [] : [`${name} for: ${without.toSorted((a, b) => (a < b ? -1 : 1)).join(',')}`];
  });
}

function isBestEffort(pod: Pod): boolean {
  return [...pod.spec?.containers ?? [], ...pod.spec?.initContainers ?? []].every(({ resources }) =>
    [resources?.requests ?? {}, resources?.limits ?? {}].every((amounts) => ['cpu', 'memory'].every((name) => amounts[name] === undefined || isZeroQuantity(amounts[name]))));
}

function looksAcrossNamespaces(pod: Pod): boolean {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some(({ namespaces, namespaceSelector }) => (namespaces ?? []).length > 0 || namespaceSelector !== undefined);
}

export interface ScopeRequirement { readonly scopeName: string; readonly operator: string; readonly values?: readonly string[] }

export function podInScope(pod: Pod, { scopeName, operator, values = [] }: ScopeRequirement): boolean {
  const ends = pod.spec?.activeDeadlineSeconds !== undefined;
  const priorityClass = pod.spec?.priorityClassName ?? '';
  switch (scopeName) {
    case 'Terminating': return ends;
    case 'NotTerminating': return !ends;
    case 'BestEffort': return isBestEffort(pod);
    case 'NotBestEffort': return !isBestEffort(pod);
    case 'CrossNamespacePodAffinity': return looksAcrossNamespaces(pod);
    case 'PriorityClass':
      if (operator === 'In') return values.includes(priorityClass);
      if (operator === 'NotIn') return !values.includes(priorityClass);
      return (priorityClass !== '') === (operator === 'Exists');
    default: return false;
  }
}
