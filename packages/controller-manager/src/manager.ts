import { createEventRecorder, createInformerFactory, runLeaderElection, type Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { noMetrics, queueMeters, type Metrics } from '@coxswain/service';
import type { ControllerManagerConfig } from './config.ts';
import { allControllers } from './controllers.ts';
import type { Controller, ControllerContext, Run } from './types.ts';

export interface ControllerManager {
  /** Rejects if leadership is lost or a controller fails beyond repair: the process must end, for others lead by now. */
  readonly failed: Promise<never>;
  /** Ends the syncs under way and gives the Lease back. */
  stop(): Promise<void>;
  /** Undefined if well, else why not: for health checks. */
  health(): string | undefined;
}

export interface Clients {
  /** Of the manager itself: Lease, informers. */
  readonly own: Client;
  /** By service account, for writes. */
  forAccount(account: string): Client;
}

/** Is the controller switched on? As --controllers says: the name decides, then `*`. */
export function isEnabled(controller: Pick<Controller, 'name' | 'onlyIfNamed'>, chosen: readonly string[]): boolean {
  if (chosen.includes(`-${controller.name}`)) return false;
  return chosen.includes(controller.name) || (chosen.includes('*') && controller.onlyIfNamed !== true);
}

/** Resolves once it campaigns (or works, without election); what fails later shows in `failed`. */
export async function startControllerManager(config: ControllerManagerConfig, host: Host, clients: Clients, metrics: Metrics = noMetrics): Promise<ControllerManager> {
  const stopping = new AbortController();
  const state: { problem: string | undefined } = { problem: undefined };
  const lead = (signal: AbortSignal): Promise<void> => runControllers(config, host, clients, metrics, signal);
  const election = config.leaderElection;
  const running = election.enabled ? runLeaderElection(host, clients.own, { ...election, lead }, stopping.signal) : lead(stopping.signal);
  const failed = Promise.withResolvers<never>();
  // Somebody may look only later.
  failed.promise.catch(() => undefined);
  const ended = running.then(() => {
    if (!stopping.signal.aborted) throw new Error('leaderelection lost');
  }).catch((error: unknown) => {
    state.problem = error instanceof Error ? error.message : String(error);
    failed.reject(error instanceof Error ? error : new Error(String(error)));
  });
  return {
    failed: failed.promise, health: () => state.problem,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function runControllers(config: ControllerManagerConfig, host: Host, clients: Clients, metrics: Metrics, signal: AbortSignal): Promise<void> {
  const informers = createInformerFactory(host, clients.own);
  const queueMeter = queueMeters(metrics, host.clock);
  const runs: { readonly name: string; readonly run: Run }[] = [];
  for (const controller of allControllers) {
    if (!isEnabled(controller, config.controllers) || (controller.feature !== undefined && !config.features.has(controller.feature))) {
      host.log.info('controller is off', { controller: controller.name });
      continue;
    }
    const client = clients.forAccount(controller.account);
    const recorder = createEventRecorder(host, clients.own, { component: controller.eventSource ?? controller.account });
    const context: ControllerContext = { host: { ...host, log: host.log.child({ controller: controller.name }) }, client, informers, recorder, config, queueMeter };
    const run = controller.start(context);
    if (run === undefined) host.log.info('controller is not configured', { controller: controller.name });
    else runs.push({ name: controller.name, run });
  }
  await informers.start(signal);
  if (signal.aborted) return;
  host.log.info('controllers start', { controllers: runs.map(({ name }) => name) });
  await Promise.all(runs.map(({ run }) => run(signal)));
}
