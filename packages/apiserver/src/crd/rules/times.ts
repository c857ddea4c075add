import type { Host } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';

/** How long the rules of definitions take to compile and to evaluate, for each schema that may have some. Runs the work and answers what it answers. */
export interface CelTimes {
  compilation<T>(work: () => T): T;
  evaluation<T>(work: () => T): T;
}

const untimed = <T>(work: () => T): T => work();

export const noCelTimes: CelTimes = { compilation: untimed, evaluation: untimed };

/** Prometheus' own, as upstream has here. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function celTimes(metrics: Metrics, clock: Host['clock']): CelTimes {
  const timed = (name: string, help: string): CelTimes['compilation'] => {
    const series = metrics.histogram(name, help, buckets).of({});
    return (work) => {
      const startMs = clock.monotonicMs();
      try {
        return work();
      } finally {
        series.observe((clock.monotonicMs() - startMs) / 1000);
      }
    };
  };
  return {
    compilation: timed('apiserver_cel_compilation_duration_seconds', 'CEL compilation time in seconds.'),
    evaluation: timed('apiserver_cel_evaluation_duration_seconds', 'CEL evaluation time in seconds.'),
  };
}
