import type { ByteStream, Host, Listener } from '@coxswain/host';

interface Backend {
  readonly address: string;
  readonly port: number;
  healthy: boolean;
  connections: number;
}

const checkIntervalMs = 500;
const dialTimeoutMs = 1000;
const stopGraceMs = 500;

async function copy(from: ByteStream, to: ByteStream): Promise<void> {
  for await (const chunk of from.readable) await to.write(chunk);
  await to.end();
}

/**
 * Connections to one address, spread over several servers by fewest connections. A server that does not take
 * connections is left out until it does again; connections that run are never moved.
 */
export class Balancer {
  readonly #host: Host;
  readonly #backends: readonly Backend[];
  readonly #stop = new AbortController();
  readonly #streams = new Set<ByteStream>();
  #listener: Omit<Listener, 'updateTls'> | undefined;

  constructor(host: Host, backends: readonly { readonly address: string; readonly port: number }[]) {
    this.#host = host;
    this.#backends = backends.map((backend) => ({ ...backend, healthy: true, connections: 0 }));
  }

  async start(at: { readonly address: string; readonly port: number }): Promise<void> {
    this.#listener = await this.#host.network.serveStream(at, (client) => void this.#serve(client));
    void this.#checkForever();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    // Watches would keep their connections for ever; clients come back to the next one.
    for (const stream of this.#streams) stream.destroy();
    await this.#listener?.close(stopGraceMs);
  }

  get healthyCount(): number {
    return this.#backends.filter((backend) => backend.healthy).length;
  }

  async #dial(backend: Backend): Promise<ByteStream | undefined> {
    const deadline = new AbortController();
    const timer = this.#host.timers.after(dialTimeoutMs, () => deadline.abort());
    try {
      const stream = await this.#host.network.dial(backend.address, backend.port, { signal: deadline.signal });
      backend.healthy = true;
      return stream;
    } catch {
      // Refused or silent: another backend is tried, and the health check brings this one back.
      backend.healthy = false;
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  #order(): readonly Backend[] {
    return this.#backends.toSorted((a, b) => Number(b.healthy) - Number(a.healthy) || a.connections - b.connections);
  }

  async #serve(client: ByteStream): Promise<void> {
    for (const backend of this.#order()) {
      const server = await this.#dial(backend);
      if (server === undefined) continue;
      backend.connections += 1;
      this.#streams.add(client).add(server);
      try {
        await Promise.all([copy(client, server), copy(server, client)]);
      } catch (error) {
        this.#host.log.debug('connection broke', { backend: `${backend.address}:${backend.port}`, error: String(error) });
      } finally {
        backend.connections -= 1;
        this.#streams.delete(client);
        this.#streams.delete(server);
        client.destroy();
        server.destroy();
      }
      return;
    }
    this.#host.log.warn('no API server takes connections');
    client.destroy();
  }

  async #checkForever(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const backend of this.#backends) if (!backend.healthy) (await this.#dial(backend))?.destroy();
      await this.#host.timers.sleep(checkIntervalMs, this.#stop.signal);
    }
  }
}
