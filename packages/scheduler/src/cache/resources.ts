import { parseQuantity, quantityMilliValue, quantityValue } from '@coxswain/api';
import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1';

/** Amounts of one pod or node. CPU in thousandths, the rest in whole units; `scalar` holds extended resources and huge pages. */
export interface Resources {
  milliCpu: number;
  memory: number;
  ephemeralStorage: number;
  pods: number;
  scalar: Map<string, number>;
}

/** What a container that asks for nothing counts as when nodes are scored. */
const defaultMilliCpuRequest = 100;
const defaultMemoryRequest = 200 * 1024 * 1024;

type Quantities = Readonly<Record<string, string>> | undefined;

export function zeroResources(): Resources {
  return { milliCpu: 0, memory: 0, ephemeralStorage: 0, pods: 0, scalar: new Map() };
}

export function cloneResources(of: Resources): Resources {
  return { ...of, scalar: new Map(of.scalar) };
}

/** Amount of a resource by its API name. */
export function amountOf(resources: Resources, name: string): number {
  switch (name) {
    case 'cpu': return resources.milliCpu;
    case 'memory': return resources.memory;
    case 'ephemeral-storage': return resources.ephemeralStorage;
    case 'pods': return resources.pods;
    default: return resources.scalar.get(name) ?? 0;
  }
}

export function parseResources(quantities: Quantities): Resources {
  const out = zeroResources();
  for (const [name, text] of Object.entries(quantities ?? {})) {
    const quantity = parseQuantity(text);
    switch (name) {
      case 'cpu': out.milliCpu = quantityMilliValue(quantity); break;
      case 'memory': out.memory = quantityValue(quantity); break;
      case 'ephemeral-storage': out.ephemeralStorage = quantityValue(quantity); break;
      case 'pods': out.pods = quantityValue(quantity); break;
      default: out.scalar.set(name, quantityValue(quantity));
    }
  }
  return out;
}

export function addResources(to: Resources, other: Resources, factor: 1 | -1 = 1): void {
  to.milliCpu += factor * other.milliCpu;
  to.memory += factor * other.memory;
  to.ephemeralStorage += factor * other.ephemeralStorage;
  for (const [name, amount] of other.scalar) to.scalar.set(name, (to.scalar.get(name) ?? 0) + factor * amount);
}

function raiseTo(resources: Resources, floor: Resources): void {
  resources.milliCpu = Math.max(resources.milliCpu, floor.milliCpu);
  resources.memory = Math.max(resources.memory, floor.memory);
  resources.ephemeralStorage = Math.max(resources.ephemeralStorage, floor.ephemeralStorage);
  for (const [name, amount] of floor.scalar) resources.scalar.set(name, Math.max(resources.scalar.get(name) ?? 0, amount));
}

type RequestOf = (container: Container) => Resources;

function plainRequest(container: Container): Resources {
  return parseResources(container.resources?.requests);
}

function nonZeroRequest(container: Container): Resources {
  const requests: Quantities = container.resources?.requests;
  const out = parseResources(requests);
  if (requests?.['cpu'] === undefined) out.milliCpu = defaultMilliCpuRequest;
  if (requests?.['memory'] === undefined) out.memory = defaultMemoryRequest;
  return out;
}

/**
 * Sidecars (init containers that restart always) run beside everything that starts after them; other init containers run
 * alone, one after the other. So a pod needs the larger of: all that runs in the end, and the worst moment of its start.
 */
function podRequest(spec: PodSpec, requestOf: RequestOf): Resources {
  const total = zeroResources();
  for (const container of spec.containers) addResources(total, requestOf(container));
  const sidecars = zeroResources();
  const worstStart = zeroResources();
  for (const container of spec.initContainers ?? []) {
    const moment = cloneResources(sidecars);
    addResources(moment, requestOf(container));
    if (container.restartPolicy === 'Always') addResources(sidecars, requestOf(container));
    raiseTo(worstStart, moment);
  }
  addResources(total, sidecars);
  raiseTo(total, worstStart);
  if (spec.overhead !== undefined) addResources(total, parseResources(spec.overhead));
  return total;
}

/** What the pod asks for. */
export function requestsOfPod(pod: Pod): Resources {
  return podRequest(pod.spec as PodSpec, plainRequest);
}

/** The same, where asking for no CPU or memory counts as a little. */
export function nonZeroRequestsOfPod(pod: Pod): Resources {
  return podRequest(pod.spec as PodSpec, nonZeroRequest);
}
