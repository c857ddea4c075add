import type { Host, Listener, ServerTls } from '@coxswain/host';
import { healthHandler, type HealthOptions } from '../health.ts';

/** A listener with /healthz /livez /readyz /metrics. Port 0 in the original's sense (off) is the caller's to check. */
export function serveHealth(host: Host, at: { readonly address: string; readonly port: number; readonly tls?: ServerTls }, options: HealthOptions): Promise<Listener> {
  return host.network.serveHttp(at, healthHandler(options));
}
