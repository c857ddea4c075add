import { existsSync } from 'node:fs';
import process from 'node:process';
import type { Client } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import type { Host, Listener } from '@coxswain/host';
import { UsageError, type Command, type FlagValues, type Metrics, type RunningComponent } from '@coxswain/service';
import { createMetrics } from '@coxswain/service/edge';
import { messageOf } from '../api-types.ts';
import type { KubeletConfig } from '../config.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { kubeletFlags } from '../flags.ts';
import { kubeletConfig, kubenetConfig } from '../kubelet-config.ts';
import { startKubelet, type RunningKubelet } from '../kubelet.ts';
import { removeKubenet } from '../kubenet/kubenet.ts';
import { healthzHandler, kubeletHandler } from '../server/server.ts';
import type { NodeSystem } from '../system.ts';
import { NodeCredentials } from '../tls/node-credentials.ts';
import { ServingCertificate } from '../tls/serving-certificate.ts';
import { connectRuntime } from './cri-client.ts';
import { refuseHollowFlags, startHollow } from './hollow-command.ts';
import { realKeyTools } from './key-tools.ts';
import { createLinuxSystem } from './linux-system.ts';
import { readConfiguration, readText } from './read-files.ts';

/** How long a stop waits for what is under way in pods. */
const stopMsMax = 2000;

interface Checked {
  readonly config: KubeletConfig;
  readonly file: ConfigurationReader;
  readonly endpoint: string;
}

async function check(flags: FlagValues, system: NodeSystem): Promise<Checked> {
  const file = readConfiguration(flags.string('config'));
  const caFile = flags.string('client-ca-file') || file.section('authentication').section('x509').string('clientCAFile');
  const clientCaPem = caFile === '' ? undefined : readText(caFile, 'client CA');
  const machine = await system.machine();
  const config = kubeletConfig(flags, file, { hostname: machine.hostname, clientCaPem });
  const endpoint = flags.isSet('container-runtime-endpoint') ? flags.string('container-runtime-endpoint') : file.string('containerRuntimeEndpoint');
  if (!endpoint.startsWith('unix://') && !endpoint.startsWith('/')) throw new UsageError(`container runtime endpoint ${JSON.stringify(endpoint)}: expected unix:///path`);
  if (config.kubenet !== undefined && flags.isSet('cni-bin-dir') && !existsSync(`${flags.string('cni-bin-dir')}/ptp`)) {
    throw new UsageError(`--cni-bin-dir ${flags.string('cni-bin-dir')}: there is no ptp plugin; install containernetworking-plugins`);
  }
  return { config, file, endpoint };
}

async function credentials(flags: FlagValues, host: Host, system: NodeSystem, checked: Checked, signal: AbortSignal): Promise<Client> {
  return await new NodeCredentials(host, system.files, realKeyTools, {
    nodeName: checked.config.nodeName, certDirectory: flags.string('cert-dir'), kubeconfigPath: flags.string('kubeconfig'), bootstrapPath: flags.string('bootstrap-kubeconfig'),
    rotate: flags.isSet('rotate-certificates') ? flags.bool('rotate-certificates') : checked.file.bool('rotateCertificates'),
    load: async (path) => (existsSync(path) ? await loadKubeconfig(path) : undefined),
  }).establish(signal);
}

async function serve(flags: FlagValues, host: Host, system: NodeSystem, checked: Checked, kubelet: RunningKubelet, client: Client, metrics: Metrics, signal: AbortSignal): Promise<readonly Listener[]> {
  const { config, file } = checked;
  if (config.server === undefined) return [];
  const serving = new ServingCertificate(host, system.files, realKeyTools, {
    nodeName: config.nodeName, address: kubelet.view.hostIp, certDirectory: flags.string('cert-dir'), clientCaPem: config.server.clientCaPem,
    certFile: flags.string('tls-cert-file') || file.string('tlsCertFile'), keyFile: flags.string('tls-private-key-file') || file.string('tlsPrivateKeyFile'),
    bootstrap: flags.isSet('rotate-server-certificates') ? flags.bool('rotate-server-certificates') : file.bool('serverTLSBootstrap'),
  });
  const listener = await host.network.serveHttp({ address: config.server.address, port: config.server.port, tls: await serving.initial() }, kubeletHandler(kubelet.view, host, config.server, metrics));
  serving.maintain(client, listener, signal).catch((error: unknown) => host.log.error('serving certificate is not kept up', { error: messageOf(error) }));
  if (config.server.healthzPort === 0) return [listener];
  const healthz = await host.network.serveHttp({ address: config.server.healthzAddress, port: config.server.healthzPort }, healthzHandler(kubelet.view, metrics));
  return [listener, healthz];
}

async function start(flags: FlagValues, host: Host): Promise<RunningComponent> {
  if (flags.int('hollow') > 0) return await startHollow(flags, host);
  refuseHollowFlags(flags);
  const system = createLinuxSystem();
  if (flags.bool('cleanup-network')) {
    const kubenet = kubenetConfig(flags);
    if (kubenet !== undefined) await removeKubenet(kubenet, host, system);
    process.exit(0);
  }
  const checked = await check(flags, system);
  const abort = new AbortController();
  const client = await credentials(flags, host, system, checked, abort.signal);
  const connection = connectRuntime(checked.endpoint, { requestTimeoutMs: checked.config.runtimeRequestTimeoutMs });
  const metrics = createMetrics();
  const kubelet = await startKubelet(checked.config, host, { runtime: connection.runtime, system, client, metrics });
  const listeners = await serve(flags, host, system, checked, kubelet, client, metrics, abort.signal);
  host.log.info('kubelet serves', { node: checked.config.nodeName, port: listeners[0]?.port });
  return {
    failed: new Promise<never>((_resolve, reject) => { kubelet.failed.catch(reject); }),
    stop: async () => {
      abort.abort();
      await Promise.all(listeners.map((listener) => listener.close(1000)));
      // A hook or the end of a container can take its whole grace period; the next kubelet takes it up from there.
      const stopped = kubelet.stop();
      connection.close();
      await Promise.race([stopped, host.timers.sleep(stopMsMax)]);
    },
  };
}

export const command: Command = { name: 'kubelet', summary: 'runs the pods of one node', flags: kubeletFlags, start };
