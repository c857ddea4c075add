import type { IpFamily } from './model/addresses.ts';
import type { ConntrackFilter } from './model/conntrack.ts';

/** What the proxy does to the machine it runs on. */
export interface ProxySystem {
  /** `iptables-restore --noflush`: each table of the input changes as a whole or not at all. Rejects with the tool's own words. */
  restore(family: IpFamily, input: string): Promise<void>;
  /** `iptables-save` of all tables. */
  save(family: IpFamily): Promise<string>;
  /** Number of rules of a chain; undefined if there is no such chain. */
  countRules(family: IpFamily, table: 'nat' | 'filter', chain: string): Promise<number | undefined>;
  /** Path below /proc/sys with dots; writes only if it differs. */
  setSysctl(name: string, value: string): Promise<void>;
  /** Addresses of this machine's interfaces. */
  localAddresses(): Promise<readonly string[]>;
  /** Removes matching entries of the connection table; none is no error. */
  deleteConnections(filter: ConntrackFilter): Promise<void>;
  /** Can MASQUERADE choose source ports at random? */
  readonly randomFully: boolean;
}
