import { createEventRecorder, createInformerFactory, resources, runLeaderElection, type Client, type EventRecorder } from '@coxswain/client';
import { assert, type Host } from '@coxswain/host';
import { noMetrics, type Metrics, type RunningComponent } from '@coxswain/service';
import type { Pod } from 'kubernetes-types/core/v1';
import { SchedulerCache } from './cache/cache.ts';
import { DecisionLog } from './explain/decision-log.ts';
import { explain, type ExplainOptions } from './explain/explain.ts';
import type { Explanation } from './explain/explanation.ts';
import type { SchedulerConfig } from './config.ts';
import type { Framework } from './framework/framework.ts';
import { observe } from './handlers.ts';
import { owningSelectors } from './owning-selectors.ts';
import { makeFramework } from './profile.ts';
import { QueueingHints } from './queue/queueing-hints.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { makeSchedulerMetrics } from './scheduler-metrics.ts';
import { Scheduler } from './scheduler.ts';

/** For explanations. */
const decisionsKept = 5000;

const unfinished = { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' };

export interface RunningScheduler extends RunningComponent {
  /** undefined when informers have synced and, if it leads, decisions go on; else what is missing. */
  ready(): string | undefined;
  /** The recent decisions about a pod, oldest first; empty if none is remembered. Synchronous: costs some milliseconds with thousands of nodes. */
  explain(namespace: string, name: string, options: ExplainOptions): readonly Explanation[];
}

function makeInformers(host: Host, client: Client) {
  const factory = createInformerFactory(host, client);
  return {
    factory,
    pods: factory.informer(resources.pods, unfinished),
    nodes: factory.informer(resources.nodes),
    services: factory.informer(resources.services),
    namespaces: factory.informer(resources.namespaces),
    replicaSets: factory.informer(resources.replicasets),
    statefulSets: factory.informer(resources.statefulsets),
    replicationControllers: factory.informer(resources.replicationcontrollers),
    budgets: factory.informer(resources.poddisruptionbudgets),
  };
}

type Informers = ReturnType<typeof makeInformers>;

interface Assembled {
  readonly scheduler: Scheduler;
  readonly queue: SchedulingQueue;
  readonly explain: RunningScheduler['explain'];
}

/** Cache, queue, frameworks and loop, wired. Nothing runs yet. */
function assemble(config: SchedulerConfig, host: Host, client: Client, informers: Informers, metrics: Metrics): Assembled {
  const cache = new SchedulerCache((namespace) => informers.namespaces.lister.get({ name: namespace })?.metadata?.labels);
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
    initialBackoffMs: config.podInitialBackoffMs, maxBackoffMs: config.podMaxBackoffMs, maxUnschedulableMs: config.podMaxUnschedulableMs,
    // All profiles sort alike; the configuration is refused otherwise.
    less: (a, b) => (frameworks.get(firstProfile.schedulerName) as Framework).queueSort.less(a, b),
    preEnqueue: (pod) => frameworkOf(pod).preEnqueue(pod),
    judge: (pod, rejection, event) => hints.get(pod.spec?.schedulerName ?? '')?.judge(pod, rejection, event) ?? 'after-backoff',
    wake: () => scheduler.wake(),
  });
  for (const profile of config.profiles) {
    const recorder = createEventRecorder(host, client, { component: profile.schedulerName });
    const framework = makeFramework(profile, {
      host, client, recorder,
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
  const scheduler: Scheduler = new Scheduler({
    host, client, config, cache, queue, frameworks,
    recorderOf: (name) => recorders.get(name) as EventRecorder,
    latestPod: ({ name, namespace, uid }) => {
      const pod = informers.pods.lister.get({ namespace, name });
      return pod?.metadata?.uid === uid ? pod : undefined;
    },
    metrics: makeSchedulerMetrics(metrics),
    decisions,
  });
  observe(informers, { cache, queue, isOurs: (pod) => frameworks.has(pod.spec?.schedulerName ?? '') });
  const explainPod: RunningScheduler['explain'] = (namespace, name, options) => decisions.of(`${namespace}/${name}`)
    .map((record) => explain(frameworks.get(record.profile) as Framework, cache, record, options)).filter((explanation) => explanation !== undefined);
  return { scheduler, queue, explain: explainPod };
}

/**
 * Informers run at once, decisions only while this process leads. Whoever loses the lead ends (`failed` rejects), as
 * upstream does: what it knows may be stale, and a fresh start is the simplest cure.
 */
export function startScheduler(config: SchedulerConfig, host: Host, client: Client, metrics: Metrics = noMetrics): RunningScheduler {
  const stopping = new AbortController();
  const informers = makeInformers(host, client);
  const { scheduler, queue, explain: explainPod } = assemble(config, host, client, informers, metrics);
  const synced = informers.factory.start(stopping.signal);
  let isSynced = false;
  const lead = async (signal: AbortSignal): Promise<void> => {
    await synced;
    isSynced = true;
    queue.start();
    host.log.info('scheduling', { profiles: config.profiles.map((profile) => profile.schedulerName) });
    await scheduler.run(signal);
    queue.stop();
  };
  const { leaderElect, resourceName, resourceNamespace, ...times } = config.leaderElection;
  const running = leaderElect
    ? runLeaderElection(host, client, { ...times, namespace: resourceNamespace, leaseName: resourceName, identity: config.identity, lead }, stopping.signal)
    : lead(stopping.signal);
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
