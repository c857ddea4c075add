import { addressBits, formatAddress, networkText, parseAddress, parseNetwork, type IpFamily, type IpNetwork } from '@coxswain/api';
import { UsageError } from '@coxswain/service';
import type { Random } from '@coxswain/host';
import type { RawStore } from '../types.ts';
import { Range } from './range.ts';

/** Of a range of `size`: a `share`th of it for people to choose from, within bounds; none of a small range. */
function staticBand(size: number, share: number, min: number, max: number): number {
  return size <= min ? 0 : Math.min(Math.max(min, Math.floor(size / share)), max);
}

const maxAddresses = 1 << 20;
const maxAddressesIPv6 = 1 << 16;

/** Service addresses of one family. */
export class AddressPool {
  readonly network: IpNetwork;
  readonly range: Range;

  constructor(network: IpNetwork, key: string, store: RawStore, random: Random) {
    this.network = network;
    const { family, prefix } = network;
    const text = networkText(network);
    const limit = family === 'IPv4' ? maxAddresses : maxAddressesIPv6;
    const all = Math.min(limit, 2 ** (addressBits[family] - prefix));
    // Neither the network's address nor, in IPv4, its broadcast address.
    const size = family === 'IPv4' ? all - 2 : all - 1;
    if (size < 8) throw new UsageError(`--service-cluster-ip-range ${text} is too small: it must hold at least 8 addresses`);
    this.range = new Range({ key, range: text, size, staticBand: staticBand(size, 16, 16, 256) }, store, random);
  }

  get family(): IpFamily {
    return this.network.family;
  }

  address(offset: number): string {
    return formatAddress(this.network.family, this.network.base + 1n + BigInt(offset));
  }

  /** Undefined if it is not of this range. */
  offset(address: string): number | undefined {
    const parsed = parseAddress(address);
    if (parsed === undefined || parsed.family !== this.network.family) return undefined;
    const offset = parsed.value - this.network.base - 1n;
    return offset >= 0n && offset < BigInt(this.range.description.size) ? Number(offset) : undefined;
  }
}

class PortPool {
  readonly first: number;
  readonly last: number;
  readonly range: Range;

  constructor(first: number, last: number, store: RawStore, random: Random) {
    this.first = first;
    this.last = last;
    const size = last - first + 1;
    this.range = new Range({ key: '/registry/ranges/servicenodeports', range: `${first}-${last}`, size, staticBand: staticBand(size, 32, 16, 128) }, store, random);
  }

  port(offset: number): number {
    return this.first + offset;
  }

  offset(port: number): number | undefined {
    return port >= this.first && port <= this.last ? port - this.first : undefined;
  }
}

export interface ServicePools {
  /** The first one's family is the cluster's default. */
  readonly addresses: readonly AddressPool[];
  readonly ports: PortPool;
}

export function servicePools(options: { readonly serviceClusterIpRanges: readonly string[]; readonly serviceNodePortRange: string }, store: RawStore, random: Random): ServicePools {
  const networks = options.serviceClusterIpRanges.map((text) => {
    const network = parseNetwork(text);
    if (network === undefined) throw new UsageError(`--service-cluster-ip-range: ${JSON.stringify(text)} is no CIDR`);
    return network;
  });
  const [first, second] = networks;
  if (first === undefined || networks.length > 2) throw new UsageError('--service-cluster-ip-range must have one or two CIDRs');
  if (second !== undefined && second.family === first.family) throw new UsageError('--service-cluster-ip-range: two CIDRs must be of different families');
  const ports = /^(\d{1,5})-(\d{1,5})$/.exec(options.serviceNodePortRange);
  const [low, high] = [Number(ports?.[1]), Number(ports?.[2])];
  if (ports === null || low < 1 || high > 65535 || low > high) throw new UsageError(`--service-node-port-range: ${JSON.stringify(options.serviceNodePortRange)} is no range of ports such as 30000-32767`);
  const keys = ['/registry/ranges/serviceips', '/registry/ranges/secondaryserviceips'];
  return { addresses: networks.map((network, i) => new AddressPool(network, keys[i] as string, store, random)), ports: new PortPool(low, high, store, random) };
}
