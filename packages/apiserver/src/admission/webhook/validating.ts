import { internalError, StatusError, type JsonObject } from '@coxswain/api';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionVersion, CacheReader } from '../../types.ts';
import type { AdmissionMetrics } from '../metrics.ts';
import { CallFailure, callWebhook, failClosed, refusalOf, type CallTools } from './call.ts';
import { HookSource } from './hooks.ts';
import { invocationOf, isExempt, type Invocation, type MatchTools } from './invocation.ts';
import type { ReviewObjects } from './review.ts';

export type WebhookTools = CallTools & MatchTools & { readonly cache: CacheReader; readonly metrics: AdmissionMetrics; readonly log: { warn(text: string, fields?: Readonly<Record<string, unknown>>): void } };

export async function objectsIn(version: AdmissionVersion, a: AdmissionAttributes): Promise<ReviewObjects> {
  const convert = async (object: JsonObject | undefined): Promise<JsonObject | undefined> => (object === undefined ? undefined : version.from(object));
  try {
    return { object: await convert(a.object), oldObject: await convert(a.oldObject) };
  } catch (error) {
    if (error instanceof StatusError) throw internalError(error.message);
    throw error;
  }
}

async function ask(tools: WebhookTools, invocation: Invocation, index: number, a: AdmissionAttributes, objects: ReviewObjects): Promise<void> {
  const { webhook } = invocation.hook;
  try {
    await tools.metrics.webhook(webhook.name, 'validating', a.operation, { failsOpen: webhook.failurePolicy === 'Ignore', isCallFailure: (error) => error instanceof CallFailure, run: async () => {
      const answer = await callWebhook(tools, invocation, a, objects, false);
      if (!answer.allowed) throw refusalOf(webhook.name, answer.result);
    } });
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    if (webhook.failurePolicy !== 'Ignore') throw failClosed(error);
    tools.log.warn('a webhook failed and is passed over', { webhook: webhook.name, error: error.message });
    a.notes.annotate(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, webhook.name);
  }
}

/** All that match at the same time; the first refusal is told, after all have answered. */
async function askAll(tools: WebhookTools, invocations: readonly Invocation[], a: AdmissionAttributes): Promise<void> {
  const byVersion = new Map<AdmissionVersion, ReviewObjects>();
  for (const { version } of invocations) if (!byVersion.has(version)) byVersion.set(version, await objectsIn(version, a));
  const refusals: unknown[] = [];
  await Promise.all(invocations.map(async (invocation, index) => {
    try {
      await ask(tools, invocation, index, a, byVersion.get(invocation.version) ?? { object: undefined, oldObject: undefined });
    } catch (error) {
      refusals.push(error);
    }
  }));
  if (refusals.length > 0) throw refusals[0];
}

export function validatingWebhooks(tools: WebhookTools): AdmissionPlugin {
  const source = new HookSource(tools.cache, 'validatingwebhookconfigurations');
  const askMatching = async (a: AdmissionAttributes): Promise<void> => {
    const invocations: Invocation[] = [];
    for (const hook of await source.hooks()) {
      const invocation = await invocationOf(hook, a, tools);
      if (invocation !== undefined) invocations.push(invocation);
    }
    if (invocations.length > 0) await askAll(tools, invocations, a);
  };
  return {
    name: 'ValidatingAdmissionWebhook',
    operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
    validate: (a) => (isExempt(a) || source.isEmpty ? undefined : askMatching(a)),
  };
}
