import { utf8, type Host, type Listener } from '@coxswain/host';
import type { ProxyModel } from './model/model.ts';

interface Checked { readonly namespace: string; readonly name: string; readonly port: number; readonly localEndpoints: number }

function checkedServices(model: ProxyModel): Map<string, Checked> {
  const out = new Map<string, Checked>();
  for (const { port, chosen } of model.ports) {
    if (port.healthCheckNodePort === 0 || !port.externalLocal) continue;
    const key = `${port.namespace}/${port.serviceName}:${port.healthCheckNodePort}`;
    const ready = chosen.local.filter((endpoint) => endpoint.ready).length;
    const localEndpoints = Math.max(ready, out.get(key)?.localEndpoints ?? 0);
    out.set(key, { namespace: port.namespace, name: port.serviceName, port: port.healthCheckNodePort, localEndpoints });
  }
  return out;
}

/** Answers load balancers that ask whether this node has endpoints of a service with externalTrafficPolicy Local. */
export class ServiceHealthChecks {
  readonly #host: Host;
  readonly #listeners = new Map<string, Listener>();
  #services = new Map<string, Checked>();

  constructor(host: Host) {
    this.#host = host;
  }

  async sync(model: ProxyModel): Promise<void> {
    this.#services = checkedServices(model);
    for (const [key, listener] of this.#listeners) {
      if (this.#services.has(key)) continue;
      this.#listeners.delete(key);
      await listener.close();
    }
    for (const [key, { port }] of this.#services) {
      if (this.#listeners.has(key)) continue;
      try {
        this.#listeners.set(key, await this.#host.network.serveHttp({ address: '0.0.0.0', port }, async () => this.#answer(key)));
      } catch (error) {
        this.#host.log.warn('health check node port cannot be opened', { service: key, error: String(error) });
      }
    }
  }

  #answer(key: string): { status: number; headers: Record<string, string>; body: Uint8Array } {
    const { namespace = '', name = '', localEndpoints = 0 } = this.#services.get(key) ?? {};
    const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: true };
    return { status: localEndpoints > 0 ? 200 : 503, headers: { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' }, body: utf8(JSON.stringify(body)) };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#listeners.values().map((listener) => listener.close()));
  }
}
