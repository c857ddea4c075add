import { badRequest, StatusError, type Json, type JsonObject, type StatusReason } from '@coxswain/api';
import type { Random } from '@coxswain/host';
import type { StatusDetails } from 'kubernetes-types/meta/v1';
import { CalloutError, type Callouts } from '../../callouts/types.ts';
import { traced } from '../../tracing/request-trace.ts';
import type { AdmissionAttributes } from '../../types.ts';
import { WebhookRejection } from '../metrics.ts';
import type { Invocation } from './invocation.ts';
import { InvalidAnswer, reviewAnswer, reviewRequest, reviewVersion, type ReviewAnswer, type ReviewObjects } from './review.ts';

/** The webhook could not be asked, or gave no answer that can be used: what `failurePolicy` is about. */
export class CallFailure extends Error {
  constructor(webhook: string, why: string) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`);
  }
}

/** Whether or not there is room for causes, they carry the text. */
export function failClosed(failure: CallFailure): StatusError {
  return new StatusError('InternalError', `Internal error occurred: ${failure.message}`, { causes: [{ message: failure.message }] });
}

function checkDryRun({ hook: { webhook } }: Invocation, a: AdmissionAttributes): void {
  if (!a.dryRun || webhook.sideEffects === 'None' || webhook.sideEffects === 'NoneOnDryRun') return;
  throw badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
}

export interface CallTools {
  readonly callouts: Callouts;
  readonly random: Random;
}

/** Asks one webhook. Throws CallFailure, or StatusError where the request cannot be had whatever the failure policy is. */
export async function callWebhook(tools: CallTools, invocation: Invocation, a: AdmissionAttributes, objects: ReviewObjects, mutating: boolean): Promise<ReviewAnswer> {
  const { webhook } = invocation.hook;
  checkDryRun(invocation, a);
  const version = reviewVersion(webhook.admissionReviewVersions ?? []);
  if (version === undefined) throw new CallFailure(webhook.name, 'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)');
  const uid = tools.random.uuid();
  const seconds = webhook.timeoutSeconds ?? 10;
  try {
    const answer = await traced(a.notes.trace, `webhook ${webhook.name}`, (headers) => tools.callouts.post(webhook.clientConfig, reviewRequest(uid, version, invocation, a, objects), { timeoutMs: seconds * 1000, query: { timeout: `${seconds}s` }, headers }));
    const review = reviewAnswer(answer, { uid, version, mutating });
    for (const [key, value] of Object.entries(review.auditAnnotations)) a.notes.annotate(`${webhook.name}/${key}`, value);
    for (const warning of review.warnings) a.notes.warn(warning);
    return review;
  } catch (error) {
    if (error instanceof CalloutError) throw new CallFailure(webhook.name, `failed to call webhook: ${error.message}`);
    if (error instanceof InvalidAnswer) throw new CallFailure(webhook.name, `received invalid webhook response: ${error.message}`);
    throw error;
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The webhook's no, with its own code, reason and details. */
export function refusalOf(webhook: string, result: JsonObject = {}): WebhookRejection {
  const reason = textOf(result['reason']);
  const said = textOf(result['message']) || reason;
  const deniedBy = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const code = typeof result['code'] === 'number' && result['code'] >= 400 ? result['code'] : 400;
  return new WebhookRejection(reason as StatusReason, said === '' ? `${deniedBy} without explanation` : `${deniedBy}: ${said}`, result['details'] as StatusDetails | undefined, code);
}
