import type { Metrics } from '@coxswain/service';

const startBuckets = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const relistBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What one look at the runtime has found. */
export interface Relisted {
  readonly durationMs: number;
  /** Since the look before; undefined for the first. */
  readonly intervalMs: number | undefined;
  readonly runningPods: number;
  /** By CRI's name of the state. */
  readonly containers: Readonly<Record<string, number>>;
}

const states: Readonly<Record<string, string>> = { CONTAINER_CREATED: 'created', CONTAINER_RUNNING: 'running', CONTAINER_EXITED: 'exited', CONTAINER_UNKNOWN: 'unknown' };

export interface KubeletMetrics {
  relisted(result: Relisted): void;
  /** From when the kubelet first saw the pod until all of it ran. */
  podStarted(durationMs: number): void;
}

/** The original's names, which dashboards ask for. */
export function kubeletMetrics(metrics: Metrics, nodeName: string): KubeletMetrics {
  metrics.gauge('kubelet_node_name', "The node's name. The count is always 1.", ['node']).set(1, { node: nodeName });
  const runningPods = metrics.gauge('kubelet_running_pods', 'Number of pods that have a running pod sandbox');
  const runningContainers = metrics.gauge('kubelet_running_containers', 'Number of containers currently running', ['container_state']);
  const relist = metrics.histogram('kubelet_pleg_relist_duration_seconds', 'Duration in seconds for relisting pods in PLEG.', relistBuckets);
  const interval = metrics.histogram('kubelet_pleg_relist_interval_seconds', 'Interval in seconds between relisting in PLEG.', relistBuckets);
  const start = metrics.histogram('kubelet_pod_start_duration_seconds', 'Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run', startBuckets);
  return {
    relisted({ durationMs, intervalMs, runningPods: pods, containers }) {
      relist.observe(durationMs / 1000);
      if (intervalMs !== undefined) interval.observe(intervalMs / 1000);
      runningPods.set(pods);
      for (const [state, name] of Object.entries(states)) runningContainers.set(containers[state] ?? 0, { container_state: name });
    },
    podStarted(durationMs) { start.observe(durationMs / 1000); },
  };
}
