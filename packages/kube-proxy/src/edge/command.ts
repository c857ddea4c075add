import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import process from 'node:process';
import { createClient } from '@coxswain/client';
import { loadInClusterConfig, loadKubeconfig } from '@coxswain/client/edge';
import { utf8, type Host, type HttpHandler, type Listener } from '@coxswain/host';
import { healthHandler, UsageError, type Command, type FlagValues, type Metrics, type RunningComponent } from '@coxswain/service';
import { createMetrics } from '@coxswain/service/edge';
import { parse } from 'yaml';
import { parseProxyFile, type ProxyFile } from '../config-file.ts';
import { cleanUp } from '../iptables/backend.ts';
import { startKubeProxy, type RunningProxy } from '../start.ts';
import { flags } from './flags.ts';
import { createLinuxSystem } from './linux-system.ts';

const machine = { hostname: hostname().toLowerCase(), cpuCount: availableParallelism() };

function readConfigFile(path: string): ProxyFile {
  try {
    return parseProxyFile(parse(readFileSync(path, 'utf8')), machine);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--config ${path}: ${(error as Error).message.split('\n')[0] ?? ''}`);
  }
}

/** The same file, as flags say it. */
function fileOfFlags(values: FlagValues): ProxyFile {
  const duration = (name: string): string => `${values.durationMs(name)}ms`;
  return parseProxyFile({
    mode: values.string('proxy-mode'), detectLocalMode: values.string('detect-local-mode'), clusterCIDR: values.string('cluster-cidr'),
    hostnameOverride: values.string('hostname-override'), nodePortAddresses: [...values.strings('nodeport-addresses')],
    healthzBindAddress: values.string('healthz-bind-address'), metricsBindAddress: values.string('metrics-bind-address'),
    clientConnection: { kubeconfig: values.string('kubeconfig') },
    iptables: {
      masqueradeAll: values.bool('masquerade-all'), masqueradeBit: values.int('iptables-masquerade-bit'), localhostNodePorts: values.bool('iptables-localhost-nodeports'),
      syncPeriod: duration('iptables-sync-period'), minSyncPeriod: duration('iptables-min-sync-period'),
    },
    conntrack: {
      maxPerCore: values.int('conntrack-max-per-core'), min: values.int('conntrack-min'), tcpBeLiberal: values.bool('conntrack-tcp-be-liberal'),
      tcpEstablishedTimeout: duration('conntrack-tcp-timeout-established'), tcpCloseWaitTimeout: duration('conntrack-tcp-timeout-close-wait'),
    },
  }, machine);
}

function configOf(values: FlagValues): ProxyFile {
  if (!values.isSet('config')) return fileOfFlags(values);
  const file = readConfigFile(values.string('config'));
  // The one flag that upstream lets win over the file: it differs from node to node.
  const name = values.string('hostname-override');
  return name === '' ? file : { ...file, config: { ...file.config, nodeName: name } };
}

function endpoint(flag: string, text: string): { readonly address: string; readonly port: number } {
  const match = /^(?:\[(.+)\]|([^:]*)):(\d+)$/.exec(text);
  if (match === null) throw new UsageError(`${flag}: expected address:port, not ${JSON.stringify(text)}`);
  return { address: match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2] as string), port: Number(match[3]) };
}

/** As upstream's: JSON with times at /healthz, so that load balancers see how fresh the rules are. */
function health(host: Host, proxy: RunningProxy, metrics: Metrics): HttpHandler {
  const plain = healthHandler({ metrics, readyz: { sync: async () => proxy.ready() } });
  return async (request) => {
    if (request.target.split('?')[0] !== '/healthz') return plain(request);
    const time = (ms: number): string => new Date(ms).toISOString();
    const body = { lastUpdated: time(proxy.lastSyncMs() ?? 0), currentTime: time(host.clock.nowMs()), nodeEligible: true };
    return { status: proxy.ready() === undefined ? 200 : 503, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify(body)) };
  };
}

async function start(values: FlagValues, host: Host): Promise<RunningComponent> {
  if (values.bool('cleanup')) {
    await cleanUp(createLinuxSystem());
    process.exit(0);
  }
  const file = configOf(values);
  const at = [['--healthz-bind-address', file.healthzBindAddress], ['--metrics-bind-address', file.metricsBindAddress]] as const;
  const endpoints = at.filter(([, text]) => text !== '').map(([flag, text]) => endpoint(flag, text)).filter(({ port }) => port !== 0);
  const { server, ...identity } = file.kubeconfig === '' ? await loadInClusterConfig() : await loadKubeconfig(file.kubeconfig);
  const client = createClient(host, { ...identity, server: values.isSet('master') ? values.string('master') : server, userAgent: 'coxswain-kube-proxy' });
  const metrics = createMetrics();
  const proxy = await startKubeProxy(file.config, host, client, createLinuxSystem(), metrics);
  const listeners: Listener[] = [];
  for (const address of endpoints) listeners.push(await host.network.serveHttp(address, health(host, proxy, metrics)));
  return {
    failed: proxy.failed,
    async stop() {
      await Promise.all(listeners.map((listener) => listener.close()));
      await proxy.stop();
    },
  };
}

export const command: Command = { name: 'kube-proxy', summary: "makes Services reachable by this machine's packet filter", flags, start };
