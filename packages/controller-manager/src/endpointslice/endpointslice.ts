import { done, resources, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { Node, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { isDeleting, nameOf, namespaceOf } from '../common/object.ts';
import { newControllerRef } from '../common/owner.ts';
import { newLoop, runLoop } from '../common/run.ts';
import { hasManagedEndpoints, isHeadless } from '../endpoints/addresses.ts';
import { headlessLabel, triggerAnnotation } from '../endpoints/endpoints.ts';
import { selectedPods, watchServices, type ServiceInformers } from '../endpoints/services.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { desiredGroups, familiesOf } from './desired.ts';
import { planSlices } from './reconcile.ts';
import { SliceWriter } from './writer.ts';

const name = 'endpointslice-controller';
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
  readonly #writer: SliceWriter;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    const loop = newLoop(context, name);
    this.#informers = watchServices(context, (key) => loop.queue.add(key));
    this.#slices = context.informers.informer(resources.endpointslices);
    this.#nodes = context.informers.informer(resources.nodes);
    this.#writer = new SliceWriter(context.client, context.host.clock, this.#slices.lister);
    const changed = (slice: EndpointSlice): void => {
      const key = this.#serviceKey(slice);
      if (key === undefined) return;
      this.#writer.seen(key, slice);
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
      this.#writer.forget(key);
      return done;
    }
    if (!hasManagedEndpoints(service) || isDeleting(service)) return done;
    if (this.#writer.waitsForCache(key)) return { kind: 'retry-after', delayMs: 1000 };
    const existing = this.#slices.lister.list({ namespace: namespaceOf(service) }).filter((slice) => this.#serviceKey(slice) === key && !isDeleting(slice));
    const wanted = desiredGroups(service, selectedPods(this.#informers, service), (node) => this.#nodes.lister.get({ name: node }));
    const plan = planSlices(existing, wanted, familiesOf(service));
    const annotations = { [triggerAnnotation]: rfc3339Seconds(this.#context.host.clock.nowMs()) };
    await this.#writer.carryOut(key, plan, existing, { owner: newControllerRef(resources.services, service), namespace: namespaceOf(service), labels: this.#labels(service), annotations });
    return done;
  }

  #labels(service: Service): Record<string, string> {
    const own = Object.entries(service.metadata?.labels ?? {}).filter(([label]) => !reservedLabels.has(label));
    return {
      ...Object.fromEntries(own), ...(isHeadless(service) ? { [headlessLabel]: '' } : {}), [serviceNameLabel]: nameOf(service), [managedByLabel]: managedBy,
    };
  }
}
