import type { HealthCheck } from '@coxswain/service';

interface Result {
  readonly name: string;
  readonly type: string;
  healthy: boolean;
  readonly counts: { success: number; error: number };
}

/** What health checks said, for `/metrics/slis`: names, labels and help are the original's. */
export class HealthRecord {
  readonly #results = new Map<string, Result>();

  /** The same checks, remembered. */
  of(type: 'livez' | 'readyz', checks: Readonly<Record<string, HealthCheck>>): Record<string, HealthCheck> {
    return Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, async () => {
      try {
        const problem = await check();
        this.#note(name, type, problem === undefined);
        return problem;
      } catch (error) {
        this.#note(name, type, false);
        throw error;
      }
    }]));
  }

  #note(name: string, type: string, healthy: boolean): void {
    const key = `${type}/${name}`;
    const result = this.#results.get(key) ?? { name, type, healthy, counts: { success: 0, error: 0 } };
    this.#results.set(key, result);
    result.healthy = healthy;
    result.counts[healthy ? 'success' : 'error'] += 1;
  }

  get text(): string {
    const results = [...this.#results.values()].toSorted((a, b) => (`${a.name} ${a.type}` < `${b.name} ${b.type}` ? -1 : 1));
    return [
      '# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.', '# TYPE kubernetes_healthcheck gauge',
      ...results.map(({ name, type, healthy }) => `kubernetes_healthcheck{name="${name}",type="${type}"} ${healthy ? 1 : 0}`),
      '# HELP kubernetes_healthchecks_total [STABLE] This metric records the results of all healthcheck.', '# TYPE kubernetes_healthchecks_total counter',
      ...results.flatMap(({ name, type, counts }) => (['error', 'success'] as const).filter((status) => counts[status] > 0).map((status) => `kubernetes_healthchecks_total{name="${name}",status="${status}",type="${type}"} ${counts[status]}`)),
    ].map((line) => `${line}\n`).join('');
  }
}
