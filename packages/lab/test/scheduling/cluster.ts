import type { Node, Pod, PodSpec } from 'kubernetes-types/core/v1';

/** Half of the nodes are never touched: of these nothing may be overstepped, not even for a moment. */
export const stableNodes = ['n1', 'n2', 'n3'] as const;
export const restlessNodes = ['n4', 'n5', 'n6'] as const;
export const nodeNames: readonly string[] = [...stableNodes, ...restlessNodes];
export const cpuOfNode = 4000;
export const foreignScheduler = 'other';
export const hostPort = 8080;
/** Nodes have it now and then, so that some pods wait for long: who comes late with a binding finds them without a node. */
export const gateLabel = 'example.com/gate';

export function zoneOf(node: string): string {
  return `z${(Number(node.slice(1)) % 3) + 1}`;
}

export function node(name: string, milliCpu = cpuOfNode): Node {
  const allocatable = { cpu: `${milliCpu}m`, memory: '8Gi', pods: '30' };
  return {
    apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zoneOf(name) } },
    status: { capacity: allocatable, allocatable },
  };
}

const kinds = ['plain', 'plain', 'gated', 'gated', 'gated', 'port', 'apart', 'apart-zones', 'spread', 'important', 'other'] as const;
export type PodKind = (typeof kinds)[number];
export const podKinds: readonly PodKind[] = kinds;

function apart(topologyKey: string, role: string): Partial<PodSpec> {
  return { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: { matchLabels: { role } } }] } } };
}

const specOf: Readonly<Record<PodKind, () => Partial<PodSpec>>> = {
  plain: () => ({}),
  port: () => ({}),
  apart: () => apart('kubernetes.io/hostname', 'apart'),
  'apart-zones': () => apart('topology.kubernetes.io/zone', 'apart-zones'),
  spread: () => ({ topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { role: 'spread' } } }] }),
  important: () => ({ priorityClassName: 'important' }),
  other: () => ({ schedulerName: foreignScheduler }),
  gated: () => ({ nodeSelector: { [gateLabel]: 'open' } }),
};

export function pod(name: string, kind: PodKind, milliCpu: number): Pod {
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { role: kind } },
    spec: {
      ...specOf[kind](), terminationGracePeriodSeconds: 1,
      containers: [{ name: 'c', image: 'example.com/c:1', resources: { requests: { cpu: `${milliCpu}m`, memory: '64Mi' } }, ...(kind === 'port' ? { ports: [{ containerPort: hostPort, hostPort }] } : {}) }],
    },
  };
}

function milliOf(text: string | undefined): number {
  return text === undefined ? 0 : text.endsWith('m') ? Number(text.slice(0, -1)) : 1000 * Number(text);
}

export function milliCpuOf({ spec, status }: Pod | Node): number {
  if (spec !== undefined && 'containers' in spec) return milliOf(spec.containers[0]?.resources?.requests?.['cpu']);
  return milliOf(status !== undefined && 'allocatable' in status ? status.allocatable?.['cpu'] : undefined);
}
