import {
  acceptNames, approvalCondition, cleanupFinalizer, conditionOf, equalJson, isCertificateBundle, isConditionTrue, removeCondition, sameCondition, setCondition, type Condition, type JsonObject,
} from '@coxswain/api';
import { ApiError, resources, type Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { QueueMeter } from '@coxswain/service';
import { at, copy, meta, strings, text, textAt } from '../registry/object.ts';
import type { Registry } from '../registry/registry.ts';
import { describeError } from '../transport/describe-error.ts';
import type { CacheReader } from '../types.ts';
import { deleteInstances } from './instances.ts';

export interface ControllerOptions {
  readonly host: Host;
  readonly client: Client;
  readonly cache: CacheReader;
  readonly registry: Registry;
  readonly queue: QueueMeter;
  readonly stop: AbortSignal;
  readonly establishingDelayMs?: number;
}

const group = 'apiextensions.k8s.io';
const plural = 'customresourcedefinitions';
const retryMs = 1000;
const conflictRetryMs = 50;

/** One whose conditions and metadata may be changed: what large definitions consist of is shared. */
function draftOf(definition: JsonObject): JsonObject {
  const { metadata, status } = definition;
  return { ...definition, metadata: copy(metadata as JsonObject), ...(status === undefined ? {} : { status: copy(status as JsonObject) }) };
}

const sameStatus = (one: JsonObject, other: JsonObject): boolean => equalJson(one['status'] ?? null, other['status'] ?? null);

/**
 * Keeps the conditions of definitions: names, establishment, approval, and the end of their objects. Every server does it; what another was
 * faster at is a conflict, and the event of its write calls again.
 */
export class DefinitionController {
  readonly #options: ControllerOptions;
  readonly #waiting = new Set<string>();
  readonly #cleaning = new Set<string>();
  readonly #establishing = new Set<string>();
  #working = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** Something about this definition, or that it is gone. */
  changed(name: string): void {
    this.#add(name);
    if (!this.#working) void this.#work();
  }

  #add(name: string): void {
    if (this.#waiting.has(name)) return;
    this.#waiting.add(name);
    this.#options.queue.added(name);
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      for (const name of this.#waiting) {
        if (this.#options.stop.aborted) return;
        this.#waiting.delete(name);
        this.#options.queue.taken(name);
        await this.#attempt(name, () => this.#sync(name));
        this.#options.queue.done(name);
      }
    } finally {
      this.#working = false;
    }
  }

  /** What fails is tried again; what another server did meanwhile comes back as an event. */
  async #attempt(name: string, run: () => Promise<void>): Promise<void> {
    const { host, stop, queue } = this.#options;
    try {
      await run();
    } catch (error) {
      if (stop.aborted || (error instanceof ApiError && (error.code === 404 || error.code === 409))) return;
      host.log.warn('A custom resource definition was not brought up to date', { name, error: describeError(error) });
      queue.retried();
      host.timers.after(retryMs, () => { if (!stop.aborted) this.changed(name); });
    }
  }

  #get(name: string): JsonObject | undefined {
    return this.#options.cache.get(group, plural, '', name);
  }

  #groupOf(definition: JsonObject): readonly JsonObject[] {
    return this.#options.cache.list(group, plural).filter((other) => at(other, 'spec', 'group') === at(definition, 'spec', 'group'));
  }

  #requeueGroup(groupName: string, except: string): void {
    for (const other of this.#options.cache.list(group, plural)) {
      const name = text(meta(other), 'name');
      if (name !== except && at(other, 'spec', 'group') === groupName) this.#add(name);
    }
  }

  async #sync(name: string): Promise<void> {
    const definition = this.#get(name);
    if (definition === undefined) {
      // Its names are free now.
      this.#requeueGroup(name.slice(name.indexOf('.') + 1), name);
      return;
    }
    const wanted = draftOf(definition);
    this.#names(wanted);
    this.#approval(wanted);
    if (!sameStatus(wanted, definition)) {
      await this.#write(wanted);
      this.#requeueGroup(textAt(definition, 'spec', 'group'), name);
      return;
    }
    this.#establish(definition);
    if (meta(definition)['deletionTimestamp'] !== undefined && strings(meta(definition), 'finalizers').includes(cleanupFinalizer)) this.#cleanUp(name);
  }

  #names(wanted: JsonObject): void {
    if (equalJson(at(wanted, 'spec', 'names') ?? null, at(wanted, 'status', 'acceptedNames') ?? null)) return;
    acceptNames(wanted, this.#groupOf(wanted), this.#options.host.clock.nowMs());
  }

  #approval(wanted: JsonObject): void {
    const condition = approvalCondition(wanted);
    const before = conditionOf(wanted, 'KubernetesAPIApprovalPolicyConformant');
    if (condition === undefined) {
      if (before !== undefined) removeCondition(wanted, 'KubernetesAPIApprovalPolicyConformant');
    } else if (!sameCondition(condition, before)) setCondition(wanted, condition, this.#options.host.clock.nowMs());
  }

  #establish(definition: JsonObject): void {
    if (!isConditionTrue(definition, 'NamesAccepted') || isConditionTrue(definition, 'Established')) return;
    const name = text(meta(definition), 'name');
    if (this.#establishing.has(name)) return;
    this.#establishing.add(name);
    const { host, stop, establishingDelayMs = 0 } = this.#options;
    const finish = (): void => {
      this.#establishing.delete(name);
      if (!stop.aborted) void this.#attempt(name, () => this.#established(name));
    };
    if (establishingDelayMs === 0) finish();
    else host.timers.after(establishingDelayMs, finish);
  }

  async #established(name: string): Promise<void> {
    const definition = this.#get(name);
    if (definition === undefined || !isConditionTrue(definition, 'NamesAccepted') || isConditionTrue(definition, 'Established')) return;
    const wanted = draftOf(definition);
    const bundle = textAt(definition, 'spec', 'conversion', 'webhook', 'clientConfig', 'caBundle');
    const condition: Condition = bundle === '' || isCertificateBundle(bundle)
      ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
      : { type: 'Established', status: 'False', reason: 'InvalidCABundle', message: 'The conversion webhook CABundle is invalid' };
    setCondition(wanted, condition, this.#options.host.clock.nowMs());
    if (!sameStatus(wanted, definition)) await this.#write(wanted);
  }

  async #write(definition: JsonObject): Promise<JsonObject> {
    const written = await this.#options.client.updateStatus(resources.customresourcedefinitions, definition as never, { fieldManager: 'kube-apiserver' });
    return written as never;
  }

  #cleanUp(name: string): void {
    if (this.#cleaning.has(name)) return;
    this.#cleaning.add(name);
    void this.#attempt(name, () => this.#endInstances(name)).finally(() => {
      this.#cleaning.delete(name);
      // Events that came meanwhile were for this; what a conflict has ended goes on with the newer state.
      if (!this.#options.stop.aborted && this.#get(name) !== undefined) this.#options.host.timers.after(conflictRetryMs, () => this.changed(name));
    });
  }

  async #endInstances(name: string): Promise<void> {
    const { host, registry, stop } = this.#options;
    const definition = this.#get(name);
    if (definition === undefined) return;
    const nowMs = (): number => host.clock.nowMs();
    const ending = draftOf(definition);
    const terminating = (condition: Omit<Condition, 'type'>): Condition => ({ type: 'Terminating', ...condition });
    setCondition(ending, terminating({ status: 'True', reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' }), nowMs());
    const current = await this.#write(ending);
    const kind = isConditionTrue(current, 'Established') ? registry.custom(textAt(current, 'spec', 'group'), textAt(current, 'spec', 'names', 'plural'))?.stored() : undefined;
    const outcome = kind === undefined ? { status: 'False', reason: 'NeverEstablished', message: 'resource was never established' } as const : await deleteInstances(kind, host, stop);
    setCondition(current, terminating(outcome), nowMs());
    if (outcome.status === 'False') meta(current)['finalizers'] = strings(meta(current), 'finalizers').filter((finalizer) => finalizer !== cleanupFinalizer);
    await this.#write(current);
    if (outcome.status === 'True') throw new Error(outcome.message);
  }
}
