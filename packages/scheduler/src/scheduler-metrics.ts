import type { Metrics } from '@coxswain/service';
import type { Decision } from './decide.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';

export interface SchedulerMetrics {
  decided(kind: Decision['kind'], profile: string, durationMs: number): void;
  bound(profile: string, attempts: number, sinceQueuedMs: number): void;
}

/** Upstream's, and as many halves of a millisecond as our decisions need. */
const decisionSeconds = Array.from({ length: 21 }, (_, at) => 2 ** (at - 6) / 1000);
const seconds = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];
const resultOf: Readonly<Record<Decision['kind'], string>> = { placed: 'scheduled', unfit: 'unschedulable', 'no-nodes': 'unschedulable', error: 'error' };

function tellPending(metrics: Metrics, waiting: () => SchedulingQueue['counts']): void {
  const pending = metrics.gauge('scheduler_pending_pods', "Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to schedule because they are gated.", ['queue']);
  metrics.beforeRender(() => { for (const [queue, count] of Object.entries(waiting())) pending.set(count, { queue }); });
}

/** Under kube-scheduler's names; `waiting` is asked when somebody reads them. */
export function makeSchedulerMetrics(metrics: Metrics, waiting: () => SchedulingQueue['counts']): SchedulerMetrics {
  tellPending(metrics, waiting);
  const attempts = metrics.counter('scheduler_schedule_attempts_total', 'Number of attempts to schedule pods, by the result.', ['result', 'profile']);
  const algorithm = metrics.histogram('scheduler_scheduling_algorithm_duration_seconds', 'Scheduling algorithm latency in seconds', decisionSeconds);
  const perPod = metrics.histogram('scheduler_pod_scheduling_attempts', 'Number of attempts to successfully schedule a pod.', [1, 2, 4, 8, 16]);
  const sli = metrics.histogram('scheduler_pod_scheduling_sli_duration_seconds', 'E2e latency for a pod being scheduled.', [...seconds, 32, 64, 128, 256], ['attempts']);
  return {
    decided(kind, profile, durationMs) {
      attempts.inc({ result: resultOf[kind], profile });
      algorithm.observe(durationMs / 1000);
    },
    bound(_profile, tries, sinceQueuedMs) {
      perPod.observe(tries);
      sli.observe(sinceQueuedMs / 1000, { attempts: tries >= 15 ? '15+' : String(tries) });
    },
  };
}
