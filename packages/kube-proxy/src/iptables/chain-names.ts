import { utf8, type Crypto } from '@coxswain/host';
import type { ServicePort } from '../model/service-port.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const hashLength = 16;

/** RFC 4648 base 32 of the first bytes; 16 characters are 10 bytes. */
function base32(bytes: Uint8Array, length: number): string {
  let out = '';
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    bitCount += 8;
    while (bitCount >= 5 && out.length < length) {
      bitCount -= 5;
      out += alphabet[(bits >> bitCount) & 31];
    }
    bits &= (1 << bitCount) - 1;
    if (out.length === length) return out;
  }
  return out;
}

export interface ServiceChains {
  /** Load balancing over all endpoints. */
  readonly cluster: string;
  /** The same over this node's endpoints. */
  readonly local: string;
  /** Entry for traffic from outside the cluster. */
  readonly external: string;
  /** Entry for restricted load balancer addresses. */
  readonly firewall: string;
}

/** Chain names as upstream makes them: a prefix and a hash, since names are limited to 28 characters. Remembers what it hashed. */
export class ChainNames {
  readonly #crypto: Crypto;
  #known = new Map<string, string>();
  #previous = new Map<string, string>();

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  #hash(text: string): string {
    let hash = this.#known.get(text);
    if (hash === undefined) {
      hash = this.#previous.get(text) ?? base32(this.#crypto.hash('sha256', utf8(text)), hashLength);
      this.#known.set(text, hash);
    }
    return hash;
  }

  /** Call before each rendering: forgets what neither this nor the last one used. */
  turn(): void {
    this.#previous = this.#known;
    this.#known = new Map();
  }

  service(port: ServicePort): ServiceChains {
    const hash = this.#hash(`${port.name}${port.protocol.toLowerCase()}`);
    return { cluster: `KUBE-SVC-${hash}`, local: `KUBE-SVL-${hash}`, external: `KUBE-EXT-${hash}`, firewall: `KUBE-FW-${hash}` };
  }

  endpoint(port: ServicePort, address: string): string {
    return `KUBE-SEP-${this.#hash(`${port.name}${port.protocol.toLowerCase()}${address}`)}`;
  }
}

/** Chains that belong to single services: those not rendered any more are deleted. */
export const serviceChainPattern = /^KUBE-(?:SVC|SVL|EXT|FW|SEP)-/;
