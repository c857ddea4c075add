import { createEventRecorder, createInformerFactory, type Client, type InformerFactory } from '@coxswain/client';
import { fromUtf8, type Host } from '@coxswain/host';
import type { Node, Pod, Service } from 'kubernetes-types/core/v1';
import { noMetrics, type Metrics } from '@coxswain/service';
import { messageOf, nodes, pods, services } from './api-types.ts';
import type { KubeletConfig } from './config.ts';
import type { ContainerRuntime } from './cri/types.ts';
import { startKubenet, type RunningKubenet } from './kubenet/kubenet.ts';
import { kubeletMetrics, type KubeletMetrics } from './kubelet-metrics.ts';
import { LogRotation } from './log-rotation.ts';
import { NodeManager } from './node/node-manager.ts';
import { allocatable } from './node/node-status.ts';
import { maintainQosCgroups } from './node/qos-cgroups.ts';
import { Pleg, type RuntimePod } from './pleg.ts';
import { admissionProblem, confirmed, type AdmissionInput } from './pod/admission.ts';
import { BackOff } from './pod/backoff.ts';
import { crashBackOffInitialMs } from './pod/crash-back-off.ts';
import { ImageManager } from './pod/images.ts';
import { isTerminalPhase, uidOf } from './pod/pod-facts.ts';
import { podIps, PodStateReader, type PodRuntimeState } from './pod/runtime-state.ts';
import { StatusManager } from './pod/status-manager.ts';
import { terminationMessageReader } from './pod/termination-message.ts';
import { PodWorker } from './pod/worker.ts';
import type { WorkerDeps } from './pod/worker-deps.ts';
import { ProbeManager } from './probes/manager.ts';
import type { FilesystemInfo, MachineInfo, NodeSystem } from './system.ts';
import { ClaimedVolumes } from './volumes/claims.ts';
import { VolumeManager } from './volumes/manager.ts';
import { ReferencedObjects } from './volumes/objects.ts';
import { ServiceAccountTokens } from './volumes/tokens.ts';

export interface KubeletDeps {
  readonly runtime: ContainerRuntime;
  readonly system: NodeSystem;
  readonly client: Client;
  /** Without it nothing is counted. */
  readonly metrics?: Metrics;
}

/** What the kubelet's own server shows and needs. */
export interface KubeletView {
  readonly config: KubeletConfig;
  readonly runtime: ContainerRuntime;
  readonly system: NodeSystem;
  readonly client: Client;
  readonly machine: MachineInfo;
  readonly hostIp: string;
  pods(): readonly Pod[];
  worker(namespace: string, name: string, uid?: string): PodWorker | undefined;
  /** Fresh from the runtime. */
  state(uid: string): Promise<PodRuntimeState>;
  /** What the container's status says it waits for. */
  waitingReason(uid: string, container: string): string;
  /** Undefined if all is well. */
  health(): string | undefined;
}

export interface RunningKubelet {
  readonly view: KubeletView;
  /** Resolves when the node is registered and its pods are known. */
  readonly ready: Promise<void>;
  /** Rejects if it could not start for good. */
  readonly failed: Promise<never>;
  /** Lets go of everything; containers keep running. */
  stop(): Promise<void>;
}

/** The runtime is given up as unhealthy after this long without an answer, as upstream. */
const plegSilentMs = 180_000;

class Kubelet {
  readonly #config: KubeletConfig;
  readonly #host: Host;
  readonly #deps: KubeletDeps;
  readonly #machine: MachineInfo;
  readonly #workers = new Map<string, PodWorker>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #informers: InformerFactory;
  readonly #pleg: Pleg;
  readonly #node: NodeManager;
  readonly #workerDeps: WorkerDeps;
  readonly #metrics: KubeletMetrics;
  #kubenet: RunningKubenet | undefined;
  #podsInApi: () => readonly Pod[] = () => [];
  #nodeInApi: () => Node | undefined = () => undefined;

  constructor(config: KubeletConfig, host: Host, deps: KubeletDeps, machine: MachineInfo, filesystem: FilesystemInfo, hostIp: string) {
    this.#config = config;
    this.#host = host;
    this.#deps = deps;
    this.#machine = machine;
    this.#informers = createInformerFactory(host, deps.client);
    this.#pleg = new Pleg(deps.runtime, host, config.relistPeriodMs);
    this.#node = new NodeManager({ config, host, ...deps, machine, filesystem, hostIp, port: () => config.server?.port ?? 0 });
    this.#metrics = kubeletMetrics(deps.metrics ?? noMetrics, config.nodeName);
    this.#workerDeps = this.#makeWorkerDeps(filesystem, hostIp);
  }

  #makeWorkerDeps(filesystem: FilesystemInfo, hostIp: string): WorkerDeps {
    const { client, runtime, system } = this.#deps;
    const host = this.#host;
    const config = this.#config;
    const wake = (uid: string): void => this.#workers.get(uid)?.wake();
    const recorder = createEventRecorder(host, client, { component: 'kubelet', instance: config.nodeName });
    const objects = new ReferencedObjects(client, host, wake);
    const resources = allocatable(config, this.#machine, filesystem);
    const volumes = new VolumeManager(host, system, config, {
      objects, tokens: new ServiceAccountTokens(client, host), claims: new ClaimedVolumes(client, config.nodeName), nodeName: config.nodeName, hostIp: () => hostIp, allocatable: () => resources,
      podIps: (pod) => podIps(this.#workers.get(uidOf(pod))?.state ?? { sandboxes: [], sandbox: undefined, containers: [] }),
    });
    const serviceInformer = this.#informers.informer<Service>(services);
    return {
      config, host, client, runtime, system, recorder, objects, volumes, metrics: this.#metrics,
      reader: new PodStateReader(runtime, terminationMessageReader(host)),
      statuses: new StatusManager(client, host),
      images: new ImageManager(runtime, host.clock),
      probes: new ProbeManager(host, runtime, recorder, wake),
      crashBackOff: new BackOff(host.clock, crashBackOffInitialMs, config.maxContainerBackOffMs),
      node: { hostIp: () => hostIp, memoryBytes: this.#machine.memoryBytes, allocatable: () => resources, networkProblem: () => this.#node.networkProblem },
      services: () => serviceInformer.lister.list(),
      hostResolvConf: () => host.disk.readFile(config.resolvConf).then(fromUtf8, () => ''),
    };
  }

  async start(): Promise<void> {
    const { signal } = this.#abort;
    this.#track(this.#node.run(signal));
    this.#track(maintainQosCgroups(this.#config, this.#host, this.#deps.system.cgroups, this.#workerDeps.node.allocatable(), () => [...this.#workers.values()].map((worker) => worker.pod), signal));
    const podInformer = this.#informers.informer<Pod>(pods, { fieldSelector: `spec.nodeName=${this.#config.nodeName}` });
    const nodeInformer = this.#informers.informer<Node>(nodes, this.#config.kubenet === undefined ? { fieldSelector: `metadata.name=${this.#config.nodeName}` } : {});
    this.#podsInApi = () => podInformer.lister.list();
    this.#nodeInApi = () => nodeInformer.lister.get({ name: this.#config.nodeName });
    if (this.#config.kubenet !== undefined) {
      this.#kubenet = startKubenet({ kubenet: this.#config.kubenet, config: this.#config, host: this.#host, system: this.#deps.system, nodes: nodeInformer, changed: () => this.#node.wake() });
    }
    await this.#informers.start(signal);
    if (signal.aborted) return;
    podInformer.addHandler({
      added: (pod) => this.#added(pod),
      updated: (before, after) => this.#updated(before, after),
      deleted: (pod) => this.#workers.get(uidOf(pod))?.remove(),
    });
    nodeInformer.addHandler({ updated: (_before, node) => { if (node.metadata?.name === this.#config.nodeName) this.#node.observed(node); } });
    this.#track(this.#pleg.run(signal, { changed: (pod) => this.#runtimeChanged(pod), recovered: () => this.#runtimeRecovered(), relisted: (result) => this.#metrics.relisted(result) }));
    this.#track(new LogRotation(this.#config, this.#host, this.#deps.runtime, this.#deps.system).run(signal));
    await this.#removeLeftovers();
  }

  #track(work: Promise<void>): void {
    const guarded = work.catch((error: unknown) => { this.#host.log.error('kubelet loop failed', { error: messageOf(error) }); });
    this.#running.add(guarded);
    void guarded.finally(() => this.#running.delete(guarded));
  }

  #added(pod: Pod): void {
    const present = this.#workers.get(uidOf(pod));
    if (present === undefined) this.#startWorker(pod);
    else present.update(pod);
  }

  #updated(before: Pod, after: Pod): void {
    const worker = this.#workers.get(uidOf(after));
    if (worker === undefined) { this.#startWorker(after); return; }
    this.#workerDeps.statuses.observed(after);
    // An echo of our own status write changes nothing that a step would look at.
    if (sameWish(before, after)) return;
    worker.update(after);
  }

  #startWorker(pod: Pod, options: { readonly admit: boolean } = { admit: true }): void {
    if (this.#abort.signal.aborted) return;
    const worker = new PodWorker(this.#workerDeps, pod);
    // Asked before the worker is among the others; what a kubelet before this one has admitted goes on.
    const admission = options.admit && pod.status?.startTime === undefined && pod.metadata?.deletionTimestamp === undefined ? this.#admission(worker) : Promise.resolve();
    this.#workers.set(worker.uid, worker);
    this.#track(admission.then(() => worker.run()).finally(() => this.#workers.delete(worker.uid)));
  }

  async #admission(worker: PodWorker): Promise<void> {
    const input: AdmissionInput = {
      pod: worker.pod, others: this.#podsThatHoldResources(worker.uid), node: this.#nodeInApi(), nodeName: this.#config.nodeName,
      allocatable: this.#workerDeps.node.allocatable(), allowedUnsafeSysctls: this.#config.allowedUnsafeSysctls,
    };
    const first = admissionProblem(input);
    const problem = first === undefined ? undefined : await confirmed(first, input, () => this.#deps.client.get(nodes, { name: this.#config.nodeName }));
    if (problem !== undefined) worker.reject(problem);
  }

  /** Also those that an earlier kubelet admitted and that this one has not come to yet. */
  #podsThatHoldResources(exceptUid: string): readonly Pod[] {
    const mine = [...this.#workers.values()].filter((worker) => !worker.rejected).map((worker) => worker.pod);
    const all = new Map([...this.#podsInApi().filter((pod) => pod.status?.startTime !== undefined), ...mine].map((pod) => [uidOf(pod), pod]));
    return [...all.values()].filter((pod) => uidOf(pod) !== exceptUid && !isTerminalPhase({ ...pod, status: this.#workerDeps.statuses.current(uidOf(pod)) ?? pod.status ?? {} }));
  }

  /** A change in the runtime; a pod that only the runtime knows is brought down. */
  #runtimeChanged(pod: RuntimePod): void {
    const worker = this.#workers.get(pod.uid);
    if (worker !== undefined) { worker.wake(); return; }
    this.#host.log.info('pod is not in the API any more, ending it', { pod: pod.name, namespace: pod.namespace, uid: pod.uid });
    this.#startWorker({ metadata: { name: pod.name, namespace: pod.namespace, uid: pod.uid }, spec: { containers: [], terminationGracePeriodSeconds: pod.graceSeconds } }, { admit: false });
    this.#workers.get(pod.uid)?.remove();
  }

  /** Steps that failed without the runtime wait for their back-off no longer. */
  #runtimeRecovered(): void {
    this.#node.wake();
    for (const worker of this.#workers.values()) worker.wake();
  }

  /** Directories of pods that nobody knows any more: their kubelet died between the containers' end and the clean-up. */
  async #removeLeftovers(): Promise<void> {
    const uids = await this.#host.disk.list(`${this.#config.rootDir}/pods`).catch(() => []);
    for (const uid of uids) {
      if (this.#workers.has(uid)) continue;
      await this.#workerDeps.volumes.remove(uid).catch((error: unknown) => this.#host.log.warn('left-over pod directory is not removed', { uid, error: messageOf(error) }));
    }
  }

  view(): KubeletView {
    return {
      config: this.#config, ...this.#deps, machine: this.#machine, hostIp: this.#workerDeps.node.hostIp(),
      pods: () => [...this.#workers.values()].map((worker) => ({ ...worker.pod, status: this.#workerDeps.statuses.current(worker.uid) ?? worker.pod.status ?? {} })),
      worker: (namespace, name, uid) => [...this.#workers.values()].find((worker) => worker.pod.metadata?.namespace === namespace && worker.pod.metadata.name === name && (uid === undefined || uid === worker.uid)),
      state: (uid) => this.#workerDeps.reader.read(uid),
      waitingReason: (uid, container) => {
        const status = this.#workerDeps.statuses.current(uid);
        const found = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find((candidate) => candidate.name === container);
        return found?.state?.waiting?.reason ?? 'ContainerCreating';
      },
      health: () => (this.#pleg.silentMs > plegSilentMs ? `PLEG is not healthy: pleg was last seen active ${Math.round(this.#pleg.silentMs / 1000)}s ago` : undefined),
    };
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (const worker of this.#workers.values()) worker.stop();
    this.#workerDeps.probes.close();
    this.#workerDeps.objects.close();
    this.#kubenet?.stop();
    await Promise.all(this.#running);
  }
}

/** True if nothing changed that a worker acts on. */
function sameWish(before: Pod, after: Pod): boolean {
  const wish = (pod: Pod): string => JSON.stringify([
    pod.spec, pod.metadata?.labels, pod.metadata?.annotations, pod.metadata?.deletionTimestamp, pod.metadata?.deletionGracePeriodSeconds,
    (pod.spec?.readinessGates ?? []).map((gate) => pod.status?.conditions?.find((condition) => condition.type === gate.conditionType)?.status),
  ]);
  return wish(before) === wish(after);
}

export async function startKubelet(config: KubeletConfig, host: Host, deps: KubeletDeps): Promise<RunningKubelet> {
  const machine = await deps.system.machine();
  await deps.system.files.makeDirectory(config.rootDir, 0o750);
  await deps.system.files.makeDirectory(config.podLogsDir, 0o755);
  const filesystem = await deps.system.filesystem(config.rootDir);
  const hostIp = config.nodeIp === '' ? await deps.system.network.primaryAddress() ?? '' : config.nodeIp;
  const kubelet = new Kubelet(config, host, deps, machine, filesystem, hostIp);
  const ready = kubelet.start();
  const failed = new Promise<never>((_resolve, reject) => { ready.catch(reject); });
  failed.catch((error: unknown) => host.log.error('kubelet did not start', { error: messageOf(error) }));
  return { view: kubelet.view(), ready, failed, stop: () => kubelet.stop() };
}
