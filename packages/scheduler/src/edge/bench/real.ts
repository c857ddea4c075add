import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectAll, range, runLoad, startOwn, type Call, type Connection, type Endpoint, type Target as ServerTarget } from '@coxswain/apiserver/bench';
import { loadKubeconfig } from '@coxswain/client/edge';
import { keyOfObject, type KubeObject } from '@coxswain/client';
import { cpuSecondsOf, freePorts, memoryOf } from '@coxswain/etcd-lite/bench';
import type { Namespace, Node, Pod, Service } from 'kubernetes-types/core/v1';
import type { CSINode } from 'kubernetes-types/storage/v1';
import { parseAllDocuments } from 'yaml';
import type { PodGroup } from '../../gangs/pod-group.ts';
import { nodeArguments } from '../node-arguments.ts';
import { together } from './beside.ts';
import { Binds } from './binds.ts';
import { describeLimits } from './client-limits.ts';
import type { DeviceObjects } from './devices.ts';
import { gangConfigFile } from './gang-config.ts';
import { Made, type Making } from './made.ts';
import { isRefused } from './memory-client.ts';
import { Program } from './program.ts';
import { readWhole, writesIn, type RequestCounts } from './requests.ts';
import { readCounts, type SchedulerCounts } from './scheduler-counts.ts';
import { priorities } from './templates.ts';
import type { Needs, Target, WatchedProcess } from './target.ts';
import type { BoundVolume } from './volumes.ts';
import { PodsWatch } from './watch.ts';

export interface RealOptions {
  readonly directory: string;
  /** '': our API server on a store of its own, both started for this. */
  readonly kubeconfig: string;
  /** Run by a shell, with KUBECONFIG set; '': ours. */
  readonly schedulerCommand: string;
  readonly schedulerName: string;
  /** URL of a foreign scheduler's metrics, asked for with the kubeconfig's token; '': it tells nothing of itself. */
  readonly schedulerMetrics: string;
  readonly members: 1 | 3;
  /** Of devices a foreign cluster must have the API and the controller, and a foreign scheduler the feature. */
  readonly needs: Needs;
  /** Pods that are tried in vain are told of: the watch is of all pods, and not only of bound ones. */
  readonly attempts: boolean;
  /** For Node of our scheduler and API server, such as `--cpu-prof`. */
  readonly nodeArguments: readonly string[];
}

const cox = fileURLToPath(new URL('../../../../cli/src/edge/main.ts', import.meta.url));
const groupsManifest = fileURLToPath(new URL('../../../manifests/pod-groups.yaml', import.meta.url));
const deviceFeature = '--feature-gates=DynamicResourceAllocation=true';
const deviceServer = ['--runtime-config=resource.k8s.io/v1beta1=true', deviceFeature];
const devicePath = '/apis/resource.k8s.io/v1beta1';
const groupsPath = '/apis/scheduling.x-k8s.io/v1alpha1';
const ended = 'the run was ended';
const connections = 4;
const inFlight = 64;
/** That the answers of what is being made are waited for at the end. */
const lastAnswersMs = 10_000;

type CollectionPath = string | ((at: number) => string);

interface CreateHow {
  readonly sent?: ((at: number) => void) | undefined;
  /** What goes with the run, as it is made. */
  readonly own?: ((object: KubeObject, collection: string) => { readonly object: KubeObject; readonly making: Making }) | undefined;
  /** It may be there from before, and stays. */
  readonly shared?: boolean;
}

function kubeconfigText({ server, token }: Endpoint): string {
  const cluster = { server, 'insecure-skip-tls-verify': true };
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'bench', contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    clusters: [{ name: 'bench', cluster }], users: [{ name: 'bench', user: { token } }],
  });
}

function gangConfigIn(directory: string): string {
  const path = join(directory, 'scheduler-config.json');
  writeFileSync(path, JSON.stringify(gangConfigFile));
  return path;
}

function ourScheduler({ nodeArguments: more, directory, needs }: RealOptions, kubeconfig: string, port: number): readonly string[] {
  const flags = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--bind-address=127.0.0.1', `--secure-port=${port}`, ...(needs.gangs ? [`--config=${gangConfigIn(directory)}`] : []), ...(needs.devices ? [deviceFeature] : [])];
  return [process.execPath, ...nodeArguments, ...more, cox, 'scheduler', ...flags];
}

/** Over the network: an API server, a scheduler as a process, and this process as load client and watcher. */
class RealTarget implements Target {
  readonly resumesAtOnce = false;
  readonly name: string;
  readonly schedulerName: string;
  readonly binds = new Binds();
  readonly broken: Promise<never>;
  readonly #notes: readonly string[];
  readonly #watch: PodsWatch;
  readonly #server: ServerTarget | undefined;
  readonly #endpoint: Endpoint;
  readonly #scheduler: Program;
  /** Makes the claims of pods. */
  readonly #controllers: Program | undefined;
  readonly #fail: (error: Error) => void;
  readonly #break: (error: Error) => void;
  readonly #gangs: boolean;
  readonly #metricsUrl: string;
  /** undefined: it goes with its directory. */
  readonly #made: Made | undefined;
  #connections: readonly Connection[] = [];
  #connecting: Promise<readonly Connection[]> | undefined;
  readonly #creating = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(options: RealOptions, server: ServerTarget | undefined, endpoint: Endpoint, kubeconfig: string, port: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.broken = promise;
    this.#break = reject;
    this.#fail = (error) => { if (this.#closing === undefined) reject(error); };
    this.#server = server;
    this.#endpoint = endpoint;
    this.#gangs = options.needs.gangs;
    this.#made = server === undefined ? new Made() : undefined;
    this.schedulerName = options.schedulerName;
    const own = options.schedulerCommand === '';
    this.name = `${server === undefined ? new URL(endpoint.server).host : 'own API server'}, ${own ? 'cox scheduler' : options.schedulerCommand}`;
    this.#watch = new PodsWatch(endpoint, options.attempts ? 'all' : 'bound', {
      seen: (key, pod) => { this.#seen(key, pod); }, deleted: (key) => { this.binds.deleted(key); }, known: () => this.binds.nodes.keys(),
    });
    this.#notes = [
      `${connections} HTTP/2 connections with ${inFlight} creations in flight, no limit of rate; one watch of bound pods`,
      'of a drained queue the fifth that is bound first is warm-up, which rate and processor time leave out, for every scheduler',
      own ? 'cox scheduler has no limit of rate; a drained queue is met by a scheduler that is started after its pods were made'
        : describeLimits(options.schedulerCommand, (path) => readFileSync(path, 'utf8')),
    ];
    this.#metricsUrl = own ? `http://127.0.0.1:${port}/metrics` : options.schedulerMetrics;
    const command = own ? ourScheduler(options, kubeconfig, port) : ['/bin/sh', '-c', options.schedulerCommand];
    this.#scheduler = new Program('scheduler', command, kubeconfig, join(options.directory, 'scheduler.log'), this.#fail);
    if (server === undefined || !options.needs.devices) return;
    const controllers = [process.execPath, ...nodeArguments, cox, 'controller-manager', `--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0', '--controllers=resourceclaim-controller,garbage-collector-controller', deviceFeature];
    this.#controllers = new Program('controller manager', controllers, kubeconfig, join(options.directory, 'controller-manager.log'), this.#fail);
  }

  #seen(key: string, pod: Pod): void {
    const nodeName = pod.spec?.nodeName ?? '';
    if (nodeName !== '') this.binds.bound(key, nodeName);
    else if (isRefused(pod)) this.binds.attempted(key);
  }

  get notes(): readonly string[] {
    const { reopened } = this.#watch;
    return reopened === 0 ? this.#notes : [...this.#notes, `the server ended the watch of pods ${reopened} times; what was bound meanwhile counts when it was heard of`];
  }

  async start(): Promise<void> {
    await this.#watch.start(this.#fail);
    await this.#createAll('/apis/scheduling.k8s.io/v1/priorityclasses', priorities.map(({ className, value }) => ({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: className }, value })), { shared: true });
    if (this.#gangs) await this.#defineGroups();
    this.#controllers?.start();
    await this.resume();
  }

  async #defineGroups(): Promise<void> {
    const paths: Readonly<Record<string, string>> = { CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles', ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings' };
    for (const document of parseAllDocuments(readFileSync(groupsManifest, 'utf8'))) {
      const object = document.toJS() as { readonly kind: string };
      await this.#createAll(paths[object.kind] as string, [object], { shared: true });
    }
    // It is served a little later.
    while ((await this.#call({ method: 'GET', path: `${groupsPath}/podgroups?limit=1` }, [200, 404])).status !== 200) await setTimeout(50);
  }

  /** A run that was broken off goes on for a while, and must not do anything any more. */
  #goOn(): void {
    if (this.#closing !== undefined) throw new Error(ended);
  }

  /** While pods are waited for the server may close what is idle. */
  async #connected(): Promise<readonly Connection[]> {
    this.#goOn();
    if (this.#connections.length > 0 && this.#connections.every(({ open }) => open)) return this.#connections;
    this.#connecting ??= this.#connect().finally(() => { this.#connecting = undefined; });
    return this.#connecting;
  }

  /** What goes on over one that is being left ends there. */
  async #connect(): Promise<readonly Connection[]> {
    const left = this.#connections.filter(({ open }) => open);
    this.#connections = [...left, ...await connectAll(this.#endpoint, connections - left.length)];
    if (this.#closing !== undefined) this.#disconnect();
    this.#goOn();
    return this.#connections;
  }

  async #call(call: Call, accepted: readonly number[] = [200]): Promise<{ readonly start: string; readonly status: number }> {
    const answer = await ((await this.#connected())[0] as Connection).call(call);
    if (!accepted.includes(answer.status)) throw new Error(`${call.method} ${call.path}: ${answer.status} ${answer.start}`);
    return answer;
  }

  #createAll(path: CollectionPath, objects: readonly object[], how: CreateHow = {}): Promise<void> {
    const creating = this.#create(path, objects, how);
    this.#creating.add(creating);
    return creating.finally(() => { this.#creating.delete(creating); });
  }

  async #create(path: CollectionPath, objects: readonly object[], { sent, own, shared = false }: CreateHow): Promise<void> {
    const next = range(0, objects.length, (at) => {
      const collection = typeof path === 'string' ? path : path(at);
      const made = own?.(objects[at] as KubeObject, collection);
      if (made !== undefined) this.#made?.sent(made.making);
      sent?.(at);
      return { method: 'POST', path: collection, body: Buffer.from(JSON.stringify(made?.object ?? objects[at])), making: made?.making };
    });
    const result = await runLoad(await this.#connected(), {
      inFlight, accepted: shared ? [201, 409] : [201],
      next: () => (this.#closing === undefined ? next() : undefined),
      answered: ({ making }, status) => { if (making !== undefined) this.#made?.answered(making, status); },
    });
    if (result.failed > 0) throw new Error(`${result.failed} requests failed, such as ${result.firstFailure}`);
    this.#goOn();
  }

  /** They go with the run. */
  #createOwn(path: CollectionPath, objects: readonly KubeObject[], { held = false, sent }: { readonly held?: boolean; readonly sent?: (at: number) => void } = {}): Promise<void> {
    const made = this.#made;
    return this.#createAll(path, objects, { sent, own: made === undefined ? undefined : (object, collection) => ({ object: made.marked(object), making: { path: `${collection}/${object.metadata?.name}`, held: held || (object.metadata?.finalizers ?? []).length > 0 } }) });
  }

  async createNamespaces(namespaces: readonly Namespace[]): Promise<void> {
    await this.#createAll('/api/v1/namespaces', namespaces, { shared: true });
    // In a cluster with the ServiceAccount plugin pods need it, and its controller takes its time.
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await this.#createAll((at) => `/api/v1/namespaces/${namespaces[at]?.metadata?.name}/serviceaccounts`, namespaces.map(() => account), { shared: true });
  }

  /** Admission taints new nodes until a controller has seen them ready; of our own server that plugin is off, as in scheduler_perf. */
  async createNodes(nodes: readonly Node[]): Promise<void> {
    await this.#createOwn('/api/v1/nodes', nodes);
    if (this.#server !== undefined) return;
    await together(nodes, inFlight, ({ metadata, spec }) => this.patchNode(metadata?.name ?? '', { spec: { taints: spec?.taints ?? null } }));
  }

  createPods(pods: readonly Pod[]): Promise<void> {
    return this.#createOwn((at) => `/api/v1/namespaces/${pods[at]?.metadata?.namespace}/pods`, pods, { sent: (at) => { this.binds.created(keyOfObject(pods[at] as Pod)); } });
  }

  /** The volumes name their claims without a uid, as volumes do that somebody has bound by hand. */
  async createVolumes(volumes: readonly BoundVolume[]): Promise<void> {
    await this.#createOwn('/api/v1/persistentvolumes', volumes.map(({ volume }) => volume), { held: true });
    await this.#createOwn((at) => `/api/v1/namespaces/${volumes[at]?.claim.metadata?.namespace}/persistentvolumeclaims`, volumes.map(({ claim }) => claim), { held: true });
  }

  createCsiNodes(nodes: readonly CSINode[]): Promise<void> {
    return this.#createOwn('/apis/storage.k8s.io/v1/csinodes', nodes);
  }

  async createDevices({ classes, slices, templates, claims }: DeviceObjects): Promise<void> {
    await this.#createOwn(`${devicePath}/deviceclasses`, classes);
    await this.#createOwn(`${devicePath}/resourceslices`, slices);
    const inNamespace = (resource: string, objects: readonly KubeObject[]) => (at: number): string => `${devicePath}/namespaces/${objects[at]?.metadata?.namespace}/${resource}`;
    await this.#createOwn(inNamespace('resourceclaimtemplates', templates), templates);
    await this.#createOwn(inNamespace('resourceclaims', claims), claims, { held: true });
    await together(claims, inFlight, ({ metadata, status }) => this.#patch(`${devicePath}/namespaces/${metadata?.namespace}/resourceclaims/${metadata?.name}/status`, { status }));
  }

  createPodGroups(groups: readonly PodGroup[]): Promise<void> {
    return this.#createOwn((at) => `${groupsPath}/namespaces/${groups[at]?.metadata?.namespace}/podgroups`, groups);
  }

  createService(service: Service): Promise<void> {
    return this.#createOwn(`/api/v1/namespaces/${service.metadata?.namespace}/services`, [service]);
  }

  async #patch(path: string, patch: object): Promise<void> {
    await this.#call({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: Buffer.from(JSON.stringify(patch)) });
  }

  patchPod(namespace: string, name: string, patch: object): Promise<void> {
    return this.#patch(`/api/v1/namespaces/${namespace}/pods/${name}`, patch);
  }

  patchNode(name: string, patch: object, subresource?: 'status'): Promise<void> {
    return this.#patch(`/api/v1/nodes/${name}${subresource === undefined ? '' : `/${subresource}`}`, patch);
  }

  async #delete(path: string): Promise<void> {
    await this.#call({ method: 'DELETE', path }, [200, 202, 404]);
  }

  deleteNode(name: string): Promise<void> {
    return this.#delete(`/api/v1/nodes/${name}`);
  }

  deletePod(namespace: string, name: string): Promise<void> {
    return this.#delete(`/api/v1/namespaces/${namespace}/pods/${name}`);
  }

  deleteService(namespace: string, name: string): Promise<void> {
    return this.#delete(`/api/v1/namespaces/${namespace}/services/${name}`);
  }

  pause(): Promise<void> {
    return this.#scheduler.stop();
  }

  async resume(): Promise<void> {
    this.#goOn();
    this.#scheduler.start();
  }

  processes(): readonly WatchedProcess[] {
    const others = (this.#server?.processes() ?? []).map(({ name, pid }) => ({ name, pid }));
    const of = (name: string, pid: number | undefined) => (pid === undefined ? [] : [{ name, pid }]);
    const watched = [...of('scheduler', this.#scheduler.pid), ...of('controllers', this.#controllers?.pid), ...others].map(({ name, pid }) => ({ name, cpuSeconds: () => cpuSecondsOf(pid), residentMb: () => memoryOf(pid).residentMb }));
    const own = (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
    return [...watched, { name: 'client', cpuSeconds: own, residentMb: () => process.memoryUsage.rss() / 1024 ** 2 }];
  }

  decisionTimes(): undefined {
    return undefined;
  }

  async schedulerCounts(): Promise<SchedulerCounts | undefined> {
    return this.#metricsUrl === '' || this.#scheduler.pid === undefined ? undefined : readCounts(this.#metricsUrl, this.#endpoint.token);
  }

  async writes(): Promise<RequestCounts | undefined> {
    const { status, body } = await readWhole((await this.#connected())[0] as Connection, { method: 'GET', path: '/metrics', accept: 'text/plain' });
    return status === 200 ? writesIn(body) : undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#break(new Error(ended));
    this.#watch.close();
    try {
      await this.#scheduler.stop();
      await this.#controllers?.stop();
    } finally {
      if (this.#made !== undefined) await this.#takeAway(this.#made);
      this.#disconnect();
      await this.#server?.close();
    }
  }

  /** Over connections that nothing of the run is on. */
  async #takeAway(made: Made): Promise<void> {
    await Promise.race([Promise.allSettled(this.#creating), setTimeout(lastAnswersMs, undefined, { ref: false })]);
    this.#disconnect();
    const own = await connectAll(this.#endpoint, connections);
    try {
      await made.remove(own);
    } finally {
      for (const connection of own) connection.close();
    }
  }

  #disconnect(): void {
    for (const connection of this.#connections) connection.close();
  }
}

async function endpointOf(kubeconfig: string): Promise<Endpoint> {
  const { server, tls, bearerToken } = await loadKubeconfig(kubeconfig);
  return { server, tls, token: typeof bearerToken === 'function' ? await bearerToken() : bearerToken ?? '' };
}

/** Of a foreign cluster what the run made is taken away again but namespaces, priority classes and definitions; ours is gone with its directory. */
export async function startReal(options: RealOptions): Promise<Target> {
  mkdirSync(options.directory, { recursive: true });
  const server = options.kubeconfig === '' ? await startOwn({ directory: options.directory, members: options.members, storeTls: false, nodeArguments: options.nodeArguments, withoutAdmission: ['TaintNodesByCondition'], flags: options.needs.devices ? deviceServer : [] }) : undefined;
  const endpoint = server ?? await endpointOf(options.kubeconfig);
  let kubeconfig = options.kubeconfig;
  if (kubeconfig === '') {
    kubeconfig = join(options.directory, 'kubeconfig');
    writeFileSync(kubeconfig, kubeconfigText(endpoint), { mode: 0o600 });
  }
  const target = new RealTarget(options, server, endpoint, kubeconfig, (await freePorts(1))[0] as number);
  try {
    await target.start();
  } catch (error) {
    await target.close();
    rmSync(options.directory, { recursive: true, force: true });
    throw error;
  }
  return target;
}
