import { utf8, type HttpRequest, type HttpResponse } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';
import { etcdError } from '../client/errors.ts';
import { alarmType } from '../wire/messages.ts';
import type { Member } from './member.ts';

/** Rejects with what is wrong. */
type Check = (member: Member, isLearner: boolean) => Promise<void>;

const checks = {
  serializable_read: async (member) => { member.applier.machine.store.checkRevision(0); },
  linearizable_read: (member) => (member.raft.leader === 0n ? Promise.reject(etcdError('noLeader')) : member.reads.confirm()),
  data_corruption: async (member) => { if (member.applier.machine.alarms.some(({ alarm }) => alarm === alarmType.corrupt)) throw new Error('alarm activated: CORRUPT'); },
  non_learner: async (_member, isLearner) => { if (isLearner) throw new Error('not supported for learner'); },
} satisfies Record<string, Check>;
type CheckName = keyof typeof checks;

/** As etcd groups them: alive if it can be read, ready if it can do all that clients ask. */
const groups: Readonly<Record<'livez' | 'readyz', readonly CheckName[]>> = {
  livez: ['serializable_read'],
  readyz: ['data_corruption', 'serializable_read', 'linearizable_read', 'non_learner'],
};

const alarmNames: Readonly<Record<number, string>> = { [alarmType.noSpace]: 'NOSPACE', [alarmType.corrupt]: 'CORRUPT' };

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers }, body: utf8(body) };
}

/** /health, /livez, /readyz and the single checks below the latter two. */
export class HealthChecks {
  readonly #member: Member;
  readonly #isLearner: () => boolean;
  readonly #metrics: Metrics;

  constructor(member: Member, isLearner: () => boolean, metrics: Metrics) {
    this.#member = member;
    this.#isLearner = isLearner;
    this.#metrics = metrics;
  }

  /** Undefined: no path of ours. */
  async answer(request: HttpRequest): Promise<HttpResponse | undefined> {
    const url = new URL(request.target, 'http://localhost');
    const [, group, single, ...more] = url.pathname.split('/') as [string, string, string?, ...string[]];
    const names = Object.hasOwn(groups, group) ? groups[group as keyof typeof groups] : undefined;
    const known = names === undefined ? (group === 'health' || group === 'healthz') && single === undefined : single === undefined || names.includes(single as CheckName);
    if (!known || more.length > 0) return undefined;
    if (request.method !== 'GET') return text(405, 'Method Not Allowed\n', { allow: 'GET' });
    if (names === undefined) return this.#health(url.searchParams);
    return this.#run(group, single === undefined ? without(names, url.searchParams) : [single as CheckName], url.searchParams.has('verbose'));
  }

  async #run(group: string, names: readonly CheckName[], verbose: boolean): Promise<HttpResponse> {
    const lines: string[] = [];
    let healthy = true;
    for (const name of names) {
      const failure = await checks[name](this.#member, this.#isLearner()).then(() => undefined, (error: unknown) => (error as Error).message);
      healthy &&= failure === undefined;
      lines.push(failure === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${failure}\n`);
      this.#metrics.gauge('etcd_server_healthcheck', 'The result of each kind of healthcheck.', ['type', 'name']).set(failure === undefined ? 1 : 0, { type: group, name });
      this.#metrics.counter('etcd_server_healthchecks_total', 'The total number of each kind of healthcheck.', ['type', 'name', 'status']).inc({ type: group, name, status: failure === undefined ? 'success' : 'error' });
    }
    if (!healthy) {
      this.#member.host.log.warn('health check failed', { check: group, reason: lines.join('') });
      return text(503, `${lines.join('')}\n`);
    }
    return text(200, `${verbose ? lines.join('') : ''}ok\n`);
  }

  /** `exclude`: alarms that don't count. `serializable=true`: this member alone, not the cluster. */
  async #health(query: URLSearchParams): Promise<HttpResponse> {
    const reason = await this.#unhealthy(new Set(query.getAll('exclude')), query.get('serializable') === 'true');
    const healthy = reason === '';
    this.#metrics.counter('etcd_server_health_success', 'The total number of successful health checks').inc({}, healthy ? 1 : 0);
    this.#metrics.counter('etcd_server_health_failures', 'The total number of failed health checks').inc({}, healthy ? 0 : 1);
    const body = JSON.stringify({ health: String(healthy), reason });
    return { status: healthy ? 200 : 503, headers: { 'content-type': 'application/json' }, body: utf8(body) };
  }

  async #unhealthy(excluded: ReadonlySet<string>, serializable: boolean): Promise<string> {
    const alarm = this.#member.applier.machine.alarms.find((one) => !excluded.has(alarmNames[one.alarm] ?? ''));
    if (alarm !== undefined) return `ALARM ${alarmNames[alarm.alarm] ?? 'UNKNOWN'}`;
    if (!serializable && this.#member.raft.leader === 0n) return 'RAFT NO LEADER';
    const check: Check = serializable ? checks.serializable_read : checks.linearizable_read;
    return check(this.#member, false).then(() => '', (error: unknown) => `RANGE ERROR:${(error as Error).message}`);
  }
}

function without(names: readonly CheckName[], query: URLSearchParams): readonly CheckName[] {
  const excluded = new Set(query.getAll('exclude'));
  return names.filter((name) => !excluded.has(name));
}
