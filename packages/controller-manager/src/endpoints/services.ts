import { keyOfObject, resources, type Informer } from '@coxswain/client';
import type { Pod, Service } from 'kubernetes-types/core/v1';
import { deepEqual, isDeleting, namespaceOf } from '../common/object.ts';
import { isPodReady, isPodTerminal } from '../common/pods.ts';
import type { ControllerContext } from '../types.ts';
import { podAddresses } from './addresses.ts';

export interface ServiceInformers {
  readonly services: Informer<Service>;
  readonly pods: Informer<Pod>;
}

function matchesPod(service: Service, labels: Readonly<Record<string, string>> | undefined): boolean {
  const selector = Object.entries(service.spec?.selector ?? {});
  return selector.length > 0 && selector.every(([key, value]) => labels?.[key] === value);
}

/** Everything about a pod that an endpoint shows. */
function shownOf(pod: Pod): unknown {
  return [
    podAddresses(pod), isPodReady(pod), isPodTerminal(pod), isDeleting(pod), pod.spec?.nodeName, pod.spec?.hostname, pod.spec?.subdomain, pod.metadata?.labels,
  ];
}

/** Enqueues the key of each service that a change of a service or a pod touches. */
export function watchServices(context: ControllerContext, enqueue: (key: string) => void): ServiceInformers {
  const services = context.informers.informer(resources.services);
  const pods = context.informers.informer(resources.pods);
  const touch = (pod: Pod): void => {
    for (const service of services.lister.list({ namespace: namespaceOf(pod) })) if (matchesPod(service, pod.metadata?.labels)) enqueue(keyOfObject(service));
  };
  services.addHandler({ added: (service) => enqueue(keyOfObject(service)), updated: (_before, service) => enqueue(keyOfObject(service)), deleted: (service) => enqueue(keyOfObject(service)) });
  pods.addHandler({
    added: touch,
    updated: (before, after) => {
      if (deepEqual(shownOf(before), shownOf(after))) return;
      if (!deepEqual(before.metadata?.labels, after.metadata?.labels)) touch(before);
      touch(after);
    },
    deleted: touch,
  });
  return { services, pods };
}

/** Pods that a service selects, in an order that does not change with the cache's. */
export function selectedPods(informers: ServiceInformers, service: Service): Pod[] {
  return informers.pods.lister.list({ namespace: namespaceOf(service) })
    .filter((pod) => matchesPod(service, pod.metadata?.labels))
    .toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
}
