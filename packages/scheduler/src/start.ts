import { createInformerFactory, dynamicResources, resources, runLeaderElection, type Client, type Informer, type KubeObject, type ResourceType } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { noMetrics, type Metrics, type RunningComponent } from '@coxswain/service';
import { assemble } from './assemble.ts';
import type { ExplainOptions } from './explain/explain.ts';
import type { Explanation } from './explain/explanation.ts';
import { usesGangs, type SchedulerConfig } from './config.ts';
import { podGroupLabel, podGroups } from './gangs/pod-group.ts';
import { writeGroupStatus } from './gangs/status-writer.ts';
import { thrifts } from './cache/thrift.ts';
import { Lead } from './leadership.ts';

const unfinished = { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' };

const noPodGroups = 'pods of a group wait until PodGroup of scheduling.x-k8s.io/v1alpha1 is installed (manifests/pod-groups.yaml of the scheduler); all others are scheduled';
const noDevices = 'pods that claim devices wait until the API server serves resource.k8s.io/v1beta1 (--runtime-config=resource.k8s.io/v1beta1=true); all others are scheduled';

export interface RunningScheduler extends RunningComponent {
  /** undefined when informers have synced and, if it leads, decisions go on; else what is missing. */
  ready(): string | undefined;
  /** The recent decisions about a pod, oldest first; empty if none is remembered. Synchronous: costs some milliseconds with thousands of nodes. */
  explain(namespace: string, name: string, options: ExplainOptions): readonly Explanation[];
}

function makeInformers(config: SchedulerConfig, host: Host, client: Client) {
  const factory = createInformerFactory(host, client);
  const optional = <T extends KubeObject>(type: ResourceType<T>, hint: string): Informer<T> => {
    const informer = factory.informer(type);
    informer.mayBeAbsent(hint);
    return informer;
  };
  const thrift = config.extenders.length > 0 ? undefined : thrifts();
  return {
    factory,
    pods: factory.informer(resources.pods, unfinished, thrift?.pods),
    nodes: factory.informer(resources.nodes, {}, thrift?.nodes),
    services: factory.informer(resources.services),
    namespaces: factory.informer(resources.namespaces),
    replicaSets: factory.informer(resources.replicasets),
    statefulSets: factory.informer(resources.statefulsets),
    replicationControllers: factory.informer(resources.replicationcontrollers),
    budgets: factory.informer(resources.poddisruptionbudgets),
    storage: {
      claims: factory.informer(resources.persistentvolumeclaims),
      volumes: factory.informer(resources.persistentvolumes),
      classes: factory.informer(resources.storageclasses),
      csiNodes: factory.informer(resources.csinodes),
      csiDrivers: factory.informer(resources.csidrivers),
      capacities: factory.informer(resources.csistoragecapacities),
      attachments: factory.informer(resources.volumeattachments),
    },
    gangs: usesGangs(config) ? { podGroups: optional(podGroups, noPodGroups), members: factory.informer(resources.pods, { labelSelector: podGroupLabel }) } : undefined,
    devices: config.dynamicResources ? {
      claims: optional(dynamicResources.resourceclaims, noDevices), classes: optional(dynamicResources.deviceclasses, noDevices), slices: optional(dynamicResources.resourceslices, noDevices),
    } : undefined,
  };
}

function untilAborted(signal: AbortSignal, work: Promise<unknown>): Promise<unknown> {
  return signal.aborted ? Promise.resolve() : Promise.race([work, new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); })]);
}

/**
 * Informers run at once, decisions only while this process leads. Whoever loses the lead ends (`failed` rejects), as
 * upstream does: what it knows may be stale, and a fresh start is the simplest cure.
 */
export function startScheduler(config: SchedulerConfig, host: Host, client: Client, metrics: Metrics = noMetrics): RunningScheduler {
  const stopping = new AbortController();
  const informers = makeInformers(config, host, client);
  const lead = new Lead(host, config);
  const { scheduler, queue, gangs, explain: explainPod } = assemble(config, host, client, informers, metrics, config.leaderElection.leaderElect ? lead : undefined);
  const synced = informers.factory.start(stopping.signal);
  let isSynced = false;
  const schedule = async (signal: AbortSignal): Promise<void> => {
    await synced;
    isSynced = true;
    // A former leader's last bindings may not have been told yet; what is late after this is refused.
    await untilAborted(signal, Promise.all([informers.nodes.refresh(), informers.pods.refresh()]));
    if (signal.aborted) return;
    queue.start();
    host.log.info('scheduling', { profiles: config.profiles.map((profile) => profile.schedulerName) });
    await Promise.all([scheduler.run(signal), usesGangs(config) ? writeGroupStatus(gangs, host, client, signal) : undefined]);
    queue.stop();
  };
  const { leaderElect, resourceName, resourceNamespace, ...times } = config.leaderElection;
  const running = leaderElect
    ? runLeaderElection(host, client, { ...times, namespace: resourceNamespace, leaseName: resourceName, identity: config.identity, lead: (signal, term) => lead.during(signal, term, schedule) }, stopping.signal)
    : schedule(stopping.signal);
  synced.then(() => { isSynced = true; }, () => undefined);
  const failed = running.then(() => {
    if (stopping.signal.aborted) return new Promise<never>(() => undefined);
    throw new Error('leader election lost');
  });
  failed.catch(() => undefined);
  return {
    failed,
    async stop() {
      stopping.abort();
      await running.catch((error: unknown) => host.log.warn('scheduler ended with an error', { error: String(error) }));
    },
    explain: explainPod,
    ready: () => (isSynced ? undefined : 'informers have not synced'),
  };
}
