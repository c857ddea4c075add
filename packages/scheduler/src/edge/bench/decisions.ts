import { applyMergePatch, type Json } from '@coxswain/api';
import { dynamicResources, keyOfObject, resources, type KubeObject } from '@coxswain/client';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { noMetrics, type Labels, type Metrics } from '@coxswain/service';
import type { Namespace, Node, Pod, Service } from 'kubernetes-types/core/v1';
import type { CSINode } from 'kubernetes-types/storage/v1';
import { assemble, type Assembled } from '../../assemble.ts';
import { defaultProfile, defaultSchedulerConfig } from '../../config.ts';
import { podGroups, type PodGroup } from '../../gangs/pod-group.ts';
import { Binds } from './binds.ts';
import { claimed, claimNamesOf, type DeviceObjects } from './devices.ts';
import { gangConfig } from './gang-config.ts';
import { memoryClient, MemoryInformer } from './memory-client.ts';
import type { SchedulerCounts } from './scheduler-counts.ts';
import { priorities } from './templates.ts';
import type { Needs, Target } from './target.ts';
import type { BoundVolume } from './volumes.ts';

const millisecondsPerSecond = 1000;

function makeDeviceInformers() {
  return { claims: new MemoryInformer(dynamicResources.resourceclaims), classes: new MemoryInformer(dynamicResources.deviceclasses), slices: new MemoryInformer(dynamicResources.resourceslices) };
}

function makeInformers() {
  return {
    pods: new MemoryInformer(resources.pods), nodes: new MemoryInformer(resources.nodes), services: new MemoryInformer(resources.services), namespaces: new MemoryInformer(resources.namespaces),
    replicaSets: new MemoryInformer(resources.replicasets), statefulSets: new MemoryInformer(resources.statefulsets),
    replicationControllers: new MemoryInformer(resources.replicationcontrollers), budgets: new MemoryInformer(resources.poddisruptionbudgets),
    storage: {
      claims: new MemoryInformer(resources.persistentvolumeclaims), volumes: new MemoryInformer(resources.persistentvolumes), classes: new MemoryInformer(resources.storageclasses),
      csiNodes: new MemoryInformer(resources.csinodes), csiDrivers: new MemoryInformer(resources.csidrivers), capacities: new MemoryInformer(resources.csistoragecapacities),
      attachments: new MemoryInformer(resources.volumeattachments),
    },
  };
}

/** Takes every decision's time out of the histogram that it goes to, and counts how decisions ended. */
function collecting(timesMs: number[], attempts: Record<string, number>): Metrics {
  const decision = { observe(seconds: number) { timesMs.push(seconds * millisecondsPerSecond); } };
  const ended = { inc: ({ result = '' }: Labels = {}) => { attempts[result] = (attempts[result] ?? 0) + 1; } };
  return {
    ...noMetrics,
    counter: (name, ...rest) => (name === 'scheduler_schedule_attempts_total' ? { ...noMetrics.counter(name, ...rest), ...ended } : noMetrics.counter(name, ...rest)),
    histogram: (name, ...rest) => (name === 'scheduler_scheduling_algorithm_duration_seconds' ? { ...decision, of: () => decision } : noMetrics.histogram(name, ...rest)),
  };
}

export const decisionsNote = 'decisions: cache, queue, decision, assumption and the informers\' handlers in one process, no API: bindings, conditions and events are told to memory; a run is the middle one of up to fifteen passes that take a second of processor time together, over one cluster where the measured pods leave no trace when they go, and as many go before the first run and are not measured';

let uids = 0;

/** What admission would add. */
function admitted(pod: Pod): Pod {
  uids += 1;
  const priority = priorities.find(({ className }) => className === pod.spec?.priorityClassName)?.value ?? 0;
  return { ...pod, metadata: { ...pod.metadata, uid: `uid-${uids}`, creationTimestamp: new Date().toISOString() }, spec: { containers: [], ...pod.spec, priority } };
}

function patched<T extends KubeObject>(object: T | undefined, patch: object): T {
  if (object === undefined) throw new Error('what is to be patched is not there');
  return applyMergePatch(object as unknown as Json, patch as Json) as unknown as T;
}

/** The scheduler's own cache, queue, plugins and loop, with a cluster in memory around it: no API, no network, no other process. */
class DecisionsTarget implements Target {
  readonly resumesAtOnce = true;
  readonly name = 'decisions';
  readonly notes = [decisionsNote];
  readonly schedulerName = defaultProfile.schedulerName;
  readonly binds = new Binds();
  readonly broken: Promise<never>;
  readonly #informers = makeInformers();
  readonly #groups = new MemoryInformer(podGroups);
  readonly #devices = makeDeviceInformers();
  readonly #assembled: Assembled;
  readonly #break: (error: unknown) => void;
  #timesMs: number[] = [];
  readonly #attempts: Record<string, number> = {};
  #stopping = new AbortController();
  #running: Promise<void>;

  constructor({ gangs, devices }: Needs) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.broken = promise;
    this.#break = reject;
    const client = memoryClient({
      pods: this.#informers.pods, claims: this.#devices.claims,
      bound: (key, node) => { this.binds.bound(key, node); }, deleted: (key) => { this.binds.deleted(key); }, refused: (key) => { this.binds.attempted(key); },
    });
    const config = gangs ? gangConfig : defaultSchedulerConfig('bench');
    const informers = { ...this.#informers, ...(gangs ? { gangs: { podGroups: this.#groups, members: this.#informers.pods } } : {}), ...(devices ? { devices: this.#devices } : {}) };
    this.#assembled = assemble({ ...config, dynamicResources: devices }, createRealHost(silentLogger), client, informers, collecting(this.#timesMs, this.#attempts));
    this.#assembled.queue.start();
    this.#running = this.#run();
  }

  #run(): Promise<void> {
    return this.#assembled.scheduler.run(this.#stopping.signal).catch(this.#break);
  }

  /** What was garbage before the measurement is not collected in it. */
  async pause(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    globalThis.gc?.();
  }

  async resume(): Promise<void> {
    this.#stopping = new AbortController();
    this.#running = this.#run();
  }

  async createNamespaces(namespaces: readonly Namespace[]): Promise<void> {
    for (const namespace of namespaces) this.#informers.namespaces.put(namespace);
  }

  async createNodes(nodes: readonly Node[]): Promise<void> {
    for (const node of nodes) this.#informers.nodes.put(node);
  }

  async createPods(pods: readonly Pod[]): Promise<void> {
    for (const pod of pods) {
      this.binds.created(keyOfObject(pod));
      const made = claimed(admitted(pod));
      for (const claim of made.claims) this.#devices.claims.put(claim);
      this.#informers.pods.put(made.pod);
    }
  }

  async createVolumes(volumes: readonly BoundVolume[]): Promise<void> {
    for (const { volume, claim } of volumes) {
      uids += 1;
      const uid = `uid-${uids}`;
      const claimRef = { ...volume.spec?.claimRef, uid };
      this.#informers.storage.volumes.put({ ...volume, spec: { ...volume.spec, claimRef } });
      this.#informers.storage.claims.put({ ...claim, metadata: { ...claim.metadata, uid } });
    }
  }

  async createCsiNodes(nodes: readonly CSINode[]): Promise<void> {
    for (const node of nodes) this.#informers.storage.csiNodes.put(node);
  }

  async createDevices({ classes, slices, claims }: DeviceObjects): Promise<void> {
    for (const one of classes) this.#devices.classes.put(one);
    for (const slice of slices) this.#devices.slices.put(slice);
    for (const [at, claim] of claims.entries()) this.#devices.claims.put({ ...claim, metadata: { ...claim.metadata, uid: `claim-${at}` } });
  }

  async createPodGroups(groups: readonly PodGroup[]): Promise<void> {
    for (const group of groups) this.#groups.put(group);
  }

  async createService(service: Service): Promise<void> {
    this.#informers.services.put(service);
  }

  async patchPod(namespace: string, name: string, patch: object): Promise<void> {
    const { pods } = this.#informers;
    pods.put(patched(pods.lister.get({ namespace, name }), patch));
  }

  async patchNode(name: string, patch: object): Promise<void> {
    const { nodes } = this.#informers;
    nodes.put(patched(nodes.lister.get({ name }), patch));
  }

  async deleteNode(name: string): Promise<void> {
    this.#informers.nodes.remove({ name });
  }

  async deleteService(namespace: string, name: string): Promise<void> {
    this.#informers.services.remove({ namespace, name });
  }

  /** With finalizers it stays, and is terminating. */
  async deletePod(namespace: string, name: string): Promise<void> {
    const { pods } = this.#informers;
    const pod = pods.lister.get({ namespace, name });
    if (pod?.metadata === undefined) return;
    if ((pod.metadata.finalizers ?? []).length === 0) {
      pods.remove({ namespace, name });
      this.binds.deleted(keyOfObject(pod));
      for (const claim of claimNamesOf(pod)) this.#devices.claims.remove({ namespace, name: claim });
    } else {
      pods.put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: new Date().toISOString() } });
    }
  }

  processes(): ReturnType<Target['processes']> {
    const cpuSeconds = (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
    return [{ name: 'scheduler, in process', cpuSeconds, residentMb: () => process.memoryUsage.rss() / 1024 ** 2 }];
  }

  writes(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  decisionTimes(): readonly number[] {
    return this.#timesMs.splice(0);
  }

  schedulerCounts(): Promise<SchedulerCounts> {
    return Promise.resolve({ attempts: { ...this.#attempts }, upToMs: [] });
  }

  async close(): Promise<void> {
    await this.pause();
    this.#assembled.queue.stop();
  }
}

export function startDecisions(needs: Needs): Promise<Target> {
  return Promise.resolve(new DecisionsTarget(needs));
}
