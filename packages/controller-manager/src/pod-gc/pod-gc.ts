import { isNotFound, objectKey, resources, type Informer } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { Node, Pod, PodCondition } from 'kubernetes-types/core/v1';
import { byCreation, isDeleting, uidOf } from '../common/object.ts';
import { isPodTerminal } from '../common/pods.ts';
import { runPeriodically } from '../common/run.ts';
import type { Controller, ControllerContext } from '../types.ts';

const name = 'pod-garbage-collector-controller';
const periodMs = 20_000;
/** A node that is missing in the cache gets this long to appear before its pods are judged. */
const quarantineMs = 40_000;
const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

/** The oldest of the ended pods past the threshold. */
export function surplus(pods: readonly Pod[], threshold: number): Pod[] {
  if (threshold <= 0) return [];
  const ended = pods.filter((pod) => isPodTerminal(pod) && !isDeleting(pod)).toSorted(byCreation);
  return ended.slice(0, Math.max(0, ended.length - threshold));
}

/** Pods that end on a node which an administrator has declared dead. */
export function outOfService(pods: readonly Pod[], nodes: ReadonlyMap<string, Node>): Pod[] {
  return pods.filter((pod) => {
    const node = nodes.get(pod.spec?.nodeName ?? '');
    const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    return isDeleting(pod) && ready !== 'True' && node?.spec?.taints?.some(({ key }) => key === outOfServiceTaint) === true;
  });
}

/** Pods that ended before any node had them. */
function unscheduledTerminating(pods: readonly Pod[]): Pod[] {
  return pods.filter((pod) => isDeleting(pod) && (pod.spec?.nodeName ?? '') === '');
}

export const podGcController: Controller = {
  name, account: 'pod-garbage-collector',
  start: (context) => {
    const pods = context.informers.informer(resources.pods);
    const nodes = context.informers.informer(resources.nodes);
    const missing = new Map<string, number>();
    return runPeriodically(context, name, periodMs, async () => {
      const all = pods.lister.list();
      const known = new Map(nodes.lister.list().map((node) => [node.metadata?.name ?? '', node]));
      for (const pod of surplus(all, context.config.terminatedPodGcThreshold)) await remove(context, pod);
      for (const pod of outOfService(all, known)) await remove(context, pod, disruption(context, 'DeletionByPodGC', 'PodGC: node is out of service'));
      for (const pod of unscheduledTerminating(all)) await remove(context, pod);
      const gone = await goneNodes(context, nodes, all, missing);
      for (const pod of all) if (gone.has(pod.spec?.nodeName ?? '')) await remove(context, pod, disruption(context, 'DeletionByPodGC', 'PodGC: node no longer exists'));
    });
  },
};

function disruption(context: ControllerContext, reason: string, message: string): PodCondition {
  return { type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime: rfc3339Seconds(context.host.clock.nowMs()) };
}

/** Nodes that pods name, that were missing for a while, and that the server does not know either. */
async function goneNodes(context: ControllerContext, nodes: Informer<Node>, pods: readonly Pod[], missing: Map<string, number>): Promise<Set<string>> {
  const nowMs = context.host.clock.monotonicMs();
  const named = new Set(pods.flatMap((pod) => pod.spec?.nodeName ?? []));
  for (const node of missing.keys()) if (!named.has(node) || nodes.lister.get({ name: node }) !== undefined) missing.delete(node);
  const gone = new Set<string>();
  for (const node of named) {
    if (node === '' || nodes.lister.get({ name: node }) !== undefined) continue;
    const sinceMs = missing.get(node) ?? nowMs;
    missing.set(node, sinceMs);
    if (nowMs - sinceMs < quarantineMs) continue;
    const exists = await context.client.get(resources.nodes, { name: node }).then(() => true, (error: unknown) => {
      if (isNotFound(error)) return false;
      throw error;
    });
    if (!exists) gone.add(node);
  }
  return gone;
}

/** By force: there is no kubelet that would confirm. A pod that had not ended is marked failed first, for whoever counts it. */
async function remove(context: ControllerContext, pod: Pod, condition?: PodCondition): Promise<void> {
  const key = objectKey(pod);
  try {
    if (!isPodTerminal(pod)) {
      await context.client.patch(resources.pods, key, 'strategic', { metadata: { uid: uidOf(pod) }, status: { phase: 'Failed', ...(condition === undefined ? {} : { conditions: [condition] }) } }, { subresource: 'status' });
    }
    await context.client.delete(resources.pods, key, { gracePeriodSeconds: 0, preconditions: { uid: uidOf(pod) } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
