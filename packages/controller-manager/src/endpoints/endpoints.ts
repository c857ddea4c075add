import { done, isNotFound, resources, splitKey, type SyncResult } from '@coxswain/client';
import type { Endpoints, Service } from 'kubernetes-types/core/v1';
import { rfc3339Seconds } from '@coxswain/host';
import { deepEqual, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller, ControllerContext } from '../types.ts';
import { hasManagedEndpoints, isHeadless } from './addresses.ts';
import { selectedPods, watchServices, type ServiceInformers } from './services.ts';
import { subsetsOf, type Subsets } from './subsets.ts';

const name = 'endpoints-controller';
export const headlessLabel = 'service.kubernetes.io/headless';
export const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
const capacityAnnotation = 'endpoints.kubernetes.io/over-capacity';

export const endpointsController: Controller = {
  name, account: 'endpoint-controller',
  start: (context) => {
    const loop = newLoop(context, name);
    const informers = watchServices(context, (key) => loop.queue.add(key));
    const endpoints = context.informers.informer(resources.endpoints);
    endpoints.addHandler({ deleted: (gone) => loop.queue.add(`${namespaceOf(gone)}/${nameOf(gone)}`) });
    return runLoop(context, name, loop, (key) => sync(context, informers, (which) => endpoints.lister.get(splitKey(which)), key));
  },
};

async function sync(context: ControllerContext, informers: ServiceInformers, find: (key: string) => Endpoints | undefined, key: string): Promise<SyncResult> {
  const service = informers.services.lister.get(splitKey(key));
  const current = find(key);
  if (service === undefined) {
    // Endpoints that never had a service are their maker's own.
    if (current !== undefined && isOurs(current)) await context.client.delete(resources.endpoints, splitKey(key), { preconditions: { uid: uidOf(current) } }).catch(ignoreGone);
    return done;
  }
  if (!hasManagedEndpoints(service)) return done;
  const wanted = desired(service, current, subsetsOf(service, selectedPods(informers, service)));
  if (current !== undefined && deepEqual([current.subsets ?? [], current.metadata?.labels ?? {}, capacityOf(current)], [wanted.subsets ?? [], wanted.metadata?.labels ?? {}, capacityOf(wanted)])) return done;
  const stamped: Endpoints = { ...wanted, metadata: { ...wanted.metadata, annotations: { ...wanted.metadata?.annotations, [triggerAnnotation]: rfc3339Seconds(context.host.clock.nowMs()) } } };
  if (current === undefined) await context.client.create(resources.endpoints, stamped);
  else await context.client.update(resources.endpoints, stamped);
  return done;
}

function capacityOf(endpoints: Endpoints): string | undefined {
  return endpoints.metadata?.annotations?.[capacityAnnotation];
}

function isOurs(endpoints: Endpoints): boolean {
  return endpoints.metadata?.annotations?.[triggerAnnotation] !== undefined;
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

function desired(service: Service, current: Endpoints | undefined, { subsets, truncated }: Subsets): Endpoints {
  const { [capacityAnnotation]: _old, ...annotations } = current?.metadata?.annotations ?? {};
  const { [headlessLabel]: _label, ...labels } = service.metadata?.labels ?? {};
  return {
    ...current,
    metadata: {
      ...current?.metadata, name: nameOf(service), namespace: namespaceOf(service),
      labels: { ...labels, ...(isHeadless(service) ? { [headlessLabel]: '' } : {}) },
      annotations: { ...annotations, ...(truncated ? { [capacityAnnotation]: 'truncated' } : {}) },
    },
    subsets,
  };
}
