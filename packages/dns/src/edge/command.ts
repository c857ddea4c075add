import { createClient } from '@coxswain/client';
import { loadInClusterConfig, loadKubeconfig } from '@coxswain/client/edge';
import type { Host, Listener } from '@coxswain/host';
import { healthHandler, UsageError, type Command, type FlagSet, type FlagValues, type RunningComponent } from '@coxswain/service';
import { createMetrics } from '@coxswain/service/edge';
import { startDns } from '../start.ts';

const flags: FlagSet = {
  kubeconfig: { kind: 'string', help: 'file that says how to reach the API server; absent: as a pod' },
  'cluster-domain': { kind: 'string', default: 'cluster.local', help: 'domain of the cluster' },
  'bind-address': { kind: 'strings', default: ['0.0.0.0'], help: 'addresses to answer on' },
  port: { kind: 'int', default: 53, min: 1, max: 65_535, help: 'port, UDP and TCP' },
  'resolv-conf': { kind: 'string', default: '/etc/resolv.conf', help: 'whom to ask about names outside the cluster' },
  ttl: { kind: 'int', default: 5, min: 0, max: 3600, help: "seconds that clients may keep the cluster's records" },
  'healthz-bind-address': { kind: 'string', default: '127.0.0.1:8181', help: 'address:port of /healthz, /livez, /readyz; empty is off' },
  'metrics-bind-address': { kind: 'string', default: '127.0.0.1:9153', help: 'address:port of /metrics; empty is off' },
};

function endpoint(flag: string, text: string): { readonly address: string; readonly port: number } {
  const match = /^(?:\[(.+)\]|([^:]*)):(\d+)$/.exec(text);
  if (match === null) throw new UsageError(`${flag}: expected address:port, not ${JSON.stringify(text)}`);
  return { address: match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2] as string), port: Number(match[3]) };
}

async function start(values: FlagValues, host: Host): Promise<RunningComponent> {
  const addresses = values.strings('bind-address');
  if (addresses.length === 0) throw new UsageError('--bind-address: give at least one address');
  const endpoints = new Map(['--healthz-bind-address', '--metrics-bind-address'].map((flag) => [flag, values.string(flag.slice(2))] as const)
    .filter(([, text]) => text !== '').map(([flag, text]) => [text, endpoint(flag, text)]));
  const kubeconfig = values.string('kubeconfig');
  const { server, ...identity } = kubeconfig === '' ? await loadInClusterConfig() : await loadKubeconfig(kubeconfig);
  const client = createClient(host, { ...identity, server, userAgent: 'coxswain-dns' });
  const metrics = createMetrics();
  const dns = await startDns({
    clusterDomain: values.string('cluster-domain'), addresses, port: values.int('port'), resolvConf: values.string('resolv-conf'), ttlSeconds: values.int('ttl'),
  }, host, client, metrics);
  const listeners: Listener[] = [];
  const health = healthHandler({ metrics, readyz: { 'informer-sync': async () => dns.ready() } });
  for (const at of endpoints.values()) listeners.push(await host.network.serveHttp(at, health));
  return {
    failed: dns.failed,
    async stop() {
      await Promise.all(listeners.map((listener) => listener.close()));
      await dns.stop();
    },
  };
}

export const command: Command = { name: 'dns', summary: "answers for the cluster's names, and forwards the others", flags, start };
