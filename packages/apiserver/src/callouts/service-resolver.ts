import { resources } from '@coxswain/client';
import { randomBelow, type Random } from '@coxswain/host';
import type { Endpoints, EndpointSubset, Service } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';

export interface Location {
  readonly address: string;
  readonly port: number;
}

/** Where a Service reference leads. Rejects with Error in upstream's words. */
export interface ServiceResolver {
  resolve(namespace: string, name: string, port: number): Promise<Location>;
}

function portOf(service: Service, name: string, port: number): { readonly name: string } {
  const found = (service.spec?.ports ?? []).find((one) => one.port === port);
  if (found === undefined) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return { name: found.name ?? '' };
}

async function serviceOf(lookup: Lookup, namespace: string, name: string): Promise<Service> {
  const service = await lookup<Service>(resources.services, namespace, name);
  if (service === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
  return service;
}

const withClusterIp: ReadonlySet<string> = new Set(['ClusterIP', 'LoadBalancer', 'NodePort']);

/** The cluster address, and kube-proxy spreads. */
export function clusterAddressResolver(lookup: Lookup): ServiceResolver {
  return {
    resolve: async (namespace, name, port) => {
      const service = await serviceOf(lookup, namespace, name);
      const type = service.spec?.type ?? 'ClusterIP';
      if (type === 'ExternalName') return { address: service.spec?.externalName ?? '', port };
      if (!withClusterIp.has(type)) throw new Error(`unsupported service type ${JSON.stringify(type)}`);
      const address = service.spec?.clusterIP ?? '';
      if (type === 'ClusterIP' && address === 'None') throw new Error('cannot route to service with ClusterIP "None"');
      portOf(service, name, port);
      return { address, port };
    },
  };
}

/** --enable-aggregator-routing: one of the endpoints, by chance. */
export function endpointResolver(lookup: Lookup, random: Random): ServiceResolver {
  return {
    resolve: async (namespace, name, port) => {
      const service = await serviceOf(lookup, namespace, name);
      const type = service.spec?.type ?? 'ClusterIP';
      if (!withClusterIp.has(type)) throw new Error(`unsupported service type ${JSON.stringify(type)}`);
      const wanted = portOf(service, name, port);
      const endpoints = await lookup<Endpoints>(resources.endpoints, namespace, name);
      if (endpoints === undefined) throw new Error(`endpoints ${JSON.stringify(name)} not found`);
      const found = pick(endpoints.subsets ?? [], wanted.name, random);
      if (found === undefined) throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
      return found;
    },
  };
}

function pick(subsets: readonly EndpointSubset[], portName: string, random: Random): Location | undefined {
  const first = randomBelow(random, Math.max(1, subsets.length));
  for (let offset = 0; offset < subsets.length; offset += 1) {
    const subset = subsets[(first + offset) % subsets.length];
    const addresses = subset?.addresses ?? [];
    const port = subset?.ports?.find((one) => (one.name ?? '') === portName)?.port;
    const address = addresses[randomBelow(random, Math.max(1, addresses.length))];
    if (port !== undefined && address !== undefined) return { address: address.ip, port };
  }
  return undefined;
}
