import { done, isNotFound, objectKey, resources, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { Node, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { deepEqual, isDeleting, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { newControllerRef } from '../common/owner.ts';
import { newLoop, runLoop } from '../common/run.ts';
import { hasManagedEndpoints, isHeadless } from '../endpoints/addresses.ts';
import { headlessLabel, triggerAnnotation } from '../endpoints/endpoints.ts';
import { selectedPods, watchServices, type ServiceInformers } from '../endpoints/services.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { desiredGroups, familiesOf } from './desired.ts';
import { planSlices } from './reconcile.ts';

const name = 'endpointslice-controller';
const unseenMs = 60_000;
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedBy = 'endpointslice-controller.k8s.io';
export const serviceNameLabel = 'kubernetes.io/service-name';
const reservedLabels = new Set([managedByLabel, serviceNameLabel, headlessLabel]);

export const endpointSliceController: Controller = { name, account: name, start: (context) => new EndpointSliceController(context).run };

class EndpointSliceController {
  readonly #context: ControllerContext;
  readonly #informers: ServiceInformers;
  readonly #slices: Informer<EndpointSlice>;
  readonly #nodes: Informer<Node>;
  /** Slices that were created and not yet seen in the cache, by service: without them a pass would create them again. */
  readonly #unseen = new Map<string, Map<string, number>>();
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    const loop = newLoop(context, name);
    this.#informers = watchServices(context, (key) => loop.queue.add(key));
    this.#slices = context.informers.informer(resources.endpointslices);
    this.#nodes = context.informers.informer(resources.nodes);
    const changed = (slice: EndpointSlice): void => {
      const key = this.#serviceKey(slice);
      if (key === undefined) return;
      this.#unseen.get(key)?.delete(nameOf(slice));
      loop.queue.add(key);
    };
    this.#slices.addHandler({ added: changed, updated: (_before, after) => changed(after), deleted: changed });
    this.run = runLoop(context, name, loop, (key) => this.#sync(key));
  }

  #serviceKey(slice: EndpointSlice): string | undefined {
    const labels = slice.metadata?.labels ?? {};
    return labels[managedByLabel] === managedBy && labels[serviceNameLabel] !== undefined ? `${namespaceOf(slice)}/${labels[serviceNameLabel]}` : undefined;
  }

  async #sync(key: string): Promise<SyncResult> {
    const service = this.#informers.services.lister.get(splitKey(key));
    if (service === undefined) {
      // The slices have the service for an owner: the garbage collector takes them.
      this.#unseen.delete(key);
      return done;
    }
    if (!hasManagedEndpoints(service) || isDeleting(service)) return done;
    if (this.#waitsForCache(key)) return { kind: 'retry-after', delayMs: 1000 };
    const existing = this.#slices.lister.list({ namespace: namespaceOf(service) }).filter((slice) => this.#serviceKey(slice) === key && !isDeleting(slice));
    const wanted = desiredGroups(service, selectedPods(this.#informers, service), (node) => this.#nodes.lister.get({ name: node }));
    const plan = planSlices(existing, wanted, familiesOf(service));
    const labels = this.#labels(service);
    for (const slice of plan.create) await this.#create(key, service, slice, labels);
    const touched = new Set([...plan.update, ...plan.remove].map(nameOf));
    const relabelled = existing.filter((slice) => !touched.has(nameOf(slice)) && !deepEqual(slice.metadata?.labels ?? {}, labels));
    for (const slice of [...plan.update, ...relabelled]) await this.#update(slice, labels);
    for (const slice of plan.remove) await this.#remove(slice);
    return done;
  }

  /** Until the cache shows what was created; one that was deleted before it was seen is waited for in vain, so not for ever. */
  #waitsForCache(key: string): boolean {
    const unseen = this.#unseen.get(key);
    if (unseen === undefined) return false;
    const nowMs = this.#context.host.clock.monotonicMs();
    for (const [slice, createdMs] of unseen) if (nowMs - createdMs > unseenMs) unseen.delete(slice);
    return unseen.size > 0;
  }

  #labels(service: Service): Record<string, string> {
    const own = Object.entries(service.metadata?.labels ?? {}).filter(([label]) => !reservedLabels.has(label));
    return {
      ...Object.fromEntries(own), ...(isHeadless(service) ? { [headlessLabel]: '' } : {}), [serviceNameLabel]: nameOf(service), [managedByLabel]: managedBy,
    };
  }

  #trigger(): Record<string, string> {
    return { [triggerAnnotation]: rfc3339Seconds(this.#context.host.clock.nowMs()) };
  }

  async #create(key: string, service: Service, slice: Pick<EndpointSlice, 'addressType' | 'ports' | 'endpoints'>, labels: Record<string, string>): Promise<void> {
    const created = await this.#context.client.create(resources.endpointslices, {
      metadata: {
        generateName: `${nameOf(service)}-`, namespace: namespaceOf(service), labels, annotations: this.#trigger(), ownerReferences: [newControllerRef(resources.services, service)],
      },
      ...slice,
    });
    if (this.#slices.lister.get(objectKey(created)) !== undefined) return;
    const unseen = this.#unseen.get(key) ?? new Map<string, number>();
    unseen.set(nameOf(created), this.#context.host.clock.monotonicMs());
    this.#unseen.set(key, unseen);
  }

  async #update(slice: EndpointSlice, labels: Record<string, string>): Promise<void> {
    await this.#context.client.update(resources.endpointslices, {
      ...slice, metadata: { ...slice.metadata, labels, annotations: { ...slice.metadata?.annotations, ...this.#trigger() } },
    });
  }

  async #remove(slice: EndpointSlice): Promise<void> {
    await this.#context.client.delete(resources.endpointslices, objectKey(slice), { preconditions: { uid: uidOf(slice) } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
