import type { Host, HttpRequest } from '@coxswain/host';
import type { Counter, Metrics } from '@coxswain/service';
import type { Notes } from '../transport/notes.ts';
import type { RequestInfo, UserInfo } from '../types.ts';
import { AuditFailures, unionBackend, type AuditBackend } from './backend.ts';
import type { AuditEvent } from './event.ts';
import { ruleFor, type AuditPolicy, type AuditRule } from './policy.ts';
import { RequestAudit } from './record.ts';

export interface BackendTools {
  readonly host: Host;
  readonly failures: AuditFailures;
}

export interface AuditConfig {
  readonly policy: AuditPolicy;
  /** At least one. */
  readonly backends: readonly ((tools: BackendTools) => AuditBackend)[];
}

/** Decides which requests are recorded, and how much of them. */
export class Auditor {
  readonly #policy: AuditPolicy;
  readonly #backend: AuditBackend;
  readonly #host: Host;
  readonly #events: Counter;
  readonly #levels: Counter;
  readonly #rejected: Counter;
  readonly #failures: AuditFailures;

  constructor(config: AuditConfig, host: Host, metrics: Metrics) {
    this.#policy = config.policy;
    this.#host = host;
    this.#events = metrics.counter('apiserver_audit_event_total', 'Counter of audit events generated and sent to the audit backend.');
    this.#levels = metrics.counter('apiserver_audit_level_total', 'Counter of policy levels for audit events (1 per request).', ['level']);
    this.#rejected = metrics.counter('apiserver_audit_requests_rejected_total', 'Counter of apiserver requests rejected due to an error in audit logging backend.');
    const errors = metrics.counter('apiserver_audit_error_total', 'Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.', ['plugin']);
    this.#failures = new AuditFailures(errors, host.log, () => host.clock.monotonicMs());
    this.#backend = unionBackend(config.backends.map((make) => make({ host, failures: this.#failures })));
  }

  #ruleOf(info: RequestInfo, user: UserInfo | undefined): AuditRule | undefined {
    const rule = ruleFor(this.#policy, { ...info, user });
    this.#levels.inc({ level: rule?.level ?? 'None' });
    return rule === undefined || rule.level === 'None' ? undefined : rule;
  }

  #record(request: HttpRequest, info: RequestInfo, user: UserInfo | undefined, notes: Notes, receivedMs: number): RequestAudit | undefined {
    const rule = this.#ruleOf(info, user);
    if (rule === undefined) return undefined;
    const record = new RequestAudit({ request, info, user, notes, rule, receivedMs }, { host: this.#host, unread: (error) => { this.#failures.report('response', error, 1); }, send: (event) => this.#send(event) });
    notes.bodies = record;
    return record;
  }

  #send(event: AuditEvent): Promise<boolean> {
    this.#events.inc();
    return this.#backend.process([event]);
  }

  /** An authenticated request begins. `refused`: it may not go on because its beginning could not be recorded. */
  async begin(request: HttpRequest, info: RequestInfo, user: UserInfo, notes: Notes, receivedMs: number): Promise<RequestAudit | undefined | 'refused'> {
    const record = this.#record(request, info, user, notes, receivedMs);
    if (record !== undefined && !(await record.received())) {
      this.#rejected.inc();
      return 'refused';
    }
    return record;
  }

  /** Nobody knows who asks: one event, of the refusal. */
  unauthenticated(request: HttpRequest, info: RequestInfo, notes: Notes, receivedMs: number): RequestAudit | undefined {
    return this.#record(request, info, undefined, notes, receivedMs);
  }

  stop(): Promise<void> {
    return this.#backend.stop();
  }
}
