import { createMetrics, serveHealth } from '@coxswain/service/edge';
import { UsageError, type Command } from '@coxswain/service';
import { Balancer } from '../../balancer.ts';

function parseBackend(text: string): { readonly address: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 1 || port > 65535) throw new UsageError(`--backends: ${JSON.stringify(text)} is not ADDRESS:PORT`);
  return { address: text.slice(0, at), port };
}

/** Our own, with no original: one address for several API servers. */
export const command: Command = {
  name: 'balancer',
  summary: 'one address for several API servers (TCP, by health and fewest connections)',
  flags: {
    address: { kind: 'string', default: '127.0.0.1', help: 'address to listen on' },
    port: { kind: 'int', default: 6443, min: 1, max: 65535, help: 'port to listen on' },
    backends: { kind: 'strings', help: 'ADDRESS:PORT of each server' },
    'healthz-port': { kind: 'int', default: 0, min: 0, max: 65535, help: 'port of /healthz, /livez, /readyz and /metrics on 127.0.0.1; 0: none' },
  },
  async start(flags, host) {
    const backends = flags.strings('backends').map(parseBackend);
    if (backends.length === 0) throw new UsageError('--backends is required: ADDRESS:PORT of each server');
    const balancer = new Balancer(host, backends);
    await balancer.start({ address: flags.string('address'), port: flags.int('port') });
    const port = flags.int('healthz-port');
    const health = port === 0 ? undefined : await serveHealth(host, { address: '127.0.0.1', port }, {
      readyz: { backends: async () => (balancer.healthyCount > 0 ? undefined : 'no server takes connections') }, metrics: createMetrics(),
    });
    return {
      failed: new Promise(() => undefined),
      stop: async () => { await health?.close(); await balancer.stop(); },
    };
  },
};
