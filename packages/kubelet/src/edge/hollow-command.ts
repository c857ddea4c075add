import { createClient } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import type { Host } from '@coxswain/host';
import { UsageError, type FlagValues, type RunningComponent } from '@coxswain/service';
import { createMetrics, serveHealth } from '@coxswain/service/edge';
import type { Taint } from 'kubernetes-types/core/v1';
import { hollowFlags, kubeletFlags } from '../flags.ts';
import { defaultCapacity, defaultFleetConfig, type FleetConfig } from '../hollow/fleet/config.ts';
import { startFleet } from '../hollow/fleet/fleet.ts';
import { noRules } from '../hollow/fleet/rules.ts';
import { readRules } from '../hollow/fleet/rules-file.ts';
import { maxBackOffMs, parseTaint } from '../kubelet-config.ts';
import { readConfiguration, readYaml } from './read-files.ts';

/** Of a kubelet with containers, what means something to one without as well. */
const shared: ReadonlySet<string> = new Set(['kubeconfig', 'config', 'hostname-override', 'node-labels', 'register-with-taints', 'max-pods', 'healthz-bind-address', 'healthz-port']);

const quantity = /^\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/;

export function refuseHollowFlags(flags: FlagValues): void {
  const given = Object.keys(hollowFlags).find((name) => flags.isSet(name) && name !== 'hollow');
  if (given !== undefined) throw new UsageError(`--${given} goes with --hollow=N`);
}

function refuseOthers(flags: FlagValues): void {
  const given = Object.entries(kubeletFlags).find(([name, { kind }]) => kind !== 'unbuilt' && kind !== 'ignored' && !shared.has(name) && !Object.hasOwn(hollowFlags, name) && flags.isSet(name));
  if (given !== undefined) throw new UsageError(`--${given[0]} means nothing to hollow nodes; leave it out`);
}

function capacityOf(flags: FlagValues, maxPods: number): Readonly<Record<string, string>> {
  const given = flags.map('hollow-capacity');
  for (const [name, value] of Object.entries(given)) if (!quantity.test(value)) throw new UsageError(`--hollow-capacity: ${name}=${value}: expected a quantity such as 32 or 256Gi`);
  return { ...defaultCapacity, pods: String(maxPods), ...given };
}

/** Throws UsageError. */
function fleetConfig(flags: FlagValues): FleetConfig {
  refuseOthers(flags);
  const file = readConfiguration(flags.string('config'));
  const defaults = defaultFleetConfig(flags.int('hollow'));
  const rulesFile = flags.string('hollow-rules');
  return {
    ...defaults, namePrefix: flags.string('hostname-override') || defaults.namePrefix, seed: flags.int('hollow-seed'), zones: flags.int('hollow-zones'),
    capacity: capacityOf(flags, flags.isSet('max-pods') ? flags.int('max-pods') : file.integer('maxPods', 1)), labels: flags.map('node-labels'),
    taints: flags.isSet('register-with-taints') ? flags.strings('register-with-taints').map(parseTaint) : file.list('registerWithTaints') as Taint[],
    leaseDurationSeconds: file.integer('nodeLeaseDurationSeconds', 1), statusReportFrequencyMs: file.durationMs('nodeStatusReportFrequency'), maxContainerBackOffMs: maxBackOffMs(file),
    events: flags.bool('hollow-events'), rules: rulesFile === '' ? noRules : readRules(rulesFile, readYaml('--hollow-rules', rulesFile)),
  };
}

/** `cox kubelet --hollow=N`. Its health server is there only when it is asked for: a kubelet with containers may be on the same machine. */
export async function startHollow(flags: FlagValues, host: Host): Promise<RunningComponent> {
  const config = fleetConfig(flags);
  const { server, ...identity } = await loadKubeconfig(flags.string('kubeconfig'));
  const client = createClient(host, { ...identity, server, userAgent: 'coxswain-hollow-kubelet' });
  const metrics = createMetrics();
  const fleet = startFleet(config, host, client);
  let ready = false;
  const failed = fleet.ready.then(() => { ready = true; }).then(() => new Promise<never>(() => undefined));
  const at = { address: flags.string('healthz-bind-address'), port: flags.int('healthz-port') };
  const health = { metrics, readyz: { nodes: async () => (ready ? undefined : 'not all nodes are registered') } };
  const listener = flags.isSet('healthz-port') && at.port !== 0 ? await serveHealth(host, at, health) : undefined;
  return {
    failed,
    stop: async () => {
      await listener?.close();
      await fleet.stop();
    },
  };
}
