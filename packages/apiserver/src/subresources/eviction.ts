import { badRequest, internalError, notFound, type JsonObject } from '@coxswain/api';
import { resources, type Client, type DeleteOptions } from '@coxswain/client';
import { rfc3339Seconds, type Clock } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Eviction, PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { asStatusError, hasCode, type Lookup } from '../live-lookup.ts';
import { readDeleteOptions } from '../registry/options.ts';
import { typed } from '../typed.ts';
import type { CreateHandler, ObjectMutator, ResourceRequest } from '../types.ts';
import { setPodCondition } from './binding.ts';
import { isUnguarded, mayGoUncounted, selects, takeDisruption } from './disruption-budget.ts';
import { success } from './success.ts';

export interface EvictionParts {
  readonly clock: Clock;
  readonly client: Client;
  readonly lookup: Lookup;
  readonly objects: ObjectMutator;
}

interface Asked {
  readonly pod: Pod;
  readonly namespace: string;
  readonly name: string;
  readonly options: DeleteOptions;
  readonly now: string;
}

/** From the store: a budget that another server has just been given counts too. */
async function budgetsOf(client: Client, pod: Pod): Promise<PodDisruptionBudget[]> {
  const { items } = await client.list(resources.poddisruptionbudgets, { namespace: pod.metadata?.namespace });
  return items.filter((budget) => selects(budget.spec?.selector, pod.metadata?.labels));
}

async function passBudget(parts: EvictionParts, asked: Asked): Promise<void> {
  if (isUnguarded(asked.pod)) return;
  const budgets = await budgetsOf(parts.client, asked.pod);
  const [budget] = budgets;
  if (budgets.length > 1) throw internalError('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  if (budget === undefined) return;
  if (mayGoUncounted(asked.pod, budget)) return;
  const key = { namespace: asked.namespace, name: budget.metadata?.name ?? '' };
  await parts.objects.mutate('policy', 'poddisruptionbudgets', key, (object) => takeDisruption(typed<PodDisruptionBudget>(object), asked.name, asked.now), { dryRun: asked.options.dryRun === true });
}

/** So that whoever owns the pod can see why it went. */
async function markDisrupted(parts: EvictionParts, asked: Asked): Promise<void> {
  if (asked.options.dryRun === true) return;
  await parts.objects.mutate('', 'pods', { namespace: asked.namespace, name: asked.name }, (object) => {
    setPodCondition(typed<Pod>(object), {
      type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting', lastProbeTime: null as unknown as string, lastTransitionTime: asked.now,
    });
  });
}

function deleteOptions(eviction: Eviction, pod: Pod, dryRun: boolean): DeleteOptions {
  const asked = eviction.deleteOptions;
  const { uid = pod.metadata?.uid, resourceVersion } = asked?.preconditions ?? {};
  return {
    ...(asked?.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: asked.gracePeriodSeconds }),
    preconditions: { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    ...(dryRun || (asked?.dryRun ?? []).length > 0 ? { dryRun: true } : {}),
  };
}

/** A delete that asks the pod's disruption budget first. */
export function evictionHandler(parts: EvictionParts): CreateHandler {
  async function create(request: ResourceRequest, body: JsonObject, { dryRun }: { readonly dryRun: boolean }): ReturnType<CreateHandler['create']> {
    const { namespace, name } = request.info;
    const eviction = typed<Eviction>(body);
    if ((eviction.metadata?.name ?? '') !== name) throw badRequest('name in URL does not match name in Eviction object');
    // Fresh, since the answer to the budget's question hangs on the pod being ready.
    const pod = await parts.lookup<Pod>(resources.pods, namespace, name, () => false);
    if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, name);
    readDeleteOptions(new URLSearchParams(), { ...eviction.deleteOptions } as JsonObject);
    const asked = { pod, namespace, name, now: rfc3339Seconds(parts.clock.nowMs()), options: deleteOptions(eviction, pod, dryRun) };
    await passBudget(parts, asked);
    await markDisrupted(parts, asked);
    try {
      await parts.client.delete(resources.pods, { namespace, name }, asked.options);
    } catch (error) {
      if (!hasCode(error, 404)) throw asStatusError(error);
    }
    return success(201);
  }
  return { group: '', resource: 'pods', subresource: 'eviction', create };
}
