import { append } from '@coxswain/host';
import type { Protocol } from './service-port.ts';
import type { ProxyModel, RoutedPort } from './model.ts';

/**
 * Entries of the kernel's connection table that point where no new packet may go. Only UDP needs it: its "connections" live as
 * long as packets come, and packets of a client that never stops would go to an address that has gone.
 */
export interface ConntrackFilter {
  readonly protocol: Lowercase<Protocol>;
  /** Address the client sent to. */
  readonly originalDestination?: string;
  /** Port the client sent to (node ports). */
  readonly destinationPort?: number;
  /** Where it was sent on. Absent: only entries that were not translated matter, all are dropped. */
  readonly translatedDestination?: string;
}

function keyOf({ port }: RoutedPort): string {
  return `${port.name}/${port.protocol}`;
}

/** Addresses under which clients know the port. */
function frontends({ port }: RoutedPort): Pick<ConntrackFilter, 'originalDestination' | 'destinationPort'>[] {
  return [
    ...[port.clusterIp, ...port.externalIps, ...port.loadBalancerIps].map((originalDestination) => ({ originalDestination })),
    ...(port.nodePort === 0 ? [] : [{ destinationPort: port.nodePort }]),
  ];
}

function usableIps(routed: RoutedPort): Set<string> {
  return new Set([...routed.chosen.cluster, ...routed.chosen.local].map(({ ip }) => ip));
}

function staleOf(before: RoutedPort, after: RoutedPort | undefined): ConntrackFilter[] {
  const [was, is] = [usableIps(before), after === undefined ? new Set<string>() : usableIps(after)];
  const gone = [...was].filter((ip) => !is.has(ip));
  return gone.flatMap((translatedDestination) => frontends(before).map((front) => ({ protocol: 'udp' as const, ...front, translatedDestination })));
}

export function staleConnections(before: ProxyModel, after: ProxyModel): ConntrackFilter[] {
  const udp = (model: ProxyModel): RoutedPort[] => model.ports.filter(({ port }) => port.protocol === 'UDP');
  const next = new Map(udp(after).map((routed) => [keyOf(routed), routed]));
  const previous = new Map(udp(before).map((routed) => [keyOf(routed), routed]));
  const filters = udp(before).flatMap((routed) => staleOf(routed, next.get(keyOf(routed))));
  for (const routed of udp(after)) {
    // Packets sent while there was no endpoint made entries that bypass the new rules.
    const had = previous.get(keyOf(routed));
    if (usableIps(routed).size > 0 && (had === undefined || usableIps(had).size === 0)) append(filters, frontends(routed).map((front) => ({ protocol: 'udp' as const, ...front })));
  }
  return filters;
}
