import { createSeriesRecorder, type Client, type EventRecorder, type Informer } from '@coxswain/client';
import { eventWriter, PodDeletions, PodStatusPatches } from '@coxswain/client/fast-path';
import { assert, type Host } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';
import type { ReplicaSet, StatefulSet } from 'kubernetes-types/apps/v1';
import type { Namespace, Node, Pod, ReplicationController, Service } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { SchedulerCache } from './cache/cache.ts';
import { hasGangs, type SchedulerConfig } from './config.ts';
import { observeResourceClaims, type DeviceInformers } from './dynamic-resources/resource-claims.ts';
import { DecisionLog } from './explain/decision-log.ts';
import { podExplainer, type ExplainPod } from './explain/explain-pod.ts';
import { Extenders } from './extender/extenders.ts';
import { HttpExtender } from './extender/http-extender.ts';
import type { Framework } from './framework/framework.ts';
import { Gangs, type GangInformers } from './gangs/gangs.ts';
import { observe } from './handlers.ts';
import type { Leadership } from './leadership.ts';
import { owningSelectors } from './owning-selectors.ts';
import { makeFramework } from './profile.ts';
import { AwaitedVictims } from './plugins/default-preemption/awaited-victims.ts';
import { QueueingHints } from './queue/queueing-hints.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { makeSchedulerMetrics } from './scheduler-metrics.ts';
import { Scheduler } from './scheduler.ts';
import { observeStorage, type StorageInformers } from './storage/storage.ts';

/** For explanations. */
const decisionsKept = 5000;

/** What a scheduler knows of its cluster. */
export interface SchedulerInformers {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly services: Informer<Service>;
  readonly namespaces: Informer<Namespace>;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly statefulSets: Informer<StatefulSet>;
  readonly replicationControllers: Informer<ReplicationController>;
  readonly budgets: Informer<PodDisruptionBudget>;
  readonly storage: Omit<StorageInformers, 'pods' | 'nodes'>;
  /** Only if a profile has Coscheduling: `usesGangs`. */
  readonly gangs?: GangInformers | undefined;
  /** Where the API server has dynamic resources. */
  readonly devices?: DeviceInformers | undefined;
}

export interface Assembled {
  readonly scheduler: Scheduler;
  readonly queue: SchedulingQueue;
  readonly explain: ExplainPod;
  readonly gangs: Gangs;
}

/** Cache, queue, frameworks and loop, wired. Nothing runs yet. */
export function assemble(config: SchedulerConfig, host: Host, client: Client, informers: SchedulerInformers, metrics: Metrics, leadership?: Leadership): Assembled {
  const cache = new SchedulerCache((namespace) => informers.namespaces.lister.get({ name: namespace })?.metadata?.labels);
  // Before the queue hears of a change, so that what it wakes sees it.
  const storage = observeStorage({ ...informers.storage, pods: informers.pods, nodes: informers.nodes });
  const resourceClaims = informers.devices === undefined ? undefined : observeResourceClaims(informers.devices);
  const extenders = new Extenders(config.extenders.map((extender) => new HttpExtender(extender, host)), host.log);
  const gangs = new Gangs(host.clock);
  const podStatuses = new PodStatusPatches(client);
  const awaitedVictims = new AwaitedVictims();
  const decisions = new DecisionLog(decisionsKept);
  const frameworks = new Map<string, Framework>();
  const recorders = new Map<string, EventRecorder>();
  const frameworkOf = (pod: Pod): Framework => {
    const framework = frameworks.get(pod.spec?.schedulerName ?? '');
    assert(framework !== undefined, 'pod of a foreign scheduler in the queue', { pod: pod.metadata?.name, schedulerName: pod.spec?.schedulerName });
    return framework;
  };
  const hints = new Map<string, QueueingHints>();
  const [firstProfile] = config.profiles;
  assert(firstProfile !== undefined, 'no profile', {});
  const queue = new SchedulingQueue({
    clock: host.clock, timers: host.timers, infoOf: (pod) => cache.podInfos.of(pod),
    initialBackoffMs: config.podInitialBackoffMs, maxBackoffMs: config.podMaxBackoffMs, maxUnschedulableMs: config.podMaxUnschedulableMs, popFromBackoff: config.popFromBackoff,
    // All profiles sort alike; the configuration is refused otherwise.
    less: (a, b) => (frameworks.get(firstProfile.schedulerName) as Framework).queueSort.less(a, b),
    preEnqueue: (pod) => frameworkOf(pod).preEnqueue(pod),
    judge: (pod, rejection, event) => {
      if (awaitedVictims.stillFor(pod.metadata?.uid ?? '', event, (uid) => cache.has(uid))) return 'no';
      return hints.get(pod.spec?.schedulerName ?? '')?.judge(pod, rejection, event) ?? 'after-backoff';
    },
    concerns: (name, rejection, event) => hints.get(name)?.concerns(rejection, event) ?? true,
    wake: () => scheduler.wake(),
  });
  for (const profile of config.profiles) {
    const recorder = createSeriesRecorder(host, client, { component: profile.schedulerName, hostname: hostnameOf(config.identity), writeTogether: eventWriter(client) });
    const framework = makeFramework(profile, {
      host, client, recorder, podStatuses, awaitedVictims, podDeletions: new PodDeletions(client, leadership === undefined ? undefined : () => leadership.term()), storage, leadership, extenders, gangs,
      resourceClaims,
      snapshot: () => cache.snapshot(),
      activate: (uids) => queue.activate(uids),
      nominator: () => queue.nominations,
      budgets: () => informers.budgets.lister.list(),
      namespaceLabels: (namespace) => informers.namespaces.lister.get({ name: namespace })?.metadata?.labels ?? {},
      owningSelectors: (pod) => owningSelectors(pod, {
        services: informers.services.lister, replicaSets: informers.replicaSets.lister,
        statefulSets: informers.statefulSets.lister, replicationControllers: informers.replicationControllers.lister,
      }),
    }, host.timers);
    frameworks.set(profile.schedulerName, framework);
    recorders.set(profile.schedulerName, recorder);
    hints.set(profile.schedulerName, new QueueingHints(framework.enqueueExtensions()));
  }
  const withGangs = new Set(config.profiles.filter(hasGangs).map(({ schedulerName }) => schedulerName));
  const scheduler: Scheduler = new Scheduler({
    host, podStatuses, config, cache, queue, frameworks, extenders,
    recorderOf: (name) => recorders.get(name) as EventRecorder,
    latestPod: ({ name, namespace, uid }) => {
      const pod = informers.pods.lister.get({ namespace, name });
      return pod?.metadata?.uid === uid ? pod : undefined;
    },
    metrics: makeSchedulerMetrics(metrics, () => queue.counts),
    decisions, storage,
    gangOf: (pod) => (withGangs.has(pod.spec?.schedulerName ?? '') ? gangs.of(pod) : undefined),
    permitWaitingTimeMs: firstProfile.args.coscheduling.permitWaitingTimeMs,
  });
  gangs.ready = ({ waiting }) => queue.activate(waiting);
  if (informers.gangs !== undefined) gangs.observe(informers.gangs);
  observe(informers, { cache, queue, isOurs: (pod) => frameworks.has(pod.spec?.schedulerName ?? '') });
  const podOf = (namespace: string, name: string): Pod | undefined => informers.pods.lister.get({ namespace, name });
  return { scheduler, queue, explain: podExplainer({ cache, storage, queue, gangs, decisions, frameworks, clock: host.clock, podOf }), gangs };
}

/** An identity is a hostname, `_` and something unique. */
function hostnameOf(identity: string): string {
  const end = identity.lastIndexOf('_');
  return end < 0 ? identity : identity.slice(0, end);
}
