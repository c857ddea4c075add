import { createApiServer, type ApiServerConfig, type PartsConfig } from '@coxswain/apiserver';
import { createClient, type Client } from '@coxswain/client';
import { defaultConfig as controllerManagerDefaults, startControllerManager } from '@coxswain/controller-manager';
import { startEtcdServer, type RunningEtcd } from '@coxswain/etcd-lite';
import { createEtcdClient } from '@coxswain/etcd-lite/client';
import type { ClientTls, Host } from '@coxswain/host';
import { Simulation, type SimulatedProcess } from '@coxswain/host/sim';
import { startKubelet } from '@coxswain/kubelet';
import { hollowKubeletConfig, HollowRuntime, hollowSystem, startFleet, type Behaviour, type ContainerConfig, type FleetConfig } from '@coxswain/kubelet/hollow';
import { defaultSchedulerConfig, startScheduler, type SchedulerConfig } from '@coxswain/scheduler';

export interface ControlPlaneOptions {
  readonly seed: number;
  readonly apiservers: number;
  readonly nodes: number;
  /** Beside them, nodes that are one process without runtimes. */
  readonly fleet?: FleetConfig;
  /** PEM of an RSA or EC key; which one makes no difference to the trace. */
  readonly serviceAccountKeyPem: string;
  readonly onTrace?: (line: string) => void;
  /** How often the store forgets older history; default as the API server's. */
  readonly compactionIntervalMs?: number;
  /** Names that begin with `scheduler`; default one of that name. */
  readonly schedulers?: readonly string[];
  readonly schedulerConfig?: (name: string, identity: string) => SchedulerConfig;
  /** Default true, as API servers are shipped. */
  readonly preferLeader?: boolean;
  /** What a scheduler sends may be looked at, or come to harm, on its way. */
  readonly schedulerClient?: (name: string, client: Client) => Client;
}

const storeNames = ['store-1', 'store-2', 'store-3'] as const;
const clientPort = 2379;
const peerPort = 2380;
const apiPort = 6443;
const restartDelayMs = 1000;

/** What a component tells of its end. */
interface Running { readonly failed: Promise<never> }

/** In simulation a certificate is its subject. */
function identity(commonName: string, organizations: readonly string[] = []): ClientTls {
  return { certPem: JSON.stringify({ commonName, organizations, fingerprint: '', notAfterMs: Number.MAX_SAFE_INTEGER }) };
}

const missingRegistry = 'missing.example.com/';

type Started = Pick<ContainerConfig, 'command' | 'metadata' | 'labels'>;

const serverTls = { certPem: '', keyPem: '', clientCaPem: 'any', clientCertificate: 'request' } as const;

const noTls = {};

/**
 * The whole control plane in one process on simulated time: three store members, API servers, scheduler, controller manager
 * and kubelets over runtimes that run nothing. Each is what `cox NAME` starts, on a machine of its own.
 */
export class ControlPlane {
  readonly sim: Simulation;
  readonly processes = new Map<string, SimulatedProcess>();
  /** Uids of pods in whose containers every command fails, as of probes. */
  readonly sick = new Set<string>();
  /** Namespaces in which containers with the command `wait` that start from now on end well. */
  readonly released = new Set<string>();
  readonly #options: ControlPlaneOptions;
  readonly #stores = new Map<string, RunningEtcd>();

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.sim = new Simulation({ seed: options.seed, ...(options.onTrace === undefined ? {} : { onTrace: options.onTrace }) });
  }

  /** Names of everything, in the order in which it is started. */
  names(): readonly string[] {
    return [...storeNames, ...this.#apiserverNames(), 'controller-manager', ...this.#options.schedulers ?? ['scheduler'], ...this.#nodeNames(), ...(this.#options.fleet === undefined ? [] : ['fleet'])];
  }

  startAll(): void {
    for (const name of this.names()) this.sim.machine(name);
    for (const name of this.names()) this.start(name);
  }

  /** Starts a component, or starts it again after a kill, on the same machine and disk. */
  start(name: string): void {
    const process = this.sim.start(name, name);
    this.processes.set(name, process);
    this.#run(name, process.host).then((running) => running?.failed).catch((error: unknown) => {
      process.host.log.error('ended', { error: String(error) });
      this.#startAgain(name, process);
    });
  }

  /** As the supervisor does with a process that has ended, for instance because it no longer leads. */
  #startAgain(name: string, process: SimulatedProcess): void {
    this.sim.kill(process);
    this.sim.loop.schedule(restartDelayMs, () => { if (this.processes.get(name) === process) this.start(name); });
  }

  kill(name: string, options: { readonly powerCut?: boolean } = {}): void {
    const process = this.processes.get(name);
    if (process !== undefined) this.sim.kill(process, options);
  }

  /** SIGSTOP: its connections stand, and nothing that comes over them is answered. */
  pause(name: string): void {
    const process = this.processes.get(name);
    if (process !== undefined) this.sim.pause(process);
  }

  /** SIGCONT. */
  resume(name: string): void {
    const process = this.processes.get(name);
    if (process !== undefined) this.sim.resume(process);
  }

  /** The member of the store that leads, among those that run. */
  storeLeader(): string | undefined {
    const leaders = storeNames.flatMap((name) => {
      const process = this.processes.get(name);
      const status = process?.alive === true && !process.paused ? this.#stores.get(name)?.status() : undefined;
      return status?.role === 'leader' ? [{ name, term: status.term }] : [];
    });
    return leaders.toSorted((a, b) => b.term - a.term)[0]?.name;
  }

  /** A client on a machine of its own. */
  client(name: string, tls: ClientTls = identity('admin', ['system:masters'])): Client {
    return this.#client(this.sim.start(name, name).host, tls, name);
  }

  /** Until `probe` answers true on virtual time; a refused or broken request is an answer of no. */
  async until(what: string, forMs: number, probe: () => Promise<boolean>): Promise<void> {
    const { sim } = this;
    const deadlineMs = sim.nowMs + forMs;
    while (sim.nowMs < deadlineMs) {
      let answer: boolean | undefined;
      void probe().catch(() => false).then((value) => { answer = value; });
      await sim.run(20_000, () => answer !== undefined);
      if (answer === true) return;
      await sim.run(250);
    }
    throw new Error(`${what}: not within ${forMs} ms of virtual time\n${sim.trace.tail(80).join('\n')}`);
  }

  #apiserverNames(): readonly string[] {
    return Array.from({ length: this.#options.apiservers }, (_, at) => `apiserver-${at + 1}`);
  }

  #nodeNames(): readonly string[] {
    return Array.from({ length: this.#options.nodes }, (_, at) => `node-${at + 1}`);
  }

  #client(host: Host, tls: ClientTls, userAgent: string): Client {
    const [server, ...servers] = this.#apiserverNames().map((name) => `https://${name}:${apiPort}`);
    return createClient(host, { server: server as string, servers, tls, userAgent });
  }

  async #run(name: string, host: Host): Promise<Running | undefined> {
    if (name.startsWith('store-')) return this.#startStore(name, host);
    if (name.startsWith('scheduler')) return this.#startScheduler(name, host);
    if (name === 'controller-manager') return this.#startControllerManager(name, host);
    if (name === 'fleet') return this.#startFleet(name, host);
    if (name.startsWith('node-')) return this.#startNode(name, host);
    await this.#startApiServer(name, host);
    return undefined;
  }

  #startScheduler(name: string, host: Host): Running {
    const { schedulerConfig = (_name, identity) => defaultSchedulerConfig(identity), schedulerClient = (_name, client) => client } = this.#options;
    const client = this.#client(host, identity('system:kube-scheduler'), name);
    return startScheduler(schedulerConfig(name, `${name}_${host.random.uuid()}`), host, schedulerClient(name, client));
  }

  async #startStore(name: string, host: Host): Promise<Running> {
    const address = this.sim.machine(name).address;
    const running = await startEtcdServer({
      name, dataDir: '/var/lib/etcd',
      clientListeners: [{ address: '0.0.0.0', port: clientPort }], peerListeners: [{ address: '0.0.0.0', port: peerPort }],
      advertiseClientUrls: [`http://${address}:${clientPort}`],
      initialCluster: Object.fromEntries(storeNames.map((store) => [store, [`http://${store}:${peerPort}`]])),
    }, host);
    this.#stores.set(name, running);
    return running;
  }

  async #startApiServer(name: string, host: Host): Promise<void> {
    const store = createEtcdClient(host, { endpoints: storeNames.map((one) => `http://${one}:${clientPort}`), preferLeader: this.#options.preferLeader ?? true });
    const { compactionIntervalMs } = this.#options;
    const config: ApiServerConfig = { store, parts: this.#parts(name, host), ...(compactionIntervalMs === undefined ? {} : { compactionIntervalMs }) };
    const server = await createApiServer(config, host);
    await host.network.serveHttp({ address: '0.0.0.0', port: apiPort, tls: serverTls }, server.handle);
    await server.start();
  }

  #parts(name: string, host: Host): PartsConfig {
    return {
      hostname: name, serverId: host.random.uuid(), authorizationModes: ['Node', 'RBAC'], alwaysAllowPaths: ['/healthz', '/readyz', '/livez'], anonymousAuth: false,
      enableBootstrapTokenAuth: true, serviceAccountIssuers: ['https://kubernetes.default.svc'], serviceAccountSigningKeyPem: this.#options.serviceAccountKeyPem,
      serviceAccountKeyPems: [], serviceAccountMaxExpirationSeconds: 0, apiAudiences: [], enableAdmissionPlugins: ['NodeRestriction'], disableAdmissionPlugins: [],
      defaultNotReadyTolerationSeconds: 300, defaultUnreachableTolerationSeconds: 300, serviceClusterIpRanges: ['10.96.0.0/16'], serviceNodePortRange: '30000-32767',
      advertiseAddress: this.sim.machine(name).address, securePort: apiPort, kubeletTls: () => noTls, kubeletPreferredAddressTypes: ['InternalIP'],
      authenticationInfo: { clientCaPem: undefined, requestHeaderAllowedNames: [], requestHeaderUsernameHeaders: [], requestHeaderGroupHeaders: [], requestHeaderExtraHeaders: [] },
    };
  }

  #startControllerManager(name: string, host: Host): Promise<Running> {
    const config = { ...controllerManagerDefaults, allocateNodeCidrs: true, clusterCidrs: ['10.244.0.0/16'], rootCaPem: 'simulated', leaderElection: { ...controllerManagerDefaults.leaderElection, identity: name } };
    // As with --use-service-account-credentials: each controller is its own service account.
    const account = (one: string): Client => this.#client(host, identity(`system:serviceaccount:kube-system:${one}`, ['system:serviceaccounts', 'system:serviceaccounts:kube-system']), `${name}/${one}`);
    return startControllerManager(config, host, { own: this.#client(host, identity('system:kube-controller-manager'), name), forAccount: account });
  }

  /** Containers run for ever, but for those with the command `end MILLISECONDS CODE`, `fail-once`, or `wait` until their namespace is released. */
  #behaviour({ command, metadata, labels }: Started): Behaviour {
    switch (command[0]) {
      case 'end': return { kind: 'ends', afterMs: Number(command[1]), exitCode: Number(command[2]) };
      case 'fail-once': return { kind: 'ends', afterMs: 1000, exitCode: metadata.attempt === 0 ? 1 : 0 };
      case 'wait': return this.released.has(labels['io.kubernetes.pod.namespace'] ?? '') ? { kind: 'ends', afterMs: 1000, exitCode: 0 } : { kind: 'forever' };
      default: return { kind: 'forever' };
    }
  }

  async #startFleet(name: string, host: Host): Promise<undefined> {
    const { fleet } = this.#options;
    if (fleet !== undefined) await startFleet(fleet, host, this.#client(host, identity('fleet', ['system:masters']), name)).ready;
  }

  #startNode(name: string, host: Host): Promise<Running> | Running {
    const index = Number(name.slice('node-'.length));
    const address = this.sim.machine(name).address;
    const runtime = new HollowRuntime({ clock: host.clock, timers: host.timers, podAddress: (count) => `10.244.${index}.${(count % 250) + 2}`, behaviour: (config) => this.#behaviour(config), command: ({ labels }) => (this.sick.has(labels['io.kubernetes.pod.uid'] ?? '') ? 1 : 0), hasImage: (image) => !image.startsWith(missingRegistry) });
    return startKubelet(hollowKubeletConfig(name, address), host, { runtime, system: hollowSystem({ nodeName: name, address, disk: host.disk }), client: this.#client(host, identity(`system:node:${name}`, ['system:nodes']), name) });
  }
}
