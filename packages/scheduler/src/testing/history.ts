import { Simulation } from '@coxswain/host/sim';
import { SchedulerCache } from '../cache/cache.ts';
import type { PluginHandle } from '../plugins/handle.ts';
import { testHandle } from './handle.ts';
import type { SlowCluster } from './slow-model.ts';
import { staticStorage } from './static-storage.ts';

export const { host } = new Simulation({ seed: 1 }).start('test', 'test');

export function handleOf(cluster: SlowCluster): Omit<PluginHandle, 'framework' | 'schedulerName'> {
  return testHandle(host, { namespaceLabels: (namespace) => cluster.namespaces[namespace] ?? {}, storage: staticStorage({ ...cluster.storage, nodes: cluster.nodes, pods: cluster.pods }) });
}

export function cacheOf({ nodes, pods, namespaces }: SlowCluster): SchedulerCache {
  const cache = new SchedulerCache((namespace) => namespaces[namespace]);
  for (const pod of pods) cache.setPod(pod);
  for (const node of nodes) cache.setNode(node);
  return cache;
}

/** The same cluster, reached by detours: pods that came and went, moved or changed, nodes that were another time or not at all. */
export function lead(cache: SchedulerCache, { nodes, pods }: SlowCluster, steps: readonly number[], ask: () => void): void {
  for (const step of steps) {
    const [node, pod] = [nodes[step % nodes.length], pods[step % Math.max(1, pods.length)]];
    switch (step % 7) {
      case 0: if (node !== undefined) cache.removeNode(node.metadata?.name ?? ''); break;
      case 1: if (node !== undefined) cache.setNode({ ...node, metadata: { ...node.metadata, labels: { zone: 'elsewhere' } } }); break;
      case 2: if (pod !== undefined) cache.removePod(pod.metadata?.uid ?? ''); break;
      case 3: if (pod !== undefined) cache.setPod({ ...pod, metadata: { ...pod.metadata, labels: { app: 'other' } } }); break;
      case 4: if (pod !== undefined) cache.setPod({ ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: 'n0' } }); break;
      case 5: if (node !== undefined) cache.setNode(node); break;
      default: ask();
    }
  }
  // What was remembered of the one must not outlive the other.
  const restores = [() => { for (const pod of pods) cache.setPod(pod); }, () => { for (const node of nodes) cache.setNode(node); }];
  for (const restore of steps.length % 2 === 0 ? restores : restores.toReversed()) { ask(); restore(); }
}
