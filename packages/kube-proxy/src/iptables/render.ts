import type { ProxyModel } from '../model/model.ts';
import type { ChainNames } from './chain-names.ts';
import { missingJumps, type InstalledRules } from './jumps.ts';
import { renderService } from './render-service.ts';

export interface RenderOptions {
  readonly masqueradeAll: boolean;
  /** Bit of the packet mark that says: masquerade on the way out. */
  readonly masqueradeBit: number;
  /** Traffic from here is the cluster's own; '' if not known. */
  readonly clusterCidr: string;
  /** Destinations that node ports answer on; undefined: every local address. */
  readonly nodePortAddresses: readonly string[] | undefined;
  /** Node ports answer on 127.0.0.1 too. */
  readonly localhostNodePorts: boolean;
  readonly tcpBeLiberal: boolean;
  /** Does the kernel know --random-fully? */
  readonly randomFully: boolean;
}

/** Lines of one table as they are collected. */
export interface TableLines {
  readonly chains: string[];
  readonly rules: string[];
}

export interface Tables {
  readonly nat: TableLines;
  readonly filter: TableLines;
}

export interface Rendered {
  /** Whole input of `iptables-restore --noflush`. */
  readonly text: string;
  /** Chains of single services that exist afterwards. */
  readonly serviceChains: ReadonlySet<string>;
  readonly ruleCount: number;
}

export const natChains = ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ'] as const;
export const filterChains = ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL', 'KUBE-FIREWALL'] as const;
/** A chain that nobody jumps to, with one rule: if either is gone, somebody has flushed the tables. */
export const canaryChain = 'KUBE-PROXY-CANARY';
const canaryRule = `-A ${canaryChain} -m comment --comment "gone when the table was flushed"`;

function markText(bit: number): string {
  return `0x${(2 ** bit).toString(16)}`;
}

function masqueradeRules(options: RenderOptions): string[] {
  const mark = markText(options.masqueradeBit);
  return [
    `-A KUBE-POSTROUTING -m mark ! --mark ${mark}/${mark} -j RETURN`,
    // Clear the mark, so that a packet that comes round again is not masqueraded twice.
    `-A KUBE-POSTROUTING -j MARK --xor-mark ${mark}`,
    `-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE${options.randomFully ? ' --random-fully' : ''}`,
    `-A KUBE-MARK-MASQ -j MARK --or-mark ${mark}`,
  ];
}

function nodePortRules(options: RenderOptions): string[] {
  const comment = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"';
  if (options.nodePortAddresses !== undefined) return options.nodePortAddresses.map((address) => `-A KUBE-SERVICES ${comment} -d ${address} -j KUBE-NODEPORTS`);
  return [`-A KUBE-SERVICES ${comment} -m addrtype --dst-type LOCAL${options.localhostNodePorts ? '' : ' ! -d 127.0.0.0/8'} -j KUBE-NODEPORTS`];
}

function forwardRules(options: RenderOptions): string[] {
  const mark = markText(options.masqueradeBit);
  return [
    // Packets that connection tracking gave up on would leave untranslated and reset the connection.
    ...(options.tcpBeLiberal ? [] : ['-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP']),
    `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ${mark}/${mark} -j ACCEPT`,
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    // route_localnet opens 127.0.0.0/8 to neighbours; this shuts it again.
    '-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
  ];
}

/** `:NAME - [0:0]` makes the chain or empties it. */
function tableText(name: string, fixed: readonly string[], lines: TableLines, jumps: readonly string[], stale: readonly string[]): string[] {
  const declare = (chain: string): string => `:${chain} - [0:0]`;
  return [
    `*${name}`,
    ...[...fixed, canaryChain, ...lines.chains, ...stale].map(declare),
    ...jumps, ...lines.rules, canaryRule,
    ...stale.map((chain) => `-X ${chain}`),
    'COMMIT',
  ];
}

/**
 * All rules of the model as one input: what is there afterwards does not depend on what was there before, except for other
 * programs' rules, which stay. `installed` says which jumps and chains exist already.
 */
export function render(model: ProxyModel, options: RenderOptions, names: ChainNames, installed: InstalledRules): Rendered {
  names.turn();
  const tables: Tables = { nat: { chains: [], rules: masqueradeRules(options) }, filter: { chains: [], rules: [] } };
  for (const routed of model.ports) renderService(routed, options, names, tables);
  tables.nat.rules.push(...nodePortRules(options));
  tables.filter.rules.push(...forwardRules(options));
  const serviceChains = new Set(tables.nat.chains);
  const stale = [...installed.serviceChains].filter((chain) => !serviceChains.has(chain)).toSorted();
  const lines = [
    ...tableText('filter', filterChains, tables.filter, missingJumps('filter', installed), []),
    ...tableText('nat', natChains, tables.nat, missingJumps('nat', installed), stale),
  ];
  return { text: `${lines.join('\n')}\n`, serviceChains, ruleCount: tables.nat.rules.length + tables.filter.rules.length };
}
