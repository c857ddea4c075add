import type { Host, HttpHandler, Listener, ServeOptions, ServerTls } from '@coxswain/host';
import { noMetrics } from '@coxswain/service';
import type { AuthSnapshot } from '../auth/messages.ts';
import { etcdError } from '../client/errors.ts';
import { AutoCompactor } from './auto-compactor.ts';
import { guardCertificates } from './certificate-policy.ts';
import { listenForClients } from './client-listeners.ts';
import { defaults, type EtcdConfig, type TlsIdentity } from './config.ts';
import { AuthService } from './auth-service.ts';
import { ConcurrencyService } from './concurrency-service.ts';
import { CorruptionMonitor, isFenced } from './corruption-monitor.ts';
import { fenceOff } from './fence.ts';
import { ClusterService, forLearner } from './cluster-service.ts';
import { Guard } from './guard.ts';
import type { GrpcOptions } from './grpc-handler.ts';
import { responseHeader } from './header.ts';
import { CallMetrics } from './call-metrics.ts';
import { HealthChecks } from './health-checks.ts';
import { HealthService } from './health-service.ts';
import { makeGateway } from '../gateway/gateway.ts';
import { sideHandler } from './http.ts';
import { KvService } from './kv-service.ts';
import { LeaseService } from './lease-service.ts';
import { MaintenanceService } from './maintenance-service.ts';
import { Member } from './member.ts';
import { ScrapedMetrics } from './metrics-table.ts';
import type { Method } from './methods.ts';
import { peerHandler, type PeerHandlerHooks } from './peer-handler.ts';
import { peerHttp2 } from './peer-stream.ts';
import { SpaceKeeper } from './space-keeper.ts';
import { VersionMonitor } from './version-monitor.ts';
import { WatchFrames } from './watch-frames.ts';
import { WatchStream } from './watch-stream.ts';

export interface RunningEtcd {
  /** Rejects if this member cannot go on: its disk failed or an invariant broke. */
  readonly failed: Promise<never>;
  readonly memberId: bigint;
  /** Bound ports, in the order of the configuration. */
  readonly clientPorts: readonly number[];
  readonly peerPorts: readonly number[];
  /** What an observer in the same process may look at (the simulator's checkers). */
  status(): { readonly role: string; readonly term: number; readonly leader: bigint; readonly committed: number; readonly applied: number; readonly revision: number; readonly compactRevision: number; readonly hash: () => number; readonly auth: () => AuthSnapshot };
  /** For connections to come; those that are there go on. */
  updateTls(identity: TlsIdentity): void;
  stop(): Promise<void>;
}

/** Watch streams whose client wants a leader are ended when there has been none for this many election timeouts. */
const leaderlessElections = 3;
const stopGraceMs = 1000;

/** Starts one member. Resolves when it listens; a leader may still have to be found. */
export async function startEtcdServer(config: EtcdConfig, host: Host): Promise<RunningEtcd> {
  const member = await Member.open(config, host);
  const ended = new AbortController();
  const watchStreams = new Set<WatchStream>();
  const guard = new Guard(member);
  const kv = new KvService(member, guard);
  const maintenance = new MaintenanceService(member);
  const health = new HealthService();
  const leases = new LeaseService(member, kv, guard);
  const methods: Readonly<Record<string, Method>> = {
    ...kv.methods(), ...leases.methods(), ...new ConcurrencyService({ member, guard, kv, leases, stopped: ended.signal }).methods(), ...new AuthService(member, guard).methods(), ...maintenance.methods(), ...new ClusterService(member).methods(), ...health.methods(),
    '/etcdserverpb.Watch/Watch': watchMethod(member, guard, watchStreams),
  };
  const calls = new CallMetrics(host.clock, config.metrics ?? noMetrics, config.extensiveMetrics === true);
  const grpc: GrpcOptions = {
    methods: calls.counted(forLearner(member, fenceOff(guard.guarded(methods), () => isFenced(member)))), log: host.log, maxMessageBytes: (config.maxRequestBytes ?? defaults.maxRequestBytes) + 512 * 1024,
    hasLeader: () => member.raft.leader !== 0n, onLeaderLost: (end) => watchLeader(member, () => { end(etcdError('noLeader')); }),
  };
  const corruption = new CorruptionMonitor(member);
  const space = new SpaceKeeper(member);
  member.onFenced = () => { for (const stream of watchStreams) stream.end(etcdError('corrupt')); };
  const isLearner = (): boolean => member.cluster.isLearner;
  const metrics = config.metrics ?? noMetrics;
  const side = sideHandler(member, new HealthChecks(member, isLearner, metrics), new ScrapedMetrics(metrics, { member, calls, watchStreams: () => watchStreams.size, isLearner }));
  const web = { side, gateway: config.enableGrpcGateway === false ? undefined : makeGateway(grpc), cors: config.cors ?? [], hostWhitelist: config.hostWhitelist ?? [] };
  const peerHooks: PeerHandlerHooks = {
    cluster: member.cluster, log: host.log, message: (message) => { member.receive(message); }, heard: (from) => { member.peers.heard(from); }, lost: (from) => { member.lost(from); },
    saveSnapshot: (snapshot, from, chunks) => member.saveSnapshot(snapshot, from, chunks), lease: (body) => member.leases.answerPeer(body), hashKv: (body) => corruption.answerPeer(body), space: () => space.answerPeer(),
    learn: (from, urls) => { member.peers.learn(from, urls); }, change: (body) => member.reconfigurer.answerPeer(body),
  };
  const policies: Pick<TlsIdentity, 'clientPolicy' | 'peerPolicy'> = { ...config };
  const peerListeners = await listenAll(host, config.peerListeners.map((options) => ({ ...options, http2: peerHttp2(peerHooks, host, () => policies.peerPolicy) })), () => guardCertificates(peerHandler(peerHooks), () => policies.peerPolicy));
  if (config.initialCorruptCheck === true) await corruption.checkAtStart();
  const clientListeners = await listenForClients(host, config, grpc, web, () => policies.clientPolicy);
  const metricsListeners = await listenAll(host, config.metricsListeners ?? [], ({ tls }) => (tls === undefined ? side : guardCertificates(side, () => policies.clientPolicy)));
  const versions = new VersionMonitor(member);
  member.start();
  void publish(member, ended.signal);
  corruption.start();
  space.start();
  const compactor = config.autoCompaction === undefined ? undefined : new AutoCompactor(member, kv, config.autoCompaction);
  host.log.info('etcd-lite serves', { name: config.name, memberId: member.cluster.self.id.toString(16), clusterId: member.cluster.clusterId.toString(16), revision: member.applier.machine.store.revision });
  return {
    failed: member.failed, memberId: member.cluster.self.id, clientPorts: clientListeners.map(({ port }) => port), peerPorts: peerListeners.map(({ port }) => port),
    status: () => {
      const { role, term, leader, log } = member.raft;
      const { store } = member.applier.machine;
      return { role, term, leader, committed: log.committed, applied: member.applier.index, revision: store.revision, compactRevision: store.compactRevision, hash: () => maintenance.hash(), auth: () => member.applier.machine.auth.snapshot() };
    },
    updateTls: (identity) => {
      Object.assign(policies, { clientPolicy: identity.clientPolicy, peerPolicy: identity.peerPolicy });
      member.identity.peerTls = identity.peerClient;
      replaceTls([...clientListeners, ...metricsListeners], identity.client);
      replaceTls(peerListeners, identity.peer);
    },
    stop: async () => {
      compactor?.stop();
      space.stop();
      corruption.stop();
      versions.stop();
      health.stop();
      await member.stop();
      ended.abort(etcdError('stopped'));
      for (const stream of watchStreams) stream.end(etcdError('stopped'));
      // Peers' message streams never end by themselves.
      await Promise.all([...clientListeners.map((listener) => listener.close(stopGraceMs)), ...[...metricsListeners, ...peerListeners].map((listener) => listener.close(0))]);
    },
  };
}

function watchMethod(member: Member, guard: Guard, streams: Set<WatchStream>): Method {
  const frames = new WatchFrames();
  return {
    kind: 'stream',
    async *handle(context) {
      const stream = new WatchStream({
        frames,
        host: member.host, hub: member.applier.hub, progressNotifyMs: member.config.watchProgressNotifyMs ?? defaults.watchProgressNotifyMs,
        maxFragmentBytes: member.config.maxRequestBytes ?? defaults.maxRequestBytes, header: (revision) => responseHeader(member, revision),
        permit: async (key, rangeEnd) => { if (guard.enabled) await guard.allow(context, ({ auth }, who) => { auth.check(who, 'read', key, rangeEnd); }); },
        load: (absent) => member.applier.load(absent),
      });
      streams.add(stream);
      try {
        yield* stream.run(context);
      } finally {
        streams.delete(stream);
      }
    },
  };
}

function replaceTls(listeners: readonly Listener[], tls: ServerTls | undefined): void {
  if (tls !== undefined) for (const listener of listeners) listener.updateTls(tls);
}

async function listenAll(host: Host, listeners: readonly ServeOptions[], handler: (options: ServeOptions) => HttpHandler): Promise<Listener[]> {
  const out: Listener[] = [];
  for (const options of listeners) out.push(await host.network.serveHttp(options, handler(options)));
  return out;
}

/** Calls `lost` when there has been no leader for a while. Returns how to stop looking. */
function watchLeader(member: Member, lost: () => void): () => void {
  let timer: { cancel(): void } | undefined;
  const look = (hasLeader: boolean): void => {
    timer?.cancel();
    timer = hasLeader ? undefined : member.host.timers.after(leaderlessElections * member.electionMs, lost);
  };
  const forget = member.onLeaderChange(look);
  return () => {
    forget();
    timer?.cancel();
  };
}

/** Tells the others this member's client URLs, once a leader takes it. */
async function publish(member: Member, ended: AbortSignal): Promise<void> {
  const { self } = member.cluster;
  const clientURLs = [...member.config.advertiseClientUrls];
  while (!ended.aborted) {
    const known = member.applier.machine.members.get(self.id);
    if (known !== undefined && known.clientURLs.join() === clientURLs.join()) return;
    try {
      await member.propose({ publish: { ID: self.id, name: self.name, peerURLs: self.peerUrls, clientURLs, isLearner: false } });
    } catch (error) {
      member.host.log.debug('this member could not be published yet', { error: (error as Error).message });
      await member.host.timers.sleep(member.electionMs, ended);
    }
  }
}
