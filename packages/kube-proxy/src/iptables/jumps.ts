import { serviceChainPattern } from './chain-names.ts';

export type TableName = 'nat' | 'filter';

/** What of ours stands in the kernel. */
export interface InstalledRules {
  /** As `table chain comment target`. */
  readonly jumps: ReadonlySet<string>;
  readonly serviceChains: ReadonlySet<string>;
}

export const nothingInstalled: InstalledRules = { jumps: new Set(), serviceChains: new Set() };

interface Jump {
  readonly table: TableName;
  readonly chain: string;
  readonly target: string;
  readonly comment: string;
  /** Only the first packet of a connection has to pass. */
  readonly onlyNew: boolean;
}

/** From the kernel's chains to ours; put first, so that nobody decides before. */
const jumps: readonly Jump[] = [
  { table: 'filter', chain: 'INPUT', target: 'KUBE-EXTERNAL-SERVICES', comment: 'kubernetes externally-visible service portals', onlyNew: true },
  { table: 'filter', chain: 'FORWARD', target: 'KUBE-EXTERNAL-SERVICES', comment: 'kubernetes externally-visible service portals', onlyNew: true },
  { table: 'filter', chain: 'INPUT', target: 'KUBE-NODEPORTS', comment: 'kubernetes health check service ports', onlyNew: false },
  { table: 'filter', chain: 'FORWARD', target: 'KUBE-SERVICES', comment: 'kubernetes service portals', onlyNew: true },
  { table: 'filter', chain: 'OUTPUT', target: 'KUBE-SERVICES', comment: 'kubernetes service portals', onlyNew: true },
  { table: 'filter', chain: 'FORWARD', target: 'KUBE-FORWARD', comment: 'kubernetes forwarding rules', onlyNew: false },
  { table: 'filter', chain: 'INPUT', target: 'KUBE-PROXY-FIREWALL', comment: 'kubernetes load balancer firewall', onlyNew: true },
  { table: 'filter', chain: 'OUTPUT', target: 'KUBE-PROXY-FIREWALL', comment: 'kubernetes load balancer firewall', onlyNew: true },
  { table: 'filter', chain: 'FORWARD', target: 'KUBE-PROXY-FIREWALL', comment: 'kubernetes load balancer firewall', onlyNew: true },
  { table: 'filter', chain: 'INPUT', target: 'KUBE-FIREWALL', comment: 'kubernetes localnet firewall', onlyNew: false },
  { table: 'filter', chain: 'OUTPUT', target: 'KUBE-FIREWALL', comment: 'kubernetes localnet firewall', onlyNew: false },
  { table: 'nat', chain: 'PREROUTING', target: 'KUBE-SERVICES', comment: 'kubernetes service portals', onlyNew: false },
  { table: 'nat', chain: 'OUTPUT', target: 'KUBE-SERVICES', comment: 'kubernetes service portals', onlyNew: false },
  { table: 'nat', chain: 'POSTROUTING', target: 'KUBE-POSTROUTING', comment: 'kubernetes postrouting rules', onlyNew: false },
];

function keyOf({ table, chain, comment, target }: Jump): string {
  return `${table} ${chain} ${comment} ${target}`;
}

/** After a successful restore all of them are there. */
export const allJumps: ReadonlySet<string> = new Set(jumps.map(keyOf));

function specOf({ chain, target, comment, onlyNew }: Jump): string {
  return `${chain} ${onlyNew ? '-m conntrack --ctstate NEW ' : ''}-m comment --comment "${comment}" -j ${target}`;
}

/** Inserted one before the other, so in reverse order. */
export function missingJumps(table: TableName, installed: InstalledRules): string[] {
  return jumps.filter((jump) => jump.table === table && !installed.jumps.has(keyOf(jump))).toReversed().map((jump) => `-I ${specOf(jump)}`);
}

export interface SavedRules extends InstalledRules {
  /** By table: every chain of the table. */
  readonly chains: Readonly<Record<TableName, ReadonlySet<string>>>;
}

/** Reads what `iptables-save` printed. */
export function parseSave(text: string): SavedRules {
  const chains: Record<TableName, Set<string>> = { nat: new Set(), filter: new Set() };
  const found = new Set<string>();
  const serviceChains = new Set<string>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    if (table !== 'nat' && table !== 'filter') continue;
    if (line.startsWith(':')) {
      const chain = line.slice(1, line.indexOf(' '));
      chains[table].add(chain);
      if (table === 'nat' && serviceChainPattern.test(chain)) serviceChains.add(chain);
    }
    const match = /^-A ([A-Z]+) .*--comment "([^"]*)" -j (KUBE-[A-Z-]+)$/.exec(line);
    if (match !== null) found.add(`${table} ${match[1]} ${match[2]} ${match[3]}`);
  }
  return { chains, serviceChains, jumps: found.intersection(allJumps) };
}

/** Takes everything of ours away: jumps first, then chains, in one transaction a table. '' if there is nothing. */
export function renderCleanup(saved: SavedRules, ours: (table: TableName, chain: string) => boolean): string {
  const lines: string[] = [];
  for (const table of ['filter', 'nat'] as const) {
    const chains = [...saved.chains[table]].filter((chain) => ours(table, chain));
    const present = jumps.filter((jump) => jump.table === table && saved.jumps.has(keyOf(jump)));
    if (chains.length + present.length === 0) continue;
    lines.push(`*${table}`, ...chains.map((chain) => `:${chain} - [0:0]`), ...present.map((jump) => `-D ${specOf(jump)}`), ...chains.map((chain) => `-X ${chain}`), 'COMMIT');
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
