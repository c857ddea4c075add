import { done, isNotFound, objectKey, resources, selectorMatches, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import { parseRfc3339, rfc3339Seconds } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from 'kubernetes-types/policy/v1';
import { deepEqual, isDeleting, messageOf, namespaceOf, uidOf } from '../common/object.ts';
import { isPodTerminal, podCondition } from '../common/pods.ts';
import { newLoop, runAll, runLoop, type Loop } from '../common/run.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { budgetStatus, deletionTimeoutMs, failedStatus, needsScale, stillDisrupted } from './budget.ts';
import { Scales } from './scale.ts';

const name = 'disruption-controller';

export const disruptionController: Controller = { name, account: name, start: (context) => new DisruptionController(context).run };

class DisruptionController {
  readonly #context: ControllerContext;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #pods: Informer<Pod>;
  readonly #scales: Scales;
  readonly #loop: Loop;
  /** Pods that say they are being disrupted, which may turn out not to be so. */
  readonly #marked: Loop;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#budgets = context.informers.informer(resources.poddisruptionbudgets);
    this.#pods = context.informers.informer(resources.pods);
    this.#loop = newLoop(context, name);
    this.#marked = newLoop(context, `${name}-marked`);
    this.#scales = new Scales(context, (namespace) => {
      for (const budget of this.#budgets.lister.list({ namespace })) this.#loop.enqueue(budget);
    });
    this.#watch();
    this.run = runAll(runLoop(context, name, this.#loop, (key) => this.#sync(key), 1), runLoop(context, `${name}-marked`, this.#marked, (key) => this.#unmark(key), 1));
  }

  #watch(): void {
    this.#budgets.addHandler({ added: (budget) => this.#loop.enqueue(budget), updated: (_before, budget) => this.#loop.enqueue(budget) });
    const changed = (...states: readonly Pod[]): void => {
      for (const budget of this.#budgets.lister.list({ namespace: namespaceOf(states[0] ?? {}) })) {
        if (states.some((pod) => selectorMatches(budget.spec?.selector, pod.metadata?.labels))) this.#loop.enqueue(budget);
      }
      const last = states.at(-1);
      if (last !== undefined && isMarked(last)) this.#marked.enqueue(last);
    };
    this.#pods.addHandler({ added: changed, updated: changed, deleted: changed });
  }

  async #sync(key: string): Promise<SyncResult> {
    const budget = this.#budgets.lister.get(splitKey(key));
    if (budget === undefined || isDeleting(budget)) return done;
    const nowMs = this.#context.host.clock.nowMs();
    const { selector } = budget.spec ?? {};
    const pods = selector === undefined ? [] : [...this.#pods.lister.list({ namespace: namespaceOf(budget), selector })];
    if (pods.length === 0) this.#context.recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    let scale: number;
    try {
      scale = needsScale(budget) ? await this.#scales.of(pods) : 0;
    } catch (error) {
      this.#context.recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${messageOf(error)}`);
      await this.#write(budget, failedStatus(budget, messageOf(error), nowMs));
      throw error;
    }
    const { stayed, recheckAtMs } = stillDisrupted(budget, pods, nowMs);
    for (const pod of stayed) this.#context.recorder.event(pod, 'Warning', 'NotDeleted', `Pod was expected by PDB ${key} to be deleted but it wasn't`);
    await this.#write(budget, budgetStatus(budget, pods, scale, nowMs));
    return recheckAtMs === undefined ? done : { kind: 'retry-after', delayMs: Math.max(0, recheckAtMs - nowMs) + 1 };
  }

  /** The eviction API takes from the same status: whoever was behind is told so by the server, and tries again. */
  async #write(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Promise<void> {
    if (deepEqual(budget.status, status)) return;
    await this.#context.client.updateStatus(resources.poddisruptionbudgets, { ...budget, status }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  async #unmark(key: string): Promise<SyncResult> {
    const pod = this.#pods.lister.get(splitKey(key));
    if (pod === undefined || !isMarked(pod)) return done;
    const nowMs = this.#context.host.clock.nowMs();
    const condition = podCondition(pod, 'DisruptionTarget');
    const waitMs = parseRfc3339(condition?.lastTransitionTime ?? '') + deletionTimeoutMs - nowMs;
    if (waitMs > 0) return { kind: 'retry-after', delayMs: waitMs + 1 };
    const conditions = [{ type: 'DisruptionTarget', status: 'False', lastTransitionTime: rfc3339Seconds(nowMs) }];
    await this.#context.client.patch(resources.pods, objectKey(pod), 'strategic', { metadata: { uid: uidOf(pod) }, status: { conditions } }, { subresource: 'status' }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    return done;
  }
}

function isMarked(pod: Pod): boolean {
  return !isDeleting(pod) && !isPodTerminal(pod) && podCondition(pod, 'DisruptionTarget')?.status === 'True';
}
