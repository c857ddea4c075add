import { createInformerFactory, isConflict, isNotFound, keyOfObject, objectKey, resources, type Client } from '@coxswain/client';
import { rfc3339Micros, rfc3339Seconds, type Host } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import { isDeleting, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { nodeOf } from '../daemonset/placement.ts';
import { isPodTerminal } from '../common/pods.ts';

/** Scheduler and kubelets for tests of controllers: each pod gets a node in turn, runs at once, ends when it is deleted. */
export interface HollowNodes {
  /** Pods for which it answers false stay not ready. */
  readyIf: (pod: Pod) => boolean;
  /** Pods for which it answers a phase end with it as soon as they run. */
  endsAs: (pod: Pod) => 'Succeeded' | 'Failed' | undefined;
  /** Nodes that say nothing any more. */
  readonly silent: Set<string>;
}

export async function startHollowNodes(host: Host, client: Client, names: readonly string[], signal: AbortSignal): Promise<HollowNodes> {
  const nodes: HollowNodes = { readyIf: () => true, endsAs: () => undefined, silent: new Set() };
  for (const name of names) await register(host, client, name);
  const factory = createInformerFactory(host, client);
  const pods = factory.informer(resources.pods);
  const busy = new Set<string>();
  let turn = 0;
  const act = (pod: Pod): void => {
    const key = keyOfObject(pod);
    if (busy.has(key)) return;
    busy.add(key);
    const bind = (): string => {
      const pinned = nodeOf(pod);
      if (pinned !== undefined) return pinned;
      const alive = names.filter((name) => !nodes.silent.has(name));
      return alive[(turn += 1) % alive.length] ?? '';
    };
    step(host, client, nodes, pod, bind).catch((error: unknown) => { throwUnexpected(error, signal); }).finally(() => {
      busy.delete(key);
      const current = pods.lister.get(objectKey(pod));
      if (current !== undefined && current.metadata?.resourceVersion !== pod.metadata?.resourceVersion) act(current);
    });
  };
  pods.addHandler({ added: act, updated: (_before, after) => act(after) });
  await factory.start(signal);
  void renewLeases(host, client, nodes, names, signal);
  return nodes;
}

/** Others write and delete meanwhile, and their newer state comes by the watch; at the end the server goes first. Nobody waits for anything else: it fails the run as a rejection that is not handled. */
function throwUnexpected(error: unknown, signal: AbortSignal): void {
  if (!signal.aborted && !isConflict(error) && !isNotFound(error)) throw error;
}

async function register(host: Host, client: Client, name: string): Promise<void> {
  const now = rfc3339Seconds(host.clock.nowMs());
  await client.create(resources.nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
  await client.patch(resources.nodes, { name }, 'merge', { status: {
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ok', lastHeartbeatTime: now, lastTransitionTime: now }],
    addresses: [{ type: 'InternalIP', address: `10.0.0.${name.length}` }, { type: 'Hostname', address: name }], allocatable: { pods: '110', cpu: '8', memory: '16Gi' }, capacity: { pods: '110', cpu: '8', memory: '16Gi' },
  } }, { subresource: 'status' });
  await client.create(resources.leases, { metadata: { namespace: 'kube-node-lease', name }, spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: rfc3339Micros(host.clock.nowMs()) } });
}

async function renewLeases(host: Host, client: Client, nodes: HollowNodes, names: readonly string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await host.timers.sleep(200, signal);
    for (const name of names) {
      if (nodes.silent.has(name) || signal.aborted) continue;
      await client.patch(resources.leases, { namespace: 'kube-node-lease', name }, 'merge', { spec: { renewTime: rfc3339Micros(host.clock.nowMs()) } }).catch((error: unknown) => { throwUnexpected(error, signal); });
    }
  }
}

async function step(host: Host, client: Client, nodes: HollowNodes, pod: Pod, bind: () => string): Promise<void> {
  const node = pod.spec?.nodeName;
  if (node === undefined || node === '') {
    if (!isDeleting(pod)) await client.createSubresource(resources.pods, objectKey(pod), 'binding', { apiVersion: 'v1', kind: 'Binding', metadata: { name: nameOf(pod), namespace: namespaceOf(pod) }, target: { kind: 'Node', name: bind() } });
    return;
  }
  if (nodes.silent.has(node)) return;
  if (isDeleting(pod)) {
    await client.delete(resources.pods, objectKey(pod), { gracePeriodSeconds: 0, preconditions: { uid: uidOf(pod) } });
    return;
  }
  if (isPodTerminal(pod)) return;
  const phase = nodes.endsAs(pod) ?? 'Running';
  const ready = phase === 'Running' && nodes.readyIf(pod) ? 'True' : 'False';
  const now = rfc3339Seconds(host.clock.nowMs());
  if (pod.status?.phase === phase && pod.status.conditions?.find(({ type }) => type === 'Ready')?.status === ready) return;
  const ip = pod.status?.podIP ?? `10.1.${host.random.uint32() % 250}.${1 + (host.random.uint32() % 250)}`;
  const conditions = [{ type: 'Ready', status: ready, lastTransitionTime: now }, { type: 'ContainersReady', status: ready, lastTransitionTime: now }];
  await client.patch(resources.pods, objectKey(pod), 'merge', { metadata: { uid: uidOf(pod) }, status: { phase, podIP: ip, podIPs: [{ ip }], startTime: now, conditions } }, { subresource: 'status' });
}
