import type { Informer, InformerFactory } from '@coxswain/client';
import { resources } from '@coxswain/client';
import type { Namespace, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { endpointsOf } from './endpoints.ts';

/** What names are made of. */
export interface ClusterSource {
  readonly hasSynced: boolean;
  namespaceExists(name: string): boolean;
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, name: string): readonly EndpointSlice[];
  servicesByAddress(address: string): readonly Service[];
  slicesByAddress(address: string): readonly EndpointSlice[];
}

export const serviceNameLabel = 'kubernetes.io/service-name';

export function clusterIps(service: Service): readonly string[] {
  const { clusterIP = '', clusterIPs = [] } = service.spec ?? {};
  return (clusterIPs.length > 0 ? clusterIPs : [clusterIP]).filter((ip) => ip !== '' && ip !== 'None');
}

export function isHeadless(service: Service): boolean {
  return service.spec?.type !== 'ExternalName' && service.spec?.clusterIP === 'None';
}

/** Call before the factory starts. */
export function informerSource(factory: InformerFactory): ClusterSource {
  const namespaces: Informer<Namespace> = factory.informer(resources.namespaces);
  const services: Informer<Service> = factory.informer(resources.services);
  const slices: Informer<EndpointSlice> = factory.informer(resources.endpointslices);
  services.addIndex('address', clusterIps);
  slices.addIndex('service', (slice) => {
    const name = slice.metadata?.labels?.[serviceNameLabel];
    return name === undefined ? [] : [`${slice.metadata?.namespace}/${name}`];
  });
  slices.addIndex('address', (slice) => endpointsOf(slice).flatMap((endpoint) => endpoint.addresses));
  return {
    get hasSynced() { return namespaces.hasSynced && services.hasSynced && slices.hasSynced; },
    namespaceExists: (name) => namespaces.lister.get({ name }) !== undefined,
    service: (namespace, name) => services.lister.get({ namespace, name }),
    slices: (namespace, name) => slices.lister.byIndex('service', `${namespace}/${name}`),
    servicesByAddress: (address) => services.lister.byIndex('address', address),
    slicesByAddress: (address) => slices.lister.byIndex('address', address),
  };
}
