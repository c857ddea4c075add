import { utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { createEtcdAdmin, createEtcdClient, EtcdError } from '@coxswain/etcd-lite/client';
import { leaseEnds } from '../checkers/check-kv.ts';
import { checkMembers } from '../checkers/check-members.ts';
import { checkIsolation } from '../checkers/check-reads.ts';
import type { Operation, Violation, WatchRecord } from '../checkers/history.ts';
import { judge } from '../checkers/judge.ts';
import { makePeersLossy, type Loss } from './lossy-peers.ts';
import { Nemesis } from './nemesis.ts';
import { makePlan, type Plan } from './plan.ts';
import { replaceMember } from './replace-member.ts';
import { RecordingClient } from './recording-client.ts';
import { SupervisedCluster, type SupervisedMember } from './supervised-cluster.ts';
import { allKeys, compactTraffic, kubernetesTraffic, kvTraffic, leaseTraffic, roleTraffic } from './traffic.ts';
import { followAll, watchAtRandom, type WatcherContext } from './watchers.ts';

export interface Report {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  readonly digest: string;
  /** Simulated. */
  readonly ms: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly tail: readonly string[];
}

/** How fast a leader's clock may run, and what else may make a lease end early by the clients' time. */
const driftMax = 0.06;
const leaseMaxMs = 5000;
/** Long enough for stuck connections to be found, elections to be won and what is missing to be fetched (I12). */
const recoveryMs = 90_000;
const followers = 2;

/** One seed from the empty store to the verdict. */
export async function runSeed(seed: number, changes: Partial<Plan> = {}, onTrace?: (line: string) => void): Promise<Report> {
  const plan = makePlan(seed, changes);
  const run = new Run(plan, onTrace);
  try {
    await run.go();
    return run.report();
  } catch (error) {
    run.violations.push({ rule: 'the run itself', message: (error as Error).stack ?? String(error) });
    return run.report();
  } finally {
    run.end();
  }
}

class Run {
  readonly violations: Violation[] = [];
  readonly #plan: Plan;
  readonly #sim: Simulation;
  readonly #cluster: SupervisedCluster;
  readonly #history: Operation[] = [];
  readonly #watches: WatchRecord[] = [];
  readonly #loss: Loss = { lost: 0, twice: 0, late: 0, lateMs: 0 };
  readonly #unlossy: () => void;
  readonly #stopWatches = new AbortController();
  readonly #nemesis: Nemesis;
  #installs = 0;
  #newest = 1;
  #judged = false;

  constructor(plan: Plan, onTrace?: (line: string) => void) {
    this.#plan = plan;
    this.#sim = new Simulation({
      seed: plan.seed, latencyMs: plan.latencyMs, disk: plan.disk, windowBytes: plan.windowBytes,
      onTrace: (line) => {
        if (line.includes('state installed')) this.#installs += 1;
        onTrace?.(line);
      },
    });
    this.#cluster = new SupervisedCluster(this.#sim, plan);
    this.#unlossy = makePeersLossy(this.#sim, this.#loss);
    const operator = this.#host('operator');
    this.#nemesis = new Nemesis(this.#cluster, this.#host('nemesis'), this.#loss, (name, member) => this.#operate(operator, name, member));
  }

  #host(name: string): Host {
    return this.#sim.start(`machine-${name}`, name).host;
  }

  async #operate(host: Host, name: 'move-leader' | 'defragment' | 'replace', member: SupervisedMember): Promise<void> {
    if (name === 'replace') return replaceMember(host, this.#cluster, member);
    const admin = createEtcdAdmin(host, { endpoint: this.#cluster.endpoint(name === 'move-leader' ? this.#cluster.leader() ?? member : member), requestTimeoutMs: 3000 });
    try {
      if (name === 'defragment') await admin.defragment();
      else if (member.running !== undefined) await admin.moveLeader(member.running.memberId);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      host.log.info(`${name} failed`, { error: error.message });
    }
    admin.close();
  }

  #client(name: string, member?: SupervisedMember, requestTimeoutMs = this.#plan.requestTimeoutMs): RecordingClient {
    const endpoints = member === undefined ? this.#cluster.endpoints : [this.#cluster.endpoint(member)];
    return new RecordingClient(this.#host(name), name, this.#history, { endpoints, requestTimeoutMs, ...(member === undefined ? {} : { member: member.name }) });
  }

  async go(): Promise<void> {
    const { forMs, clients } = this.#plan;
    this.#cluster.startAll();
    this.#sampleLater(0);
    this.#startWatchers();
    const { members } = this.#cluster;
    const workers: Promise<void>[] = [];
    // Most talk to one member only, some to whichever answers.
    const pinned = (at: number): SupervisedMember | undefined => (at % 4 === 3 ? undefined : members[at % members.length]);
    for (let at = 0; at < clients.kv; at += 1) workers.push(kvTraffic(this.#client(`kv${at}`, pinned(at)), this.#plan, forMs));
    for (let at = 0; at < clients.kubernetes; at += 1) workers.push(kubernetesTraffic(this.#client(`kube${at}`, pinned(at + 1)), this.#plan, forMs));
    for (let at = 0; at < clients.leases; at += 1) workers.push(leaseTraffic(this.#client(`lease${at}`), this.#plan, forMs));
    if (Number.isFinite(this.#plan.compactEveryMs)) workers.push(compactTraffic(this.#client('compactor'), this.#plan, forMs));
    workers.push(roleTraffic(this.#host('roles'), this.#cluster.endpoints, forMs));
    await this.#sim.runUntil(Promise.all([...workers, this.#nemesis.run(forMs)]), forMs + 60_000, 'the load');
    await this.#recover();
    await this.#finish();
    this.#judge();
  }

  #startWatchers(): void {
    const { members } = this.#cluster;
    const context = (name: string, endpoints: readonly string[]): WatcherContext => ({ host: this.#host(name), name, endpoints, records: this.#watches, newest: () => this.#noteNewest() });
    const guard = (watching: Promise<void>): void => { watching.catch((error: unknown) => { this.violations.push({ rule: 'the run itself', message: (error as Error).stack ?? String(error) }); }); };
    for (let at = 0; at < followers; at += 1) {
      const own = members[at % members.length] as SupervisedMember;
      guard(followAll(context(`follower${at}`, at === 0 ? this.#cluster.endpoints : [this.#cluster.endpoint(own)]), allKeys, this.#stopWatches.signal));
    }
    for (let at = 0; at < this.#plan.clients.watchers; at += 1) {
      const own = members[at % members.length] as SupervisedMember;
      guard(watchAtRandom(context(`watcher${at}`, [this.#cluster.endpoint(own)]), this.#stopWatches.signal));
    }
  }

  #noteNewest(): number {
    const last = this.#history.at(-1);
    if (last?.outcome.kind === 'ok') this.#newest = Math.max(this.#newest, last.outcome.revision);
    return this.#newest;
  }

  #sampleLater(count: number): void {
    this.#sim.loop.schedule(50, () => {
      if (this.#judged) return;
      this.#cluster.sample(count % 10 === 0);
      this.#sampleLater(count + 1);
    });
  }

  /** I12: with everything well again the cluster answers, and all members hold the same, within bounded time. */
  async #recover(): Promise<void> {
    const client = createEtcdClient(this.#host('healer'), { endpoints: this.#cluster.endpoints, requestTimeoutMs: 2000 });
    let answered = false;
    const insist = async (): Promise<void> => {
      while (!answered) {
        try {
          await client.range({ key: utf8('/none') });
          answered = true;
        } catch (error) {
          if (!(error instanceof EtcdError)) throw error;
        }
      }
    };
    const well = insist();
    await this.#sim.run(recoveryMs, () => answered && this.#cluster.settled);
    if (answered && this.#cluster.settled) return well;
    const states = this.#cluster.members.map((member) => `${member.name}: ${member.running === undefined ? 'down' : JSON.stringify(member.running.status(), (_key, value: unknown) => (typeof value === 'bigint' ? value.toString(16) : value))}`);
    throw new Error(`I12 not well ${recoveryMs} ms after everything was healed: ${answered ? 'answers' : 'answers nothing'}; ${states.join('; ')}`);
  }

  /** Lets leases end, then reads everything through each member and lets the followers see all of it. */
  async #finish(): Promise<void> {
    const ends = [...leaseEnds(this.#history).values()];
    const spareMs = leaseMaxMs + 4 * this.#plan.electionMs + 15_000;
    await this.#sim.run(Math.max(0, Math.max(0, ...ends) - this.#sim.nowMs) + spareMs);
    const judges = this.#cluster.members.filter((member) => !member.lost).map((member) => this.#client(`judge-${member.name}`, member, 3000));
    const ask = async (judge: RecordingClient): Promise<void> => {
      for (let tries = 0; tries < 20; tries += 1) {
        const answer = (await judge.step({ type: 'range', ...allKeys, revision: 0, limit: 0 }))?.answers[0];
        if (answer?.type !== 'range') continue;
        const late = answer.kvs.find((kv) => kv.lease !== '');
        if (late !== undefined) this.violations.push({ rule: 'I15 lease', message: `${JSON.stringify(late)} is still there ${spareMs} ms after its lease must have ended` });
        return;
      }
      this.violations.push({ rule: 'I12 liveness', message: `${judge.name} is not answered` });
    };
    await this.#sim.runUntil(Promise.all(judges.map(ask)), 120_000, 'the final reads');
    const last = Math.max(...judges.map((judge) => judge.revision));
    const told = (name: string): number => Math.max(0, ...this.#watches.filter((one) => one.client === name).flatMap((one) => one.responses.map((response) => (response.kind === 'created' ? 0 : response.revision))));
    const all = await this.#sim.run(60_000, () => ['follower0', 'follower1'].every((name) => told(name) >= last));
    const pinned = this.#cluster.members[1 % this.#cluster.members.length];
    if (!all && pinned?.lost === false) this.violations.push({ rule: 'watch Reliable', message: `the followers were told only up to ${told('follower0')} and ${told('follower1')} of ${last}` });
    this.#cluster.sample(true);
    this.#stopWatches.abort();
    this.#judged = true;
  }

  #judge(): void {
    const { violations } = this;
    violations.push(...this.#cluster.violations, ...checkMembers(this.#cluster.samples), ...checkIsolation(this.#history, this.#nemesis.isolations, this.#plan.readMode === 'lease' ? 1.2 * this.#plan.electionMs : 0));
    const leaseSlackMs = this.#plan.faults.has('clock-drift') ? leaseMaxMs * driftMax : 1;
    violations.push(...judge([...this.#history, ...this.#ownCompactions()], this.#watches, leaseSlackMs));
  }

  /** A store that is short of space compacts by itself; which revisions is seen at the members. */
  #ownCompactions(): Operation[] {
    const asked = new Set(this.#history.map(({ request }) => (request.kind === 'compact' ? request.revision : 0)));
    const seen = new Set(this.#cluster.samples.map((sample) => sample.compactRevision ?? 0));
    return [...seen].filter((revision) => !asked.has(revision))
      .map((revision) => ({ client: 'the store', callMs: 0, returnMs: Number.POSITIVE_INFINITY, request: { kind: 'compact', revision }, outcome: { kind: 'unknown' } }));
  }

  report(): Report {
    const ofKind = (kind: string): number => this.#history.filter((one) => one.outcome.kind === kind).length;
    return {
      plan: this.#plan, violations: [...this.violations, ...(this.#judged ? [] : this.#cluster.violations)], digest: this.#sim.trace.digest(), ms: this.#sim.nowMs,
      counts: {
        ok: ofKind('ok'), refused: ofKind('refused'), unknown: ofKind('unknown'), failed: ofKind('failed'), revision: this.#newest, watches: this.#watches.length,
        events: this.#watches.reduce((sum, one) => sum + one.responses.reduce((count, response) => count + response.events.length, 0), 0),
        terms: Math.max(0, ...this.#cluster.samples.map((one) => one.term)), installs: this.#installs, ...this.#cluster.counts,
      },
      tail: this.#sim.trace.tail(60),
    };
  }

  end(): void {
    this.#judged = true;
    this.#stopWatches.abort();
    this.#unlossy();
    this.#sim.stop();
  }
}
