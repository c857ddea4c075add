import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { IpFamily } from './addresses.ts';
import { chooseEndpoints, endpointMapOf, type ChosenEndpoints, type Endpoint } from './endpoints.ts';
import { servicePortsOf, type ServicePort } from './service-port.ts';

export interface RoutedPort {
  readonly port: ServicePort;
  /** All that are known, usable or not. */
  readonly endpoints: readonly Endpoint[];
  readonly chosen: ChosenEndpoints;
}

/** What every backend renders: each service port with its endpoints, ordered by name and protocol. */
export interface ProxyModel {
  readonly family: IpFamily;
  readonly ports: readonly RoutedPort[];
}

export interface ModelOptions {
  readonly family: IpFamily;
  readonly nodeName: string;
  /** Zone of this node; '' if it has none. */
  readonly zone: string;
}

function order(a: ServicePort, b: ServicePort): number {
  const [x, y] = [`${a.name}\0${a.protocol}`, `${b.name}\0${b.protocol}`];
  return x < y ? -1 : x > y ? 1 : 0;
}

export function buildModel(services: Iterable<Service>, slices: Iterable<EndpointSlice>, options: ModelOptions): ProxyModel {
  const endpointMap = endpointMapOf(slices, options.family, options.nodeName);
  const ports: RoutedPort[] = [];
  for (const service of services) {
    for (const port of servicePortsOf(service, options.family)) {
      const endpoints = endpointMap.get(`${port.namespace}/${port.serviceName}`)?.get(port.portName) ?? [];
      ports.push({ port, endpoints, chosen: chooseEndpoints(port, endpoints, options.zone) });
    }
  }
  return { family: options.family, ports: ports.toSorted((a, b) => order(a.port, b.port)) };
}
