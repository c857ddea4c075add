import type { Clock } from '@coxswain/host';
import { createMetrics } from '@coxswain/service/edge';
import { expect, test } from 'vitest';
import { admissionMetrics, WebhookRejection } from './metrics.ts';

const clock: Clock = { nowMs: () => 0, monotonicMs: () => 0 };

class Unreachable extends Error {}

const isCallFailure = (error: unknown): boolean => error instanceof Unreachable;

/** Names, labels and values are those of the original's. */
test('what admission, webhooks and policies did is counted', async () => {
  const metrics = createMetrics();
  const admission = admissionMetrics(metrics, clock);
  await admission.step('admit', 'CREATE', () => Promise.resolve());
  await expect(admission.step('validate', 'UPDATE', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const ask = (failsOpen: boolean, error?: Error): Promise<unknown> => admission.webhook('a.example.com', 'validating', 'CREATE', { failsOpen, isCallFailure, run: () => (error === undefined ? Promise.resolve() : Promise.reject(error)) }).catch(() => undefined);
  await ask(false);
  await ask(false, new Unreachable());
  await ask(true, new Unreachable());
  await ask(false, new WebhookRejection('Forbidden', 'no', undefined, 999));
  await ask(false, new TypeError('a bug'));
  admission.policyCheck('p', 'b', 'invalid_error', 'deny', 0.0005);
  const text = await metrics.render();
  const hook = 'name="a.example.com",type="validating"';
  for (const line of [
    'apiserver_admission_step_admission_duration_seconds_bucket{le="0.005",type="admit",operation="CREATE",rejected="false"} 1',
    'apiserver_admission_step_admission_duration_seconds_count{type="validate",operation="UPDATE",rejected="true"} 1',
    `apiserver_admission_webhook_request_total{${hook},operation="CREATE",code="200",rejected="false"} 1`,
    `apiserver_admission_webhook_request_total{${hook},operation="CREATE",code="500",rejected="true"} 1`,
    `apiserver_admission_webhook_request_total{${hook},operation="CREATE",code="500",rejected="false"} 1`,
    `apiserver_admission_webhook_request_total{${hook},operation="CREATE",code="600",rejected="true"} 1`,
    `apiserver_admission_webhook_request_total{${hook},operation="CREATE",code="0",rejected="true"} 1`,
    `apiserver_admission_webhook_rejection_count{${hook},operation="CREATE",error_type="calling_webhook_error",rejection_code="500"} 1`,
    `apiserver_admission_webhook_rejection_count{${hook},operation="CREATE",error_type="no_error",rejection_code="600"} 1`,
    `apiserver_admission_webhook_rejection_count{${hook},operation="CREATE",error_type="apiserver_internal_error",rejection_code="0"} 1`,
    `apiserver_admission_webhook_fail_open_count{${hook}} 1`,
    `apiserver_admission_webhook_admission_duration_seconds_count{${hook},operation="CREATE",rejected="true"} 3`,
    'apiserver_validating_admission_policy_check_total{policy="p",policy_binding="b",error_type="invalid_error",enforcement_action="deny"} 1',
    'apiserver_validating_admission_policy_check_duration_seconds_bucket{le="0.001",policy="p",policy_binding="b",error_type="invalid_error",enforcement_action="deny"} 1',
  ]) expect(text).toContain(line);
});
