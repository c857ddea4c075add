import { fromUtf8, utf8 } from '@coxswain/host';
import type { RawStore } from '../types.ts';

const prefix = '/registry/masterleases/';

/** Which servers live: each keeps a key that vanishes with it. The value has upstream's shape, so that both can share a store. */
export class MasterLeases {
  readonly #store: RawStore;
  readonly #ttlSeconds: number;

  constructor(store: RawStore, ttlSeconds: number) {
    this.#store = store;
    this.#ttlSeconds = ttlSeconds;
  }

  async renew(address: string): Promise<void> {
    const value = utf8(JSON.stringify({ apiVersion: 'v1', kind: 'Endpoints', metadata: {}, subsets: [{ addresses: [{ ip: address }] }] }));
    for (;;) {
      const stored = await this.#store.get(prefix + address);
      if (await this.#store.compareAndPut(prefix + address, value, stored?.modRevision ?? 0, { ttlSeconds: this.#ttlSeconds })) return;
    }
  }

  async remove(address: string): Promise<void> {
    const stored = await this.#store.get(prefix + address);
    if (stored !== undefined) await this.#store.compareAndDelete(prefix + address, stored.modRevision);
  }

  /** Sorted addresses of the living. */
  async list(): Promise<readonly string[]> {
    const entries = await this.#store.list(prefix);
    return [...new Set(entries.map((entry) => addressOf(entry.value) ?? entry.key.slice(prefix.length)))].toSorted();
  }
}

function addressOf(value: Uint8Array): string | undefined {
  try {
    const object = JSON.parse(fromUtf8(value)) as { readonly subsets?: readonly { readonly addresses?: readonly { readonly ip: string }[] }[] };
    return object.subsets?.[0]?.addresses?.[0]?.ip;
  } catch {
    // Protobuf by a server of another make: its key says the address too.
    return undefined;
  }
}
