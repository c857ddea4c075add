import type { Endpoint } from '../model/endpoints.ts';
import type { RoutedPort } from '../model/model.ts';
import { externallyAccessible, type ServicePort } from '../model/service-port.ts';
import type { ChainNames, ServiceChains } from './chain-names.ts';
import type { RenderOptions, Tables } from './render.ts';

interface Context {
  readonly routed: RoutedPort;
  readonly port: ServicePort;
  /** `tcp` */
  readonly proto: string;
  readonly chains: ServiceChains;
  readonly names: ChainNames;
  readonly options: RenderOptions;
  readonly tables: Tables;
}

function comment(text: string): string {
  return `-m comment --comment "${text}"`;
}

/** Matches traffic to one address and port. */
function destination({ proto, port }: Context, address: string): string {
  return `-m ${proto} -p ${proto} -d ${address} --dport ${port.port}`;
}

/** With no endpoint at all the client is told so; with none on this node it is left to ask another one. */
function refuse(context: Context, chain: string, match: string, here: number): void {
  const { tables, port, routed } = context;
  if (!routed.chosen.hasAny) tables.filter.rules.push(`-A ${chain} ${comment(`${port.name} has no endpoints`)} ${match} -j REJECT`);
  else if (here === 0) tables.filter.rules.push(`-A ${chain} ${comment(`${port.name} has no local endpoints`)} ${match} -j DROP`);
}

function internalRules(context: Context): void {
  const { port, routed, chains, options, tables } = context;
  const { chosen } = routed;
  const endpoints = port.internalLocal ? chosen.local : chosen.cluster;
  const match = destination(context, port.clusterIp);
  if (endpoints.length === 0) { refuse(context, 'KUBE-SERVICES', match, 0); return; }
  const chain = port.internalLocal ? chains.local : chains.cluster;
  const label = comment(`${port.name} cluster IP`);
  tables.nat.rules.push(`-A KUBE-SERVICES ${label} ${match} -j ${chain}`);
  if (options.masqueradeAll) tables.nat.rules.push(`-A ${chain} ${label} ${match} -j KUBE-MARK-MASQ`);
  // Who reaches a service address from outside the cluster could not be answered directly.
  else if (options.clusterCidr !== '') tables.nat.rules.push(`-A ${chain} ${label} ${match} ! -s ${options.clusterCidr} -j KUBE-MARK-MASQ`);
}

function loadBalancerRules(context: Context): void {
  const { port, chains, tables } = context;
  const restricted = port.sourceRanges.length > 0;
  for (const address of port.loadBalancerIps) {
    const match = destination(context, address);
    tables.nat.rules.push(`-A KUBE-SERVICES ${comment(`${port.name} loadbalancer IP`)} ${match} -j ${restricted ? chains.firewall : chains.external}`);
    if (restricted) tables.filter.rules.push(`-A KUBE-PROXY-FIREWALL ${comment(`${port.name} traffic not accepted by ${chains.firewall}`)} ${match} -j DROP`);
  }
  if (!restricted || port.loadBalancerIps.length === 0) return;
  tables.nat.chains.push(chains.firewall);
  for (const range of port.sourceRanges) tables.nat.rules.push(`-A ${chains.firewall} ${comment(`${port.name} loadbalancer IP`)} -s ${range} -j ${chains.external}`);
}

function externalEntries(context: Context): void {
  const { port, proto, chains, tables, routed } = context;
  const here = (port.externalLocal ? routed.chosen.local : routed.chosen.cluster).length;
  const any = routed.chosen.hasAny;
  for (const address of port.externalIps) {
    const match = destination(context, address);
    if (any) tables.nat.rules.push(`-A KUBE-SERVICES ${comment(`${port.name} external IP`)} ${match} -j ${chains.external}`);
    refuse(context, 'KUBE-EXTERNAL-SERVICES', match, here);
  }
  if (any) loadBalancerRules(context);
  for (const address of port.loadBalancerIps) refuse(context, 'KUBE-EXTERNAL-SERVICES', destination(context, address), here);
  if (port.nodePort === 0) return;
  const match = `-m ${proto} -p ${proto} --dport ${port.nodePort}`;
  if (any) tables.nat.rules.push(`-A KUBE-NODEPORTS ${comment(port.name)} ${match} -j ${chains.external}`);
  refuse(context, 'KUBE-EXTERNAL-SERVICES', `-m addrtype --dst-type LOCAL ${match}`, here);
}

/** What happens to traffic from outside before it is balanced. */
function externalChain(context: Context): void {
  const { port, chains, options, tables, routed } = context;
  const add = (rule: string): void => { tables.nat.rules.push(`-A ${chains.external} ${rule}`); };
  tables.nat.chains.push(chains.external);
  if (!port.externalLocal) {
    add(`${comment(`masquerade traffic for ${port.name} external destinations`)} -j KUBE-MARK-MASQ`);
    add(`-j ${chains.cluster}`);
    return;
  }
  // The cluster's own traffic may go anywhere, and keeps its source where it can; only foreign traffic must stay on this node.
  if (routed.chosen.cluster.length > 0) {
    if (options.clusterCidr !== '') add(`${comment(`pod traffic for ${port.name} external destinations`)} -s ${options.clusterCidr} -j ${chains.cluster}`);
    add(`${comment(`masquerade LOCAL traffic for ${port.name} external destinations`)} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`);
    add(`${comment(`route LOCAL traffic for ${port.name} external destinations`)} -m addrtype --src-type LOCAL -j ${chains.cluster}`);
  }
  if (routed.chosen.local.length > 0) add(`-j ${chains.local}`);
}

/** Chooses one of the endpoints at random, each with the same chance, or the one this client had last. */
function balance(context: Context, chain: string, endpoints: readonly Endpoint[]): void {
  const { port, names, tables } = context;
  tables.nat.chains.push(chain);
  const label = ({ address }: Endpoint): string => comment(`${port.name} -> ${address}`);
  if (port.affinitySeconds > 0) {
    for (const endpoint of endpoints) {
      const target = names.endpoint(port, endpoint.address);
      tables.nat.rules.push(`-A ${chain} ${label(endpoint)} -m recent --name ${target} --rcheck --seconds ${port.affinitySeconds} --reap -j ${target}`);
    }
  }
  for (const [index, endpoint] of endpoints.entries()) {
    // The first is taken by one in n, the next by one in n-1 of the rest, the last by all that is left.
    const left = endpoints.length - index;
    const chance = left === 1 ? '' : `-m statistic --mode random --probability ${(1 / left).toFixed(10)} `;
    tables.nat.rules.push(`-A ${chain} ${label(endpoint)} ${chance}-j ${names.endpoint(port, endpoint.address)}`);
  }
}

function endpointChains(context: Context, endpoints: Iterable<Endpoint>): void {
  const { port, proto, names, tables } = context;
  for (const endpoint of endpoints) {
    const chain = names.endpoint(port, endpoint.address);
    tables.nat.chains.push(chain);
    // A pod that reaches itself through its service must not see its own address as the sender.
    tables.nat.rules.push(`-A ${chain} ${comment(port.name)} -s ${endpoint.ip} -j KUBE-MARK-MASQ`);
    const remember = port.affinitySeconds > 0 ? `-m recent --name ${chain} --set ` : '';
    tables.nat.rules.push(`-A ${chain} ${comment(port.name)} ${remember}-m ${proto} -p ${proto} -j DNAT --to-destination ${endpoint.address}`);
  }
}

/** All rules of one service port. */
export function renderService(routed: RoutedPort, options: RenderOptions, names: ChainNames, tables: Tables): void {
  const { port, chosen } = routed;
  const context: Context = { routed, port, proto: port.protocol.toLowerCase(), chains: names.service(port), names, options, tables };
  const outside = externallyAccessible(port);
  internalRules(context);
  if (outside) externalEntries(context);
  if (port.healthCheckNodePort !== 0) {
    tables.filter.rules.push(`-A KUBE-NODEPORTS ${comment(`${port.namespace}/${port.serviceName} health check node port`)} -m tcp -p tcp --dport ${port.healthCheckNodePort} -j ACCEPT`);
  }
  if (outside && chosen.hasAny) externalChain(context);
  if (chosen.cluster.length > 0) balance(context, context.chains.cluster, chosen.cluster);
  if (chosen.local.length > 0) balance(context, context.chains.local, chosen.local);
  endpointChains(context, new Map([...chosen.cluster, ...chosen.local].map((endpoint) => [endpoint.address, endpoint])).values());
}
