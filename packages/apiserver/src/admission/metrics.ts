import { StatusError } from '@coxswain/api';
import type { Clock } from '@coxswain/host';
import type { HistogramSeries, Metrics } from '@coxswain/service';
import type { AdmissionAttributes } from '../types.ts';

const stepBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const webhookBuckets = [...stepBuckets, 10, 25];
const checkBuckets = [0.0000005, 0.001, 0.01, 0.1, 1];

type Operation = AdmissionAttributes['operation'];
/** As upstream calls them: webhooks that only look are `validating`. */
export type WebhookType = 'admit' | 'validating';
export type CheckError = 'compile_error' | 'invalid_error' | 'out_of_budget' | 'no_error';
export type CheckAction = 'allow' | 'deny' | 'audit' | 'warn';

/** A webhook's no. */
export class WebhookRejection extends StatusError {}

export interface AdmissionMetrics {
  /** Runs one of the two steps of admission. */
  step<T>(type: 'admit' | 'validate', operation: Operation, run: () => Promise<T>): Promise<T>;
  /** For how long one plugin has done its part of a step, and whether it refused. */
  controller(name: string, type: 'admit' | 'validate', operation: Operation): (seconds: number, rejected: boolean) => void;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Asks a webhook; `isCallFailure` tells failures to ask it from its answers, `failsOpen` whether they let the request go on. */
  webhook<T>(name: string, type: WebhookType, operation: Operation, call: { readonly failsOpen: boolean; readonly isCallFailure: (error: unknown) => boolean; readonly run: () => Promise<T> }): Promise<T>;
  policyCheck(policy: string, binding: string, error: CheckError, action: CheckAction, seconds: number): void;
}

const maxCode = 600;

export function admissionMetrics(metrics: Metrics, clock: Clock): AdmissionMetrics {
  const prefix = 'apiserver_admission_';
  const steps = metrics.histogram(`${prefix}step_admission_duration_seconds`, 'Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).', stepBuckets, ['type', 'operation', 'rejected']);
  const controllers = metrics.histogram(`${prefix}controller_admission_duration_seconds`, 'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).', stepBuckets, ['name', 'type', 'operation', 'rejected']);
  const calls = metrics.histogram(`${prefix}webhook_admission_duration_seconds`, 'Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).', webhookBuckets, ['name', 'type', 'operation', 'rejected']);
  const rejections = metrics.counter(`${prefix}webhook_rejection_count`, 'Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code if the webhook rejects the request with an HTTP status code (honored by the apiserver when the code is greater or equal to 400). Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.', ['name', 'type', 'operation', 'error_type', 'rejection_code']);
  const open = metrics.counter(`${prefix}webhook_fail_open_count`, 'Admission webhook fail open count, identified by name and broken out for each admission type (validating or admit).', ['name', 'type']);
  const requests = metrics.counter(`${prefix}webhook_request_total`, 'Admission webhook request total, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code. Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.', ['name', 'type', 'operation', 'code', 'rejected']);
  const policyLabels = ['policy', 'policy_binding', 'error_type', 'enforcement_action'];
  const checks = metrics.counter('apiserver_validating_admission_policy_check_total', 'Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.', policyLabels);
  const checkTimes = metrics.histogram('apiserver_validating_admission_policy_check_duration_seconds', 'Validation admission latency for individual validation expressions in seconds, labeled by policy and further including binding and enforcement action taken.', checkBuckets, policyLabels);
  const stepSeries = new Map<string, HistogramSeries>();
  const stepOf = (type: 'admit' | 'validate', operation: Operation, rejected: boolean): HistogramSeries => {
    const key = `${type} ${operation} ${rejected}`;
    let series = stepSeries.get(key);
    if (series === undefined) stepSeries.set(key, (series = steps.of({ type, operation, rejected: String(rejected) })));
    return series;
  };
  const secondsSince = (startMs: number): number => (clock.monotonicMs() - startMs) / 1000;
  return {
    clock,
    controller(name, type, operation) {
      let passed: HistogramSeries | undefined;
      return (seconds, rejected) => {
        if (rejected) controllers.observe(seconds, { name, type, operation, rejected: 'true' });
        else (passed ??= controllers.of({ name, type, operation, rejected: 'false' })).observe(seconds);
      };
    },
    async step(type, operation, run) {
      const startMs = clock.monotonicMs();
      let rejected = true;
      try {
        const result = await run();
        rejected = false;
        return result;
      } finally {
        stepOf(type, operation, rejected).observe(secondsSince(startMs));
      }
    },
    async webhook(name, type, operation, { failsOpen, isCallFailure, run }) {
      const startMs = clock.monotonicMs();
      const done = (code: number, error?: 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error'): void => {
        const rejected = String(error !== undefined);
        const shown = String(Math.min(code, maxCode));
        if (error !== undefined) rejections.inc({ name, type, operation, error_type: error, rejection_code: shown });
        requests.inc({ name, type, operation, code: shown, rejected });
        calls.observe(secondsSince(startMs), { name, type, operation, rejected });
      };
      try {
        const result = await run();
        done(200);
        return result;
      } catch (error) {
        if (isCallFailure(error)) {
          done(500, failsOpen ? undefined : 'calling_webhook_error');
          if (failsOpen) open.inc({ name, type });
        } else if (error instanceof WebhookRejection) done(error.status.code ?? 0, 'no_error');
        else done(0, 'apiserver_internal_error');
        throw error;
      }
    },
    policyCheck(policy, binding, error, action, seconds) {
      const labels = { policy, policy_binding: binding, error_type: error, enforcement_action: action };
      checks.inc(labels);
      checkTimes.observe(seconds, labels);
    },
  };
}
