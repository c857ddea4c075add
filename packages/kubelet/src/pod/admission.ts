import type { Node, NodeSelector, NodeSelectorTerm, Pod, Taint, Toleration } from 'kubernetes-types/core/v1';
import { milliValue, wholeValue } from '../quantity.ts';
import { appContainers, initContainers, isHostNetwork, isSidecar, specOf } from './pod-facts.ts';
import { podRequest } from './resources.ts';
import { sysctlProblem } from './sysctls.ts';

export interface Rejection { readonly reason: string; readonly message: string }

export interface AdmissionInput {
  readonly pod: Pod;
  /** The other pods of this node that hold their resources: admitted, and not yet ended. */
  readonly others: readonly Pod[];
  /** As the API has it now; without one, only what the kubelet knows by itself is checked. */
  readonly node: Node | undefined;
  readonly nodeName: string;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly allowedUnsafeSysctls: readonly string[];
}

function insufficient(resource: string, requested: number, used: number, capacity: number): Rejection | undefined {
  if (requested <= capacity - used) return undefined;
  return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}` };
}

const measured: readonly (readonly [resource: string, amount: (value: number) => number, capacity: (text: string | undefined) => number])[] = [
  ['cpu', (value) => milliValue(value), milliValue], ['memory', (value) => wholeValue(value), wholeValue], ['ephemeral-storage', (value) => wholeValue(value), wholeValue],
];

/** In the order in which the original looks, so that the reason is the same when several hold. */
function resourceProblem({ pod, others, allocatable }: AdmissionInput): Rejection | undefined {
  const count = insufficient('pods', 1, others.length, wholeValue(allocatable['pods']));
  if (count !== undefined) return count;
  for (const [resource, amount, capacity] of measured) {
    const requested = amount(podRequest(pod, resource));
    if (requested === 0) continue;
    const used = others.reduce((sum, other) => sum + amount(podRequest(other, resource)), 0);
    const problem = insufficient(resource, requested, used, capacity(allocatable[resource]));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

const integer = /^[+-]?\d+$/;

function matches({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const own = labels[key];
  const bound = values[0] ?? '';
  switch (operator) {
    case 'In': return own !== undefined && values.includes(own);
    case 'NotIn': return own === undefined || !values.includes(own);
    case 'Exists': return own !== undefined;
    case 'DoesNotExist': return own === undefined;
    case 'Gt': case 'Lt':
      if (own === undefined || !integer.test(own) || !integer.test(bound)) return false;
      return operator === 'Gt' ? BigInt(own) > BigInt(bound) : BigInt(own) < BigInt(bound);
    default: return false;
  }
}

function termMatches(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return expressions.every((one) => matches(one, node.metadata?.labels ?? {})) && fields.every((one) => matches(one, { 'metadata.name': node.metadata?.name ?? '' }));
}

/** Any of the terms. */
export function nodeSelectorMatches(selector: NodeSelector, node: Node): boolean {
  return selector.nodeSelectorTerms.some((term) => termMatches(term, node));
}

function nodeMatches(pod: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  if (Object.entries(specOf(pod).nodeSelector ?? {}).some(([key, value]) => labels[key] !== value)) return false;
  const required = specOf(pod).affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || nodeSelectorMatches(required, node);
}

interface HostPort { readonly ip: string; readonly protocol: string; readonly port: number }

/** Of what runs together for the pod's life: app containers and sidecars. */
function hostPorts(pod: Pod): readonly HostPort[] {
  return [...initContainers(pod).filter(isSidecar), ...appContainers(pod)].flatMap((container) => (container.ports ?? []).flatMap((port) => {
    const number = port.hostPort ?? (isHostNetwork(pod) ? port.containerPort : 0);
    return number === 0 ? [] : [{ ip: port.hostIP === undefined || port.hostIP === '' ? '0.0.0.0' : port.hostIP, protocol: port.protocol ?? 'TCP', port: number }];
  }));
}

function portsClash(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0');
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  if ((toleration.effect ?? '') !== '' && toleration.effect !== taint.effect) return false;
  if ((toleration.key ?? '') !== '' && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return (toleration.key ?? '') !== '' && (toleration.value ?? '') === (taint.value ?? '');
}

/** Only NoExecute: a pod that somebody put here by hand may run beside a NoSchedule taint. */
function untolerated(pod: Pod, node: Node): boolean {
  return (node.spec?.taints ?? []).some((taint) => taint.effect === 'NoExecute' && !(specOf(pod).tolerations ?? []).some((toleration) => tolerates(toleration, taint)));
}

function predicate(name: string, description: string): Rejection {
  return { reason: name, message: `Predicate ${name} failed: ${description}` };
}

function placementProblem({ pod, others, node, nodeName }: AdmissionInput): Rejection | undefined {
  if (node !== undefined && !nodeMatches(pod, node)) return predicate('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  if (specOf(pod).nodeName !== undefined && specOf(pod).nodeName !== nodeName) return predicate('NodeName', "node(s) didn't match the requested node name");
  const taken = others.flatMap(hostPorts);
  if (hostPorts(pod).some((port) => taken.some((other) => portsClash(port, other)))) return predicate('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  if (node !== undefined && untolerated(pod, node)) return predicate('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  return undefined;
}

/** Whether the node takes a pod that was put on it: the scheduler may have been passed by, or have known less. */
export function admissionProblem(input: AdmissionInput): Rejection | undefined {
  const sysctl = sysctlProblem(input.pod, input.allowedUnsafeSysctls);
  if (sysctl !== undefined) return { reason: 'SysctlForbidden', message: sysctl };
  return resourceProblem(input) ?? placementProblem(input);
}

/** A node's own facts may lag behind the scheduler's: before a pod is refused for them they are read again. */
export async function confirmed(problem: Rejection, input: AdmissionInput, readNode: () => Promise<Node>): Promise<Rejection | undefined> {
  if (problem.reason !== 'NodeAffinity' && problem.reason !== 'TaintToleration') return problem;
  return admissionProblem({ ...input, node: await readNode().catch(() => input.node) });
}
