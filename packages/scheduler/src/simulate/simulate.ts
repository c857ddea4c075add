import { Simulation } from '@coxswain/host/sim';
import { UsageError } from '@coxswain/service';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { SchedulerConfig } from '../config.ts';
import { startScheduler } from '../start.ts';
import type { ClusterState } from './cluster-state.ts';
import { MemoryClient } from './memory-client.ts';
import { qualityOf, type Quality } from './quality.ts';
import { changed, type Scenario } from './scenario.ts';

export interface SimulateOptions {
  readonly scenario: Scenario;
  readonly config: SchedulerConfig;
  readonly seed: number;
  /** Virtual time that the scheduler has. */
  readonly forMs: number;
}

export interface Placement {
  /** `namespace/name` */
  readonly pod: string;
  /** '' : it had none, or was not there. */
  readonly before: string;
  readonly after: string;
}

export interface Pending {
  readonly pod: string;
  readonly reason: string;
  readonly message: string;
}

/** What the scenario makes of the cluster. */
export interface SimulationResult {
  readonly kind: 'SchedulingSimulation';
  readonly seed: number;
  readonly placements: readonly Placement[];
  readonly pending: readonly Pending[];
  readonly preempted: readonly string[];
  readonly before: Quality;
  readonly after: Quality;
}

function nodesOfPods(pods: readonly Pod[]): Map<string, string> {
  return new Map(pods.map((pod) => [`${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`, pod.spec?.nodeName ?? '']));
}

function pendingOf(pods: readonly Pod[]): Pending[] {
  return pods.filter((pod) => (pod.spec?.nodeName ?? '') === '').map((pod) => {
    const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    return { pod: `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`, reason: condition?.reason ?? 'NotTried', message: condition?.message ?? 'the scheduler has not tried it' };
  });
}

/**
 * Runs the scheduler itself, on virtual time, against a copy of the cluster in memory, and tells what it did. The same state, scenario,
 * configuration and seed give the same result.
 */
export async function simulate(state: ClusterState, { scenario, config, seed, forMs }: SimulateOptions): Promise<SimulationResult> {
  const start = changed(state, scenario);
  if (start.get('nodes')?.length === 0 && state.get('nodes')?.length === 0) throw new UsageError('the state has no nodes: nothing can be placed (kinds that are no objects of a cluster are passed over)');
  const sim = new Simulation({ seed });
  const client = new MemoryClient(start);
  const { host } = sim.start('simulated', 'scheduler');
  // What others would say of a cluster that is not theirs, nobody knows.
  startScheduler({ ...config, extenders: [], leaderElection: { ...config.leaderElection, leaderElect: false } }, host, client);
  await sim.run(forMs, () => false);
  sim.stop();
  const pods = client.objects('pods') as readonly Pod[];
  const [was, is] = [nodesOfPods(state.get('pods') as readonly Pod[]), nodesOfPods(pods)];
  const placements = [...is].filter(([pod, node]) => node !== (was.get(pod) ?? '')).map(([pod, after]) => ({ pod, before: was.get(pod) ?? '', after })).filter(({ after }) => after !== '');
  return {
    kind: 'SchedulingSimulation', seed, placements, pending: pendingOf(pods), preempted: client.preempted,
    before: qualityOf(state.get('nodes') as readonly Node[], state.get('pods') as readonly Pod[]), after: qualityOf(start.get('nodes') as readonly Node[], pods),
  };
}
