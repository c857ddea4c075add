import { done, keyOfObject, resources, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import type { Endpoints, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { isDeleting, namespaceOf } from '../common/object.ts';
import { newControllerRef } from '../common/owner.ts';
import { newLoop, runLoop } from '../common/run.ts';
import { managedByLabel, serviceNameLabel } from '../endpointslice/endpointslice.ts';
import { planSlices } from '../endpointslice/reconcile.ts';
import { SliceWriter } from '../endpointslice/writer.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { mirroredAnnotations, mirroredGroups, shouldMirror } from './mirror.ts';

const name = 'endpointslice-mirroring-controller';
export const managedBy = 'endpointslicemirroring-controller.k8s.io';

export const endpointSliceMirroringController: Controller = { name, account: 'endpointslicemirroring-controller', start: (context) => new MirroringController(context).run };

class MirroringController {
  readonly #endpoints: Informer<Endpoints>;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #writer: SliceWriter;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#endpoints = context.informers.informer(resources.endpoints);
    this.#services = context.informers.informer(resources.services);
    this.#slices = context.informers.informer(resources.endpointslices);
    this.#writer = new SliceWriter(context.client, context.host.clock, this.#slices.lister);
    const loop = newLoop(context, name);
    const enqueue = (object: Endpoints | Service): void => loop.enqueue(object);
    this.#endpoints.addHandler({ added: enqueue, updated: (_before, after) => enqueue(after), deleted: enqueue });
    this.#services.addHandler({ added: enqueue, updated: (_before, after) => enqueue(after), deleted: enqueue });
    const changed = (slice: EndpointSlice): void => {
      const key = serviceKey(slice);
      if (key === undefined) return;
      this.#writer.seen(key, slice);
      loop.queue.add(key);
    };
    this.#slices.addHandler({ added: changed, updated: (_before, after) => changed(after), deleted: changed });
    this.run = runLoop(context, name, loop, (key) => this.#sync(key));
  }

  async #sync(key: string): Promise<SyncResult> {
    if (this.#writer.waitsForCache(key)) return { kind: 'retry-after', delayMs: 1000 };
    const endpoints = this.#endpoints.lister.get(splitKey(key));
    const { namespace = '' } = splitKey(key);
    const existing = this.#slices.lister.list({ namespace, selector: { matchLabels: { [managedByLabel]: managedBy } } }).filter((slice) => serviceKey(slice) === key && !isDeleting(slice));
    if (endpoints === undefined || !shouldMirror(endpoints, this.#services.lister.get(splitKey(key)))) {
      for (const slice of existing) await this.#writer.remove(slice);
      return done;
    }
    const labels = { ...endpoints.metadata?.labels, [serviceNameLabel]: splitKey(key).name, [managedByLabel]: managedBy };
    const plan = planSlices(existing, mirroredGroups(endpoints), []);
    await this.#writer.carryOut(key, plan, existing, { owner: newControllerRef(resources.endpoints, endpoints), namespace: namespaceOf(endpoints), labels, annotations: mirroredAnnotations(endpoints) });
    return done;
  }
}

function serviceKey(slice: EndpointSlice): string | undefined {
  const labels = slice.metadata?.labels ?? {};
  const service = labels[serviceNameLabel];
  return labels[managedByLabel] === managedBy && service !== undefined ? keyOfObject({ metadata: { namespace: namespaceOf(slice), name: service } }) : undefined;
}
