import { formatAddress, networkText, parseNetwork, type IpNetwork } from '@coxswain/api';
import { assert } from '@coxswain/host';

/** IPv4 only; undefined if it is none or has host bits set. */
export function parseCidr(text: string): IpNetwork | undefined {
  const network = parseNetwork(text);
  return network?.family === 'IPv4' && networkText(network) === text ? network : undefined;
}

/** The `offset`th address of a network. */
export function addressAt(text: string, offset: number): string {
  const network = parseCidr(text);
  assert(network !== undefined && offset < 2 ** (32 - network.prefix), 'address outside its network', { text, offset });
  return formatAddress('IPv4', network.base + BigInt(offset));
}
