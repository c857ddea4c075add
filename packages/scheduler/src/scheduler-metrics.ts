import type { Metrics } from '@coxswain/service';
import type { Decision } from './decide.ts';

export interface SchedulerMetrics {
  decided(kind: Decision['kind'], profile: string, durationMs: number): void;
  bound(profile: string, attempts: number, sinceQueuedMs: number): void;
}

const seconds = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];
const resultOf: Readonly<Record<Decision['kind'], string>> = { placed: 'scheduled', unfit: 'unschedulable', 'no-nodes': 'unschedulable', error: 'error' };

/** Under kube-scheduler's names. */
export function makeSchedulerMetrics(metrics: Metrics): SchedulerMetrics {
  const attempts = metrics.counter('scheduler_schedule_attempts_total', 'Number of attempts to schedule pods, by the result.', ['result', 'profile']);
  const algorithm = metrics.histogram('scheduler_scheduling_algorithm_duration_seconds', 'Scheduling algorithm latency in seconds', seconds);
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
