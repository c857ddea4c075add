import { done, isNotFound, metadataOnly, resources, splitKey, type Informer, type KubeObject, type ResourceType, type SyncResult } from '@coxswain/client';
import type { ResourceQuota } from 'kubernetes-types/core/v1';
import { discoverPreferred } from '../common/discovery.ts';
import { createdMs, deepEqual, isDeleting, namespaceOf } from '../common/object.ts';
import { isPodTerminal } from '../common/pods.ts';
import { newLoop, runAll, runLoop, runPeriodically, type Loop } from '../common/run.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { quotaStatus, resourceBehind, type Counted } from './status.ts';

const name = 'resourcequota-controller';
/** Upstream's --resource-quota-sync-period: what was taken for objects that never came is given back then at the latest. */
const fullCountMs = 300_000;
/** As long after a quota's creation an object may have been admitted by a server that did not know of the quota yet. */
const unknownMs = 10_000;

export const resourceQuotaController: Controller = { name, account: name, start: (context) => new ResourceQuotaController(context).run };

class ResourceQuotaController {
  readonly #context: ControllerContext;
  readonly #quotas: Informer<ResourceQuota>;
  /** By `group/resource`: what quotas have spoken of so far. */
  readonly #counted = new Map<string, Promise<Informer<KubeObject> | undefined>>();
  readonly #loop: Loop;
  #signal: AbortSignal | undefined;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#loop = newLoop(context, name);
    this.#quotas = context.informers.informer(resources.resourcequotas);
    this.#quotas.addHandler({
      added: (quota) => this.#loop.enqueue(quota),
      // Admission takes from the status all the time: that alone is no reason to count.
      updated: (before, quota) => { if (!deepEqual(before.spec, quota.spec) || !deepEqual(quota.spec?.hard, quota.status?.hard)) this.#loop.enqueue(quota); },
    });
    const pods = context.informers.informer(resources.pods);
    pods.addHandler({ updated: (before, pod) => { if (!isPodTerminal(before) && isPodTerminal(pod)) this.#freed(pod); } });
    for (const type of [resources.pods, resources.services, resources.persistentvolumeclaims] as ResourceType[]) {
      const informer = context.informers.informer(type);
      informer.addHandler({ added: (object) => this.#seen(object), deleted: (object) => this.#freed(object) });
      this.#counted.set(`/${type.resource}`, Promise.resolve(informer));
    }
    // They can shrink without going.
    for (const type of [resources.services, resources.persistentvolumeclaims] as ResourceType[]) {
      context.informers.informer(type).addHandler({ updated: (before, object) => { if (before.metadata?.resourceVersion !== object.metadata?.resourceVersion) this.#freed(object); } });
    }
    const all = (): Promise<void> => {
      for (const quota of this.#quotas.lister.list()) this.#loop.enqueue(quota);
      return Promise.resolve();
    };
    this.run = (signal) => {
      this.#signal = signal;
      return runAll(runLoop(context, name, this.#loop, (key) => this.#sync(key)), runPeriodically(context, name, fullCountMs, all))(signal);
    };
  }

  #freed(object: KubeObject): void {
    for (const quota of this.#quotas.lister.list({ namespace: namespaceOf(object) })) this.#loop.enqueue(quota);
  }

  /**
   * Admission counts what comes after a quota. What came before it (or with it) was not counted, if it is seen here only now: the
   * quota's own count may have been made without it, as watches of two resources are not in step.
   */
  #seen(object: KubeObject): void {
    for (const quota of this.#quotas.lister.list({ namespace: namespaceOf(object) })) if (createdMs(object) <= createdMs(quota) + unknownMs) this.#loop.enqueue(quota);
  }

  /** Undefined: the server has no such resource (yet). */
  async #informerOf(group: string, resource: string): Promise<Informer<KubeObject> | undefined> {
    const key = `${group}/${resource}`;
    let found = this.#counted.get(key);
    if (found === undefined) {
      found = this.#begin(group, resource);
      this.#counted.set(key, found);
      found.then((informer) => { if (informer === undefined) this.#counted.delete(key); }, () => this.#counted.delete(key));
    }
    return await found;
  }

  async #begin(group: string, resource: string): Promise<Informer<KubeObject> | undefined> {
    const type = (await discoverPreferred(this.#context.client)).resources.find((one) => one.group === group && one.resource === resource && one.namespaced);
    if (type === undefined || this.#signal === undefined) return undefined;
    const informer = this.#context.informers.informer(metadataOnly(type));
    informer.addHandler({ added: (object) => this.#seen(object), deleted: (object) => this.#freed(object) });
    await this.#context.informers.start(this.#signal);
    await informer.whenSynced();
    return informer;
  }

  async #sync(key: string): Promise<SyncResult> {
    const quota = this.#quotas.lister.get(splitKey(key));
    if (quota === undefined || isDeleting(quota)) return done;
    const types = new Map(Object.keys(quota.spec?.hard ?? {}).map(resourceBehind).map((type) => [`${type.group}/${type.resource}`, type]));
    const counted: Counted[] = [];
    for (const type of types.values()) {
      const informer = await this.#informerOf(type.group, type.resource);
      counted.push({ type, objects: informer?.lister.list({ namespace: namespaceOf(quota) }) ?? [] });
    }
    const status = quotaStatus(quota, counted, this.#context.host.clock.nowMs());
    if (deepEqual(quota.status, status)) return done;
    // A take of admission in between makes this a conflict, and the next try counts again.
    await this.#context.client.updateStatus(resources.resourcequotas, { ...quota, status }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    return done;
  }
}
