import { createInformerFactory, resources, type Client, type Informer, type KubeObject } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { noMetrics, type Metrics, type RunningComponent } from '@coxswain/service';
import type { ProxyConfig } from './config.ts';
import { ServiceHealthChecks } from './health-check.ts';
import { IptablesBackend } from './iptables/backend.ts';
import { buildModel } from './model/model.ts';
import { SyncRunner } from './sync-runner.ts';
import type { ProxySystem } from './system.ts';

export interface RunningProxy extends RunningComponent {
  /** undefined when the rules are in place and up to date; else what is wrong. */
  ready(): string | undefined;
  /** Wall time of the last sync that succeeded; undefined before the first. */
  lastSyncMs(): number | undefined;
}

async function prepareMachine(host: Host, system: ProxySystem, config: ProxyConfig): Promise<void> {
  await system.setSysctl('net.ipv4.ip_forward', '1');
  if (config.localhostNodePorts) await system.setSysctl('net.ipv4.conf.all.route_localnet', '1');
  for (const [name, value] of Object.entries(config.sysctls)) {
    // Sizes and times of connection tracking belong to the machine; in a container they cannot be written.
    await system.setSysctl(name, value).catch((error: unknown) => host.log.warn('sysctl was not set', { name, value, error: String(error) }));
  }
}

function onAnyChange<T extends KubeObject>(informer: Informer<T>, tell: () => void): void {
  informer.addHandler({ added: tell, updated: tell, deleted: tell });
}

/** Keeps the machine's rules equal to the Services and EndpointSlices of the cluster. */
export async function startKubeProxy(config: ProxyConfig, host: Host, client: Client, system: ProxySystem, metrics: Metrics = noMetrics): Promise<RunningProxy> {
  await prepareMachine(host, system, config);
  const stopping = new AbortController();
  const factory = createInformerFactory(host, client);
  const services = factory.informer(resources.services);
  const slices = factory.informer(resources.endpointslices);
  const nodes = factory.informer(resources.nodes, { fieldSelector: `metadata.name=${config.nodeName}` });
  const zone = (): string => nodes.lister.get({ name: config.nodeName })?.metadata?.labels?.['topology.kubernetes.io/zone'] ?? '';
  const backend = new IptablesBackend(host, system, config);
  const checks = new ServiceHealthChecks(host);
  let lastSyncMs: number | undefined;
  const duration = metrics.histogram('kubeproxy_sync_proxy_rules_duration_seconds', 'SyncProxyRules latency in seconds', [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192]);
  const ruleTotal = metrics.gauge('kubeproxy_sync_proxy_rules_iptables_total', 'Total number of iptables rules owned by kube-proxy');
  const lastSync = metrics.gauge('kubeproxy_sync_proxy_rules_last_timestamp_seconds', 'The last time proxy rules were successfully synced');
  const failures = metrics.counter('kubeproxy_sync_proxy_rules_iptables_restore_failures_total', 'Cumulative proxy iptables restore failures');
  const runner = new SyncRunner(host, config.minSyncPeriodMs, async () => {
    const startMs = host.clock.monotonicMs();
    const model = buildModel(services.lister.list(), slices.lister.list(), { family: 'IPv4', nodeName: config.nodeName, zone: zone() });
    const { ruleCount } = await backend.sync(model);
    await checks.sync(model);
    lastSyncMs = host.clock.nowMs();
    duration.observe((host.clock.monotonicMs() - startMs) / 1000);
    ruleTotal.set(ruleCount);
    lastSync.set(lastSyncMs / 1000);
    host.log.debug('rules are in place', { servicePorts: model.ports.length, ruleCount, tookMs: host.clock.monotonicMs() - startMs });
  }, () => failures.inc());
  let seenZone: string | undefined;
  for (const informer of [services, slices] as const) onAnyChange<KubeObject>(informer, () => runner.request());
  onAnyChange(nodes, () => { if (zone() !== seenZone) { seenZone = zone(); runner.request(); } });
  const running = factory.start(stopping.signal).then(async () => {
    runner.request();
    await Promise.all([runner.run(stopping.signal), watchOver(host, config, backend, runner, stopping.signal)]);
  });
  const failed = running.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  return {
    failed,
    async stop() {
      stopping.abort();
      runner.request();
      await running.catch((error: unknown) => host.log.warn('proxy ended with an error', { error: String(error) }));
      await checks.stop();
    },
    ready: () => (lastSyncMs === undefined ? 'no sync has succeeded yet' : runner.problem),
    lastSyncMs: () => lastSyncMs,
  };
}

/** Puts the rules back when somebody has flushed them. */
async function watchOver(host: Host, config: ProxyConfig, backend: IptablesBackend, runner: SyncRunner, signal: AbortSignal): Promise<void> {
  for (;;) {
    await host.timers.sleep(config.syncPeriodMs, signal);
    if (signal.aborted) return;
    const intact = await backend.intact().catch((error: unknown) => {
      host.log.warn('rules could not be checked', { error: String(error) });
      return true;
    });
    if (intact) continue;
    host.log.warn('rules were removed by somebody else, putting them back');
    runner.exclusively(() => backend.forget());
  }
}
