import { randomBelow, type Host } from '@coxswain/host';
import type { SeededRandom, Simulation } from '@coxswain/host/sim';
import type { Loss } from './lossy-peers.ts';
import type { FaultName } from './plan.ts';
import type { SupervisedCluster, SupervisedMember } from './supervised-cluster.ts';

export interface Isolation { readonly member: string; readonly from: number; to: number }

type Fault = (victim: SupervisedMember) => Promise<void> | void;

/** Makes everything go wrong that the plan says, several things at a time. It never damages more than one member's data. */
export class Nemesis {
  readonly #cluster: SupervisedCluster;
  readonly #sim: Simulation;
  readonly #host: Host;
  readonly #random: SeededRandom;
  readonly #loss: Loss;
  readonly #operate: (name: 'move-leader' | 'defragment' | 'replace', member: SupervisedMember) => Promise<void>;
  /** When which members could reach no majority. */
  readonly isolations: Isolation[] = [];
  readonly done = new Map<FaultName, number>();
  #partitions = 0;
  #stopped = false;

  constructor(cluster: SupervisedCluster, host: Host, loss: Loss, operate: (name: 'move-leader' | 'defragment' | 'replace', member: SupervisedMember) => Promise<void>) {
    this.#cluster = cluster;
    this.#sim = cluster.sim;
    this.#host = host;
    this.#random = cluster.sim.random;
    this.#loss = loss;
    this.#operate = operate;
  }

  async run(untilMs: number): Promise<void> {
    await Promise.all([...this.#cluster.plan.faults].map(([name, perMinute]) => this.#repeat(name, 60_000 / perMinute, untilMs)));
    this.#stopped = true;
    this.heal();
    for (const member of this.#cluster.members) this.#relieve(member);
  }

  async #repeat(name: FaultName, everyMs: number, untilMs: number): Promise<void> {
    for (;;) {
      const waitMs = everyMs * 2 * this.#random.float();
      await this.#host.timers.sleep(Math.min(waitMs, untilMs - this.#host.clock.monotonicMs()));
      if (this.#host.clock.monotonicMs() >= untilMs) return;
      const victim = this.#victim();
      if (victim === undefined) continue;
      this.done.set(name, (this.done.get(name) ?? 0) + 1);
      this.#sim.trace.add('nemesis', name, victim.name);
      await this.#faults[name](victim);
    }
  }

  /** The leader is the most interesting one. */
  #victim(): SupervisedMember | undefined {
    const able = this.#cluster.members.filter((member) => !member.lost);
    const leader = this.#cluster.leader();
    return this.#random.float() < 0.4 && leader !== undefined ? leader : able[randomBelow(this.#random, able.length)];
  }

  #pause(maxMs: number): Promise<void> {
    return this.#host.timers.sleep(this.#random.float() * maxMs);
  }

  get #others(): readonly string[] {
    return this.#cluster.members.map((member) => member.name);
  }

  #relieve(member: SupervisedMember): void {
    const { disk } = this.#sim.machine(member.name);
    disk.fault = undefined;
    disk.stalledUntilMs = 0;
    this.#sim.machine(member.name).clockRate = 1;
    member.trouble.slowDatasyncMs = 0;
    member.trouble.failDatasyncs = 0;
    member.trouble.misdirect = false;
    delete member.trouble.crashIn;
    if (member.process !== undefined) this.#sim.resume(member.process);
  }

  /** The whole network is well again. */
  heal(): void {
    this.#sim.heal();
    for (const isolation of this.isolations) if (isolation.to === Number.POSITIVE_INFINITY) isolation.to = this.#sim.nowMs;
    Object.assign(this.#loss, { lost: 0, twice: 0, late: 0, lateMs: 0 });
  }

  async #partition(victim: SupervisedMember): Promise<void> {
    const names = this.#others.toSorted(() => this.#random.float() - 0.5).filter((name) => name !== victim.name);
    // As many as cannot be a majority, or a majority of which the rest cannot.
    const side = [victim.name, ...names.slice(0, randomBelow(this.#random, names.length))];
    const rest = this.#others.filter((name) => !side.includes(name));
    this.#sim.partition(side, rest);
    for (const member of side.length <= this.#others.length / 2 ? side : rest) this.isolations.push({ member, from: this.#sim.nowMs, to: Number.POSITIVE_INFINITY });
    await this.#whileBroken(6000);
  }

  /** Overlapping troubles of the network end together, when the last of them does. */
  async #whileBroken(maxMs: number): Promise<void> {
    this.#partitions += 1;
    await this.#pause(maxMs);
    this.#partitions -= 1;
    if (this.#partitions === 0 && !this.#stopped) this.heal();
  }

  #other(victim: SupervisedMember): string {
    const others = this.#others.filter((name) => name !== victim.name);
    return others[randomBelow(this.#random, others.length)] ?? victim.name;
  }

  /** One member's data at most: the others can replace it. Not what was written last, which might look like a torn tail. */
  #mayDamage(victim: SupervisedMember): boolean {
    return this.#cluster.members.every((member) => !member.leaving && !member.joining && (member === victim || (!member.damaged && !member.lost)));
  }

  #rot(victim: SupervisedMember): void {
    if (!this.#mayDamage(victim)) return;
    const { disk } = this.#sim.machine(victim.name);
    const files = disk.files().filter(({ path, sizeBytes }) => sizeBytes > 64 && path.startsWith('/var/lib/etcd/'));
    const file = files[randomBelow(this.#random, files.length)];
    if (file === undefined) return;
    const offset = randomBelow(this.#random, file.sizeBytes >> 1);
    victim.damaged = true;
    disk.rot(file.path, offset, randomBelow(this.#random, 8));
    this.#sim.trace.add(victim.name, 'rot', `${file.path} ${offset} of ${file.sizeBytes}`);
    this.#cluster.kill(victim, { powerCut: false, downMs: 500 });
  }

  async #misdirect(victim: SupervisedMember): Promise<void> {
    if (!this.#mayDamage(victim) || victim.process === undefined) return;
    const { life } = victim;
    victim.trouble.misdirect = true;
    // More is written after it: damage at the very end would look like a torn tail.
    await this.#host.timers.sleep(2000);
    if (victim.life === life) this.#cluster.kill(victim, { powerCut: false, downMs: 100 });
  }

  async #diskFault(victim: SupervisedMember, fault: 'no-space' | 'read-only', maxMs: number): Promise<void> {
    const { disk } = this.#sim.machine(victim.name);
    disk.fault = fault;
    victim.excused = true;
    await this.#pause(maxMs);
    disk.fault = undefined;
  }

  readonly #faults: Readonly<Record<FaultName, Fault>> = {
    kill: (victim) => { this.#cluster.kill(victim, { powerCut: false, downMs: this.#random.float() * 4000 }); },
    'power-cut': (victim) => { this.#cluster.kill(victim, { powerCut: true, downMs: this.#random.float() * 4000 }); },
    'power-cut-all': () => { for (const member of this.#cluster.members) this.#cluster.kill(member, { powerCut: true, downMs: this.#random.float() * 1000 }); },
    'crash-at-io': (victim) => {
      victim.trouble.crashIn = { left: 1 + randomBelow(this.#random, 30), when: this.#random.float() < 0.5 ? 'before' : 'after', powerCut: this.#random.float() < 0.7 };
    },
    partition: (victim) => this.#partition(victim),
    'one-way': (victim) => {
      this.#sim.cut(victim.name, this.#other(victim), { oneWay: true });
      return this.#whileBroken(5000);
    },
    'slow-link': (victim) => {
      const minMs = this.#random.float() * 300;
      this.#sim.slow(victim.name, this.#other(victim), { min: minMs, max: minMs + 200 });
      return this.#whileBroken(6000);
    },
    reset: (victim) => { this.#sim.resetConnections(victim.name, this.#other(victim)); },
    'packet-loss': () => {
      this.#sim.lossRate = this.#random.float() * 0.3;
      return this.#whileBroken(6000);
    },
    'raft-loss': () => {
      Object.assign(this.#loss, { lost: this.#random.float() * 0.3, twice: this.#random.float() * 0.5, late: this.#random.float() * 0.3, lateMs: this.#random.float() * 1500 });
      return this.#whileBroken(6000);
    },
    'disk-stall': (victim) => { this.#sim.machine(victim.name).disk.stalledUntilMs = this.#sim.nowMs + this.#random.float() * 8000; },
    'slow-datasync': async (victim) => {
      victim.trouble.slowDatasyncMs = 20 + this.#random.float() * 500;
      await this.#pause(6000);
      victim.trouble.slowDatasyncMs = 0;
    },
    'failed-datasync': (victim) => { victim.trouble.failDatasyncs = 1; },
    'disk-full': (victim) => this.#diskFault(victim, 'no-space', 6000),
    'read-only': (victim) => this.#diskFault(victim, 'read-only', 4000),
    'bit-rot': (victim) => { this.#rot(victim); },
    'misdirected-write': (victim) => this.#misdirect(victim),
    'clock-jump': (victim) => { this.#sim.machine(victim.name).clockOffsetMs = (this.#random.float() - 0.5) * 7_200_000; },
    'clock-drift': (victim) => { this.#sim.machine(victim.name).clockRate = 0.96 + this.#random.float() * 0.08; },
    pause: async (victim) => {
      const { process } = victim;
      if (process === undefined) return;
      this.#sim.pause(process);
      await this.#pause(3 * this.#cluster.plan.electionMs);
      this.#sim.resume(process);
    },
    'move-leader': (victim) => this.#operate('move-leader', victim),
    defragment: (victim) => this.#operate('defragment', victim),
    replace: (victim) => this.#operate('replace', this.#cluster.members.find((member) => member.lost || member.damaged) ?? victim),
    /** Long enough for the others to forget what it lacks: it must be sent the state. */
    lag: async (victim) => {
      for (const name of this.#others) if (name !== victim.name) this.#sim.cut(name, victim.name);
      await this.#whileBroken(8000);
    },
  };
}
