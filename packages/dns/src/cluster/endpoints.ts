import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';

/** One address of a headless service that may be told. */
export interface NamedEndpoint {
  /** First label of its own name: its hostname, or its address with dashes. */
  readonly label: string;
  readonly address: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

export function dashed(address: string): string {
  return address.replaceAll(/[.:]/g, '-');
}

/** Go's encoder writes an empty list as null. */
export function endpointsOf(slice: EndpointSlice): readonly Endpoint[] {
  return (slice.endpoints as Endpoint[] | null) ?? [];
}

/** Ready ones; a service that publishes all has its slices say ready. FQDN slices have no addresses to tell. */
export function readyEndpoints(slices: readonly EndpointSlice[]): NamedEndpoint[] {
  const out = new Map<string, NamedEndpoint>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4' && slice.addressType !== 'IPv6') continue;
    const ports = (slice.ports ?? []).filter((port) => port.port !== undefined)
      .map((port) => ({ name: port.name ?? '', protocol: (port.protocol ?? 'TCP').toLowerCase(), port: port.port as number }));
    for (const endpoint of endpointsOf(slice)) {
      if (endpoint.conditions?.ready === false) continue;
      for (const address of endpoint.addresses) {
        const before = out.get(address);
        const label = endpoint.hostname === undefined || endpoint.hostname === '' ? dashed(address) : endpoint.hostname;
        out.set(address, { label, address, ports: before === undefined ? ports : [...before.ports, ...ports] });
      }
    }
  }
  return [...out.values()];
}
