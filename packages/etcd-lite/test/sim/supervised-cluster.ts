import type { DiskDecision, DiskOperation, Simulation, SimulatedProcess } from '@coxswain/host/sim';
import { startEtcdServer, type EtcdConfig, type RunningEtcd } from '@coxswain/etcd-lite';
import type { MemberSample, Violation } from '../checkers/history.ts';
import type { Plan } from './plan.ts';

const dataDir = '/var/lib/etcd';

/** What is wrong with one member's disk. */
export interface DiskTrouble {
  /** Dies just before or after so many more operations. */
  crashIn?: { left: number; readonly when: 'before' | 'after'; readonly powerCut: boolean };
  /** Each datasync takes up to so long. */
  slowDatasyncMs: number;
  failDatasyncs: number;
  misdirect: boolean;
}

/** One member on a machine of its own, started again by its supervisor whenever it has ended. */
export class SupervisedMember {
  readonly name: string;
  readonly trouble: DiskTrouble = { slowDatasyncMs: 0, failDatasyncs: 0, misdirect: false };
  process: SimulatedProcess | undefined;
  running: RunningEtcd | undefined;
  life = 0;
  /** Somebody holds it down until then. */
  downUntilMs = 0;
  /** Its disk had a fault in this life: it may end itself. */
  excused = false;
  /** What was on its disk has been damaged: it may refuse to start for ever. */
  damaged = false;
  lost = false;
  /** It is being taken out of the cluster: it may end itself, and stays down until it has joined anew. */
  leaving = false;
  /** It came later: it asks the others who belongs to the cluster. */
  joined = false;
  /** It has not come up since. Whom it asks may not know of it yet: then it ends, and tries again. */
  joining = false;

  constructor(name: string) {
    this.name = name;
  }
}

function authText(auth: object): string {
  return JSON.stringify(auth, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

/** Ends of members that say what damage they have found. */
const damageFound = /damaged|corrupt|does not match|checksum/i;

/** What a member says that was started before all others had heard of it. */
const notKnownYet = /already been bootstrapped|member count|not a member|no member|could not|cannot/i;

/** It had joined, but heard of nothing yet, and started again while no peer was up: whoever runs it tries again. */
const nobodyThere = /cannot fetch cluster info from peer urls/;

/** Ends of members whose disk takes nothing. */
const diskToBlame = /^DiskError|cannot be written/;

export class SupervisedCluster {
  readonly sim: Simulation;
  readonly plan: Plan;
  readonly members: readonly SupervisedMember[];
  readonly samples: MemberSample[] = [];
  readonly violations: Violation[] = [];
  /** Seen states installed from a leader, starts, and what members ended of, for the report. */
  readonly counts = { starts: 0, damageFound: 0, failures: 0 };

  constructor(sim: Simulation, plan: Plan) {
    this.sim = sim;
    this.plan = plan;
    this.members = Array.from({ length: plan.members }, (_, at) => new SupervisedMember(`m${at + 1}`));
    for (const member of this.members) this.#watchDisk(member);
  }

  #url(name: string, port: number): string {
    return `http://${this.sim.machine(name).address}:${port}`;
  }

  endpoint(member: SupervisedMember): string {
    return this.#url(member.name, 2379);
  }

  get endpoints(): readonly string[] {
    return this.members.map((member) => this.endpoint(member));
  }

  #config({ name, joined }: SupervisedMember): EtcdConfig {
    const { plan } = this;
    return {
      name, dataDir, clientListeners: [{ address: '0.0.0.0', port: 2379 }], peerListeners: [{ address: '0.0.0.0', port: 2380 }],
      advertiseClientUrls: [this.#url(name, 2379)], initialCluster: Object.fromEntries(this.members.map((member) => [member.name, [this.#url(member.name, 2380)]])),
      heartbeatMs: plan.heartbeatMs, electionMs: plan.electionMs, snapshotCount: plan.snapshotCount, snapshotCatchUpEntries: plan.snapshotCatchUpEntries,
      segmentBytes: plan.segmentBytes, checkpointBytes: plan.segmentBytes, valueCacheBytes: plan.segmentBytes / 4, maxStoreSegmentBytes: plan.segmentBytes, defragmentPauseMs: 50, watchProgressNotifyMs: plan.watchProgressNotifyMs, readMode: plan.readMode,
      ...(joined ? { initialClusterState: 'existing' as const } : {}),
    };
  }

  start(member: SupervisedMember): void {
    const process = this.sim.start(member.name, `etcd-${member.name}`);
    member.process = process;
    member.life += 1;
    member.excused = this.#troubled(member);
    this.counts.starts += 1;
    startEtcdServer(this.#config(member), process.host).then((running) => {
      if (!process.alive) return;
      member.running = running;
      member.joining = false;
      running.failed.catch((error: unknown) => { this.#failed(member, process, error); });
    }, (error: unknown) => { this.#failed(member, process, error); });
  }

  #troubled({ name, trouble }: SupervisedMember): boolean {
    return trouble.failDatasyncs > 0 || this.sim.machine(name).disk.fault !== undefined;
  }

  #failed(member: SupervisedMember, process: SimulatedProcess, error: unknown): void {
    if (member.process !== process) return;
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.counts.failures += 1;
    if (member.leaving || (member.joining && notKnownYet.test(message)) || (member.joined && nobodyThere.test(message))) {
      this.kill(member, { powerCut: false, downMs: 300 });
      return;
    }
    const found = member.damaged && damageFound.test(message);
    if (found) {
      member.lost = true;
      this.counts.damageFound += 1;
    } else if (!(member.excused && diskToBlame.test(message))) {
      this.violations.push({ rule: 'a member ended itself', message: `${member.name}#${member.life}: ${message}` });
      member.lost = true;
    }
    // A datasync that failed leaves nothing certain in the system's cache.
    this.kill(member, { powerCut: this.sim.random.float() < 0.5, downMs: 200 + this.sim.random.float() * 1500 });
  }

  kill(member: SupervisedMember, options: { readonly powerCut: boolean; readonly downMs: number }): void {
    if (member.process !== undefined) this.sim.kill(member.process, { powerCut: options.powerCut });
    member.process = undefined;
    member.running = undefined;
    delete member.trouble.crashIn;
    member.downUntilMs = this.sim.nowMs + options.downMs;
    this.sim.loop.schedule(options.downMs + 1, () => { this.#revive(member); });
  }

  #revive(member: SupervisedMember): void {
    if (member.process === undefined && !member.lost && !member.leaving && this.sim.nowMs > member.downUntilMs) this.start(member);
  }

  /** An empty disk in the old one's place, which the cluster has been told of. */
  async rejoin(member: SupervisedMember): Promise<void> {
    this.kill(member, { powerCut: false, downMs: 0 });
    const { disk } = this.sim.start(member.name, `wiper-${member.name}`).host;
    await disk.remove(dataDir, { recursive: true });
    // Or a power cut brings a part of the old data back.
    await disk.syncDirectory('/var/lib');
    Object.assign(member, { joined: true, joining: true, damaged: false, lost: false, leaving: false });
    this.start(member);
  }

  peerUrl(member: SupervisedMember): string {
    return this.#url(member.name, 2380);
  }

  startAll(): void {
    for (const member of this.members) this.start(member);
  }

  leader(): SupervisedMember | undefined {
    return this.members.filter((member) => member.running?.status().role === 'leader').toSorted((a, b) => (b.running?.status().term ?? 0) - (a.running?.status().term ?? 0))[0];
  }

  #watchDisk(member: SupervisedMember): void {
    this.sim.machine(member.name).disk.decide = (operation) => this.#decide(member, operation);
  }

  #decide(member: SupervisedMember, { kind, path }: DiskOperation): DiskDecision | undefined {
    const { trouble } = member;
    if (trouble.crashIn !== undefined) {
      trouble.crashIn.left -= 1;
      const { left, when, powerCut } = trouble.crashIn;
      if (left <= 0) return { [when]: () => { this.kill(member, { powerCut, downMs: this.sim.random.float() * 2000 }); } };
    }
    if (kind === 'datasync' && trouble.failDatasyncs > 0) {
      trouble.failDatasyncs -= 1;
      member.excused = true;
      return { error: 'io' };
    }
    if (kind === 'write' && trouble.misdirect && path.startsWith(dataDir)) {
      trouble.misdirect = false;
      member.damaged = true;
      this.sim.trace.add(member.name, 'misdirected', path);
      return { misdirectBytes: 512 * (1 + Math.floor(this.sim.random.float() * 8)) };
    }
    return kind === 'datasync' && trouble.slowDatasyncMs > 0 ? { delayMs: this.sim.random.float() * trouble.slowDatasyncMs } : undefined;
  }

  /** Looks at every member. `withHash` costs a walk through the store. */
  sample(withHash: boolean): void {
    for (const member of this.members) {
      if (member.running === undefined || member.process?.paused === true) continue;
      const { role, term, committed, applied, revision, compactRevision, hash, auth } = member.running.status();
      this.samples.push({ member: member.name, life: member.life, atMs: this.sim.nowMs, role, term, committed, applied, revision, compactRevision, ...(withHash ? { hash: hash(), auth: authText(auth()) } : {}) });
    }
  }

  /** All that still can, hold the same. */
  get settled(): boolean {
    const left = this.members.filter((member) => !member.lost);
    return left.every((member) => member.running !== undefined) && new Set(left.map((member) => member.running?.status().applied)).size === 1;
  }
}

