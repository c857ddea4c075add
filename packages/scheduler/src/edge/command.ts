import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createClient, defaultDelegatedAuth, DelegatedAuth, type Client } from '@coxswain/client';
import { loadInClusterConfig, loadKubeconfig } from '@coxswain/client/edge';
import type { Host, Listener } from '@coxswain/host';
import { featuresOf, UsageError, type Command, type FlagValues, type HealthOptions, type RunningComponent } from '@coxswain/service';
import { createMetrics, limitHeapGrowth, serveHealth } from '@coxswain/service/edge';
import { parse } from 'yaml';
import { parseSchedulerFile, type SchedulerFile } from '../config-file.ts';
import { defaultSchedulerConfig, type SchedulerConfig } from '../config.ts';
import { schedulerHandler } from '../serve.ts';
import { startScheduler, type RunningScheduler } from '../start.ts';
import { flags } from './flags.ts';

function readConfigFile(path: string, identity: string): SchedulerFile {
  try {
    return parseSchedulerFile(parse(readFileSync(path, 'utf8')), identity, (named) => readFileSync(named, 'utf8'));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--config ${path}: ${(error as Error).message.split('\n')[0] ?? ''}`);
  }
}

/** The file first; a flag that was given wins over it. */
function configOf(values: FlagValues, host: Host): SchedulerFile {
  const identity = `${hostname()}_${host.random.uuid()}`;
  const file = values.isSet('config') ? readConfigFile(values.string('config'), identity) : { config: defaultSchedulerConfig(identity), kubeconfig: '' };
  const given = file.config.leaderElection;
  const duration = (name: string, before: number): number => (values.isSet(name) ? values.durationMs(name) : before);
  const text = (name: string, before: string): string => (values.isSet(name) ? values.string(name) : before);
  const features = featuresOf(values, ['DynamicResourceAllocation', 'SchedulerPopFromBackoffQ'], ['SchedulerPopFromBackoffQ']);
  const config: SchedulerConfig = { ...file.config, podMaxUnschedulableMs: duration('pod-max-in-unschedulable-pods-duration', file.config.podMaxUnschedulableMs), dynamicResources: features.has('DynamicResourceAllocation'), popFromBackoff: features.has('SchedulerPopFromBackoffQ'), leaderElection: {
    leaderElect: values.isSet('leader-elect') ? values.bool('leader-elect') : given.leaderElect,
    leaseDurationMs: duration('leader-elect-lease-duration', given.leaseDurationMs),
    renewDeadlineMs: duration('leader-elect-renew-deadline', given.renewDeadlineMs),
    retryPeriodMs: duration('leader-elect-retry-period', given.retryPeriodMs),
    resourceName: text('leader-elect-resource-name', given.resourceName),
    resourceNamespace: text('leader-elect-resource-namespace', given.resourceNamespace),
  } };
  const { leaderElect, leaseDurationMs, renewDeadlineMs } = config.leaderElection;
  const lock = values.string('leader-elect-resource-lock');
  if (leaderElect && lock !== 'leases') throw new UsageError(`--leader-elect-resource-lock: Invalid value: ${JSON.stringify(lock)}: resourceLock value must be "leases"`);
  if (leaseDurationMs <= renewDeadlineMs) throw new UsageError('--leader-elect-lease-duration must be longer than --leader-elect-renew-deadline');
  return { config, kubeconfig: text('kubeconfig', file.kubeconfig) };
}

async function portAuth(values: FlagValues, host: Host, own: Client): Promise<DelegatedAuth> {
  const clientOf = async (flag: string): Promise<Client> => (values.string(flag) === '' ? own : createClient(host, { ...await loadKubeconfig(values.string(flag)), userAgent: 'coxswain-scheduler' }));
  const config = {
    ...defaultDelegatedAuth, authenticationCacheMs: values.durationMs('authentication-token-webhook-cache-ttl'),
    authorizedCacheMs: values.durationMs('authorization-webhook-cache-authorized-ttl'), unauthorizedCacheMs: values.durationMs('authorization-webhook-cache-unauthorized-ttl'),
  };
  return new DelegatedAuth(await clientOf('authentication-kubeconfig'), host, config, await clientOf('authorization-kubeconfig'));
}

async function serve(values: FlagValues, host: Host, client: Client, scheduler: RunningScheduler, metrics: ReturnType<typeof createMetrics>): Promise<Listener | undefined> {
  if (values.int('secure-port') === 0) return undefined;
  const files = [values.string('tls-cert-file'), values.string('tls-private-key-file')] as const;
  if ((files[0] === '') !== (files[1] === '')) throw new UsageError('--tls-cert-file and --tls-private-key-file go together');
  const health: HealthOptions = { metrics, readyz: { 'informer-sync': async () => scheduler.ready() } };
  const at = { address: values.string('bind-address'), port: values.int('secure-port') };
  const caFile = values.string('client-ca-file');
  if (files[0] === '') {
    if (caFile !== '') throw new UsageError('--client-ca-file needs --tls-cert-file and --tls-private-key-file');
    return serveHealth(host, at, health);
  }
  const clients = caFile === '' ? {} : { clientCaPem: readFileSync(caFile, 'utf8'), clientCertificate: 'request' as const };
  const tls = { certPem: readFileSync(files[0], 'utf8'), keyPem: readFileSync(files[1], 'utf8'), ...clients };
  return host.network.serveHttp({ ...at, tls }, schedulerHandler({ host, health, scheduler, auth: await portAuth(values, host, client) }));
}

async function start(values: FlagValues, host: Host): Promise<RunningComponent> {
  limitHeapGrowth({ leastPercent: 25, leastBytes: 48 * 1024 * 1024 });
  const { config, kubeconfig } = configOf(values, host);
  const connection = kubeconfig === '' ? await loadInClusterConfig() : await loadKubeconfig(kubeconfig);
  const { server, ...identity } = connection;
  const client = createClient(host, { ...identity, server: values.isSet('master') ? values.string('master') : server, userAgent: 'coxswain-scheduler', decision: 'scheduler' });
  const metrics = createMetrics();
  const scheduler = startScheduler(config, host, client, metrics);
  const listener = await serve(values, host, client, scheduler, metrics);
  return {
    failed: scheduler.failed,
    async stop() {
      await listener?.close();
      await scheduler.stop();
    },
  };
}

export const command: Command = { name: 'scheduler', summary: 'assigns pods to nodes', flags, start };
