import type { Clock } from '@coxswain/host';
import { createMetrics } from '@coxswain/service/edge';
import { expect, test } from 'vitest';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { admissionChain } from './chain.ts';
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

test('each plugin is timed in both of its steps', async () => {
  const metrics = createMetrics();
  let nowMs = 0;
  const passing = (): Promise<void> => { nowMs += 10; return Promise.resolve(); };
  const refusing = (): Promise<void> => { nowMs += 40; return Promise.reject(new Error('no')); };
  const plugins: AdmissionPlugin[] = [
    { name: 'Both', operations: ['CREATE'], admit: passing, validate: passing }, { name: 'Never', operations: ['DELETE'], admit: passing },
    { name: 'Refuses', operations: ['CREATE'], validate: refusing }, { name: 'After', operations: ['CREATE'], validate: passing },
  ];
  const chain = admissionChain(plugins, admissionMetrics(metrics, { ...clock, monotonicMs: () => nowMs }));
  const attributes = { operation: 'CREATE', resource: { resource: 'pods' }, subresource: '' } as AdmissionAttributes;
  await chain.admit(attributes);
  await expect(chain.validate(attributes)).rejects.toThrow('no');
  const text = await metrics.render();
  const counts = text.split('\n').filter((line) => line.startsWith('apiserver_admission_controller_admission_duration_seconds_count'));
  const count = (name: string, type: string, rejected: boolean): string => `apiserver_admission_controller_admission_duration_seconds_count{name="${name}",type="${type}",operation="CREATE",rejected="${rejected}"} 1`;
  expect(counts.toSorted()).toEqual([count('Both', 'admit', false), count('Both', 'validate', false), count('Refuses', 'validate', true)].toSorted());
  expect(text).toContain('apiserver_admission_controller_admission_duration_seconds_sum{name="Refuses",type="validate",operation="CREATE",rejected="true"} 0.04\n');
});
