import { internalError, StatusError, stringifyAny, type JsonObject } from '@coxswain/api';
import type { AdmissionAttributes, AdmissionPlugin, Reinvocation } from '../../types.ts';
import { CallFailure, callWebhook, failClosed, refusalOf } from './call.ts';
import { become, sorted, textOf } from '../changed-object.ts';
import { oneRound, Reinvoked } from '../reinvocation.ts';
import { HookSource, type Hook } from './hooks.ts';
import { invocationOf, isExempt, type Invocation } from './invocation.ts';
import { applyWebhookPatch, decodeWebhookPatch } from './patch.ts';
import { objectsIn, type WebhookTools } from './validating.ts';
import type { ReviewAnswer } from './review.ts';

const pluginName = 'MutatingAdmissionWebhook';

function settled(invocation: Invocation, patched: JsonObject): JsonObject {
  try {
    return invocation.version.settle(patched);
  } catch (error) {
    if (error instanceof StatusError) throw internalError(error.message.replace(/^.* cannot be handled as a \w+: /, ''));
    throw error;
  }
}

interface Round {
  readonly number: 0 | 1;
  readonly index: number;
}

function annotatePatch(a: AdmissionAttributes, { hook }: Invocation, round: Round, patch: readonly JsonObject[]): void {
  const value = { configuration: hook.configuration, webhook: hook.webhook.name, patch: patch.map((operation) => sorted(operation)), patchType: 'JSONPatch' };
  a.notes.annotate(`patch.webhook.admission.k8s.io/round_${round.number}_index_${round.index}`, stringifyAny(value));
}

/** True if the object is another one now. */
async function applyAnswer(a: AdmissionAttributes, invocation: Invocation, answer: ReviewAnswer, before: JsonObject | undefined, round: Round): Promise<boolean> {
  const { webhook } = invocation.hook;
  if (!answer.allowed) throw refusalOf(webhook.name, answer.result);
  const operations = answer.patch === undefined ? [] : decodeWebhookPatch(answer.patch);
  if (operations.length === 0) return false;
  if (before === undefined || a.object === undefined) throw internalError(`admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for this operation`);
  if (answer.patchType !== 'JSONPatch') throw new CallFailure(webhook.name, `unsupported patch type ${JSON.stringify(answer.patchType)}`);
  const unchanged = textOf(before);
  const after = settled(invocation, applyWebhookPatch(before, operations));
  annotatePatch(a, invocation, round, operations);
  const changed = textOf(await invocation.version.from(await invocation.version.back(structuredClone(after)))) !== unchanged;
  become(a.object, await invocation.version.back(after));
  return changed;
}

/** Calls one webhook and lets it change the object. Answers whether it did. */
async function callOne(tools: WebhookTools, a: AdmissionAttributes, invocation: Invocation, round: Round): Promise<boolean> {
  const { webhook, configuration } = invocation.hook;
  let changed = false;
  try {
    changed = await tools.metrics.webhook(webhook.name, 'admit', a.operation, { failsOpen: webhook.failurePolicy === 'Ignore', isCallFailure: (error) => error instanceof CallFailure, run: async () => {
      const objects = await objectsIn(invocation.version, a);
      return applyAnswer(a, invocation, await callWebhook(tools, invocation, a, objects, true), objects.object, round);
    } });
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    if (webhook.failurePolicy !== 'Ignore') throw failClosed(error);
    tools.log.warn('a webhook failed and is passed over', { webhook: webhook.name, error: error.message });
    a.notes.annotate(`failed-open.mutation.webhook.admission.k8s.io/round_${round.number}_index_${round.index}`, webhook.name);
  } finally {
    a.notes.annotate(`mutation.webhook.admission.k8s.io/round_${round.number}_index_${round.index}`, JSON.stringify({ configuration, webhook: webhook.name, mutated: changed }));
  }
  return changed;
}

async function runHooks(tools: WebhookTools, a: AdmissionAttributes, hooks: readonly Hook[], reinvocation: Reinvocation, memory: Reinvoked): Promise<void> {
  for (const [index, hook] of hooks.entries()) {
    const invocation = await invocationOf(hook, a, tools);
    if (invocation === undefined || (reinvocation.isReinvoke && !memory.isDue(hook.uid))) continue;
    const changed = await callOne(tools, a, invocation, { number: reinvocation.isReinvoke ? 1 : 0, index });
    if (changed) {
      memory.previousAgain();
      reinvocation.request();
    }
    if (hook.webhook.reinvocationPolicy === 'IfNeeded') memory.mayAgain(hook.uid);
  }
}

/** One after the other, each with what the ones before made of the object. */
export function mutatingWebhooks(tools: WebhookTools): AdmissionPlugin {
  const source = new HookSource(tools.cache, 'mutatingwebhookconfigurations');
  const ask = async (a: AdmissionAttributes): Promise<void> => {
    const hooks = await source.hooks();
    if (hooks.length === 0) return;
    const reinvocation = a.reinvocation ?? oneRound();
    const memory = Reinvoked.of(reinvocation, pluginName);
    if (reinvocation.isReinvoke && memory.lastOutput !== textOf(a.object)) memory.previousAgain();
    await runHooks(tools, a, hooks, reinvocation, memory);
    memory.lastOutput = textOf(a.object);
  };
  return {
    name: pluginName,
    operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
    admit: (a) => (isExempt(a) || source.isEmpty ? undefined : ask(a)),
  };
}
