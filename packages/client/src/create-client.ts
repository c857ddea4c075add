import type { Host, Timers } from '@coxswain/host';
import { RestClient } from './rest-client.ts';
import { networkTransport, type ServerOptions, type Transport } from './transport.ts';
import type { Client } from './types.ts';

export interface ClientOptions extends ServerOptions {
  readonly userAgent: string;
  /** Whose decision the writes carry out. */
  readonly decision?: string | undefined;
}

export function createClient(host: Host, options: ClientOptions): Client {
  return new RestClient({ transport: networkTransport(host, options), userAgent: options.userAgent, decision: options.decision, timers: host.timers });
}

/** For a client in the server's own process, and for tests: requests go to `transport` instead of over the network. */
export function createClientFromTransport(transport: Transport, options: { readonly userAgent: string; readonly timers?: Timers }): Client {
  return new RestClient({ transport, userAgent: options.userAgent, timers: options.timers });
}
