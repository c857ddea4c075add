import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { RenderOptions } from './render.ts';

/** Objects for tests. */
export function service(name: string, spec: Partial<ServiceSpec>, status: Service['status'] = {}): Service {
  return { metadata: { name: name.split('/')[1] as string, namespace: name.split('/')[0] as string }, spec: { type: 'ClusterIP', ...spec }, status };
}

export interface TestEndpoint { readonly ip: string; readonly node?: string; readonly conditions?: Endpoint['conditions']; readonly zones?: readonly string[] }

export function slice(name: string, port: { readonly name?: string; readonly port: number; readonly protocol?: string }, endpoints: readonly TestEndpoint[]): EndpointSlice {
  const [namespace = '', serviceName = ''] = name.split('/');
  return {
    metadata: { name: `${serviceName}-x`, namespace, labels: { 'kubernetes.io/service-name': serviceName } }, addressType: 'IPv4', ports: [port],
    endpoints: endpoints.map(({ ip, node, conditions, zones }) => ({
      addresses: [ip], conditions: conditions ?? { ready: true }, ...(node === undefined ? {} : { nodeName: node }),
      ...(zones === undefined ? {} : { hints: { forZones: zones.map((zone) => ({ name: zone })) } }),
    })),
  };
}

export const testOptions: RenderOptions = {
  masqueradeAll: false, masqueradeBit: 14, clusterCidr: '10.0.0.0/8', nodePortAddresses: undefined, localhostNodePorts: true, tcpBeLiberal: false, randomFully: true,
};
