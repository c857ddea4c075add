/** Ports that the store takes on loopback, member by member: client, peer. */
export function etcdPorts(index: number): { readonly client: number; readonly peer: number } {
  return { client: 2379 + index * 10, peer: 2380 + index * 10 };
}

/** Port that the cluster's DNS listens on, at the first node's address. */
export const dnsPort = 1053;

export const registryPort = 5000;

/** On loopback, like the health ports of the other components. */
export const balancerHealthPort = 10254;
