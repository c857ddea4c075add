import { done, isNotFound, keyOfObject, resources, splitKey, type SyncResult } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import { deepEqual, isDeleting, nameOf, uidOf } from '../common/object.ts';
import { podIndex } from '../common/pod-handlers.ts';
import { isPodTerminal } from '../common/pods.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller, ControllerContext } from '../types.ts';
import { evictionOf, type Eviction } from './tolerations.ts';

const name = 'taint-eviction-controller';

/** Deletes pods from nodes whose NoExecute taints they do not tolerate (any longer). */
export const taintEvictionController: Controller = {
  name, account: 'node-controller',
  start: (context) => {
    const nodes = context.informers.informer(resources.nodes);
    const pods = context.informers.informer(resources.pods);
    podIndex(pods);
    const loop = newLoop(context, name);
    nodes.addHandler({
      added: (node) => { for (const pod of pods.lister.byIndex('node', nameOf(node))) loop.enqueue(pod); },
      updated: (before, node) => {
        if (deepEqual(before.spec?.taints ?? [], node.spec?.taints ?? [])) return;
        for (const pod of pods.lister.byIndex('node', nameOf(node))) loop.enqueue(pod);
      },
    });
    pods.addHandler({
      added: (pod) => loop.enqueue(pod),
      updated: (before, pod) => {
        if (before.spec?.nodeName !== pod.spec?.nodeName || !deepEqual(before.spec?.tolerations ?? [], pod.spec?.tolerations ?? [])) loop.enqueue(pod);
      },
    });
    /** Since when a pod's taints are known here: who taints a node by hand does not say. */
    const seenMs = new Map<string, number>();
    const decide = (key: string, pod: Pod | undefined, nowMs: number): Eviction => {
      if (pod === undefined || isDeleting(pod) || isPodTerminal(pod) || pod.spec?.nodeName === undefined) return { kind: 'stay' };
      const taints = (nodes.lister.get({ name: pod.spec.nodeName })?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
      return evictionOf(taints, pod.spec.tolerations ?? [], seenMs.get(key) ?? nowMs);
    };
    return runLoop(context, name, loop, async (key): Promise<SyncResult> => {
      const pod = pods.lister.get(splitKey(key));
      const nowMs = context.host.clock.nowMs();
      const eviction = decide(key, pod, nowMs);
      if (eviction.kind === 'stay' || pod === undefined) {
        seenMs.delete(key);
        return done;
      }
      if (!seenMs.has(key)) seenMs.set(key, nowMs);
      // The taint may be gone by then: the pass that comes will see.
      if (eviction.atMs > nowMs) return { kind: 'retry-after', delayMs: eviction.atMs - nowMs };
      await evict(context, pod);
      return done;
    }, 8);
  },
};

async function evict(context: ControllerContext, pod: Pod): Promise<void> {
  const key = splitKey(keyOfObject(pod));
  context.recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyOfObject(pod)}`);
  const condition = {
    type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: rfc3339Seconds(context.host.clock.nowMs()),
  };
  try {
    await context.client.patch(resources.pods, key, 'strategic', { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } }, { subresource: 'status' });
    await context.client.delete(resources.pods, key, { preconditions: { uid: uidOf(pod) } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
