import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseNetwork } from '@coxswain/api';
import { createClient, type Client, type KubeconfigResult } from '@coxswain/client';
import { loadInClusterConfig, loadKubeconfig } from '@coxswain/client/edge';
import type { Host, Listener } from '@coxswain/host';
import { featuresOf, UsageError, type Command, type FlagValues, type Metrics, type RunningComponent } from '@coxswain/service';
import { createMetrics, serveHealth } from '@coxswain/service/edge';
import { messageOf } from '../common/object.ts';
import { defaultConfig, type ControllerManagerConfig } from '../config.ts';
import { allControllers } from '../controllers.ts';
import { startControllerManager, type ControllerManager } from '../manager.ts';
import { accountToken } from '../service-account-client.ts';
import { concurrencyFlags, flags } from './flags.ts';
import { createSigner } from './signer.ts';

function readFlagFile(values: FlagValues, flag: string): string | undefined {
  const path = values.string(flag);
  if (path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--${flag} ${path}: ${(error as Error).message}`);
  }
}

/** Both or neither. */
function filePair(values: FlagValues, cert: string, key: string): { readonly certPem: string; readonly keyPem: string } | undefined {
  const [certPem, keyPem] = [readFlagFile(values, cert), readFlagFile(values, key)];
  if ((certPem === undefined) !== (keyPem === undefined)) throw new UsageError(`--${cert} and --${key} go together`);
  return certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem };
}

function checkControllers(chosen: readonly string[]): void {
  const known = new Set(allControllers.map((controller) => controller.name));
  for (const name of chosen) {
    if (name !== '*' && !known.has(name.replace(/^-/, ''))) throw new UsageError(`--controllers: "${name}" is not in the list of known controllers: ${[...known].toSorted().join(', ')}`);
  }
}

function maskSizes(values: FlagValues): ControllerManagerConfig['nodeCidrMaskSize'] {
  const both = values.isSet('node-cidr-mask-size') ? values.int('node-cidr-mask-size') : undefined;
  const of = (flag: string): number => (values.isSet(flag) ? values.int(flag) : both ?? values.int(flag));
  return { ipv4: of('node-cidr-mask-size-ipv4'), ipv6: values.isSet('node-cidr-mask-size-ipv6') ? values.int('node-cidr-mask-size-ipv6') : both !== undefined && both > 32 ? both : 64 };
}

function cidrs(values: FlagValues, flag: string): readonly string[] {
  const texts = values.strings(flag);
  for (const text of texts) if (parseNetwork(text) === undefined) throw new UsageError(`--${flag}: ${JSON.stringify(text)} is no range of addresses such as 10.244.0.0/16`);
  return texts;
}

async function configOf(values: FlagValues, host: Host): Promise<ControllerManagerConfig> {
  const controllers = values.strings('controllers');
  checkControllers(controllers);
  const [leaseDurationMs, renewDeadlineMs] = [values.durationMs('leader-elect-lease-duration'), values.durationMs('leader-elect-renew-deadline')];
  if (leaseDurationMs <= renewDeadlineMs) throw new UsageError('--leader-elect-lease-duration must be longer than --leader-elect-renew-deadline');
  const clusterCidrs = cidrs(values, 'cluster-cidr');
  if (values.bool('allocate-node-cidrs') && clusterCidrs.length === 0) throw new UsageError('--allocate-node-cidrs needs --cluster-cidr');
  const signing = filePair(values, 'cluster-signing-cert-file', 'cluster-signing-key-file');
  return {
    ...defaultConfig, controllers, clusterCidrs,
    leaderElection: {
      enabled: values.bool('leader-elect'), identity: `${hostname()}_${host.random.uuid()}`, leaseDurationMs, renewDeadlineMs,
      retryPeriodMs: values.durationMs('leader-elect-retry-period'), leaseName: values.string('leader-elect-resource-name'),
      namespace: values.string('leader-elect-resource-namespace'),
    },
    allocateNodeCidrs: values.bool('allocate-node-cidrs'), nodeCidrMaskSize: maskSizes(values), serviceClusterIpRanges: cidrs(values, 'service-cluster-ip-range'),
    signer: signing === undefined ? undefined : await createSigner(signing.certPem, signing.keyPem), signingDurationMs: values.durationMs('cluster-signing-duration'),
    rootCaPem: readFlagFile(values, 'root-ca-file'),
    nodeMonitorPeriodMs: values.durationMs('node-monitor-period'), nodeMonitorGracePeriodMs: values.durationMs('node-monitor-grace-period'),
    nodeStartupGracePeriodMs: values.durationMs('node-startup-grace-period'), terminatedPodGcThreshold: values.int('terminated-pod-gc-threshold'),
    volumes: { dynamicProvisioning: values.bool('enable-dynamic-provisioning'), hostPathProvisioner: values.bool('enable-hostpath-provisioner'), binderSyncPeriodMs: values.durationMs('pvclaimbinder-sync-period') },
    features: featuresOf(values, ['DynamicResourceAllocation', 'DRAAdminAccess']),
    concurrency: Object.fromEntries(Object.entries(concurrencyFlags).map(([flag, { controller }]) => [controller, values.int(flag)])),
  };
}

async function serve(values: FlagValues, host: Host, manager: ControllerManager, metrics: Metrics): Promise<Listener | undefined> {
  if (values.int('secure-port') === 0) return undefined;
  const tls = filePair(values, 'tls-cert-file', 'tls-private-key-file');
  const at = { address: values.string('bind-address'), port: values.int('secure-port'), ...(tls === undefined ? {} : { tls }) };
  return await serveHealth(host, at, { metrics, livez: { leaderElection: async () => manager.health() } });
}

async function connection(path: string): Promise<KubeconfigResult> {
  try {
    return path === '' ? await loadInClusterConfig() : await loadKubeconfig(path);
  } catch (error) {
    throw new UsageError(`--kubeconfig ${path}: ${messageOf(error)}`);
  }
}

async function start(values: FlagValues, host: Host): Promise<RunningComponent> {
  const config = await configOf(values, host);
  const { server: given, tls, ...identity } = await connection(values.string('kubeconfig'));
  const server = values.isSet('master') ? values.string('master') : given;
  const own = createClient(host, { ...identity, server, tls, userAgent: 'coxswain-controller-manager' });
  // The token must decide who it is: a client certificate on the connection would win over it.
  const { certPem: _cert, keyPem: _key, ...anonymousTls } = tls;
  const forAccount = (account: string): Client => (values.bool('use-service-account-credentials')
    ? createClient(host, { server, tls: anonymousTls, bearerToken: accountToken(host, own, account), userAgent: `coxswain-controller-manager/${account}`, decision: account }) : own);
  const metrics = createMetrics();
  const manager = await startControllerManager(config, host, { own, forAccount }, metrics);
  const listener = await serve(values, host, manager, metrics);
  return {
    failed: manager.failed,
    async stop() {
      await manager.stop();
      await listener?.close();
    },
  };
}

export const command: Command = { name: 'controller-manager', summary: 'runs the control loops that ship with Kubernetes', flags, start };
