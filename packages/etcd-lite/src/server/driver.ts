import { assert, type Host } from '@coxswain/host';
import { decidesAlone, propose, proposeConf, step, type ConfChangeOutcome, type ConfState, takeEffects, type Effects, type Entry, type HardState, type Input, type Message, type RaftState, type ReadState, type SnapshotMeta } from '../raft/index.ts';
import { Gathering } from './gathering.ts';
import type { LogWriter } from './log-writer.ts';

/** What stands on the driver: applies what is committed, carries messages. */
export interface DriverHooks {
  send(messages: readonly Message[]): void;
  /** Proposals of this member without an answer. */
  unanswered(): number;
  /** In order, each entry once; after a promise the next one only when that has resolved. */
  apply(entry: Entry): Promise<void> | undefined;
  /** Replaces the state by a received one, which is on disk; nothing is applied meanwhile. */
  install(snapshot: SnapshotMeta): Promise<void>;
  readStates(states: readonly ReadState[]): void;
  /** The newest configuration in the log is another, be it committed or not. */
  confChanged(): void;
  /** Called after role, term or leader have changed. */
  roleChanged(): void;
  /** Called after entries were applied. */
  applied(index: number): void;
  persisted(entryCount: number, durationMs: number): void;
  /** The disk failed or an invariant broke: this member must stop. Called at most once. */
  failed(error: unknown): void;
}

interface PersistItem {
  readonly install: SnapshotMeta | undefined;
  readonly snapshot: SnapshotMeta | undefined;
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly afterPersist: readonly Message[];
}

export interface Proposal {
  readonly data: Uint8Array;
  /** Called with the term in which it went to the leader's log or wire. */
  readonly submitted: (term: number) => void;
  /** Only as the leader of this term: what is proposed on the strength of being leader must not reach the log of another. */
  readonly onlyTerm?: number | undefined;
  /** Called instead of `submitted` when that term is over. */
  readonly refused?: (() => void) | undefined;
}

/** Applied in one go before others get a turn. */
const applySlice = 500;
const maxUnwrittenBytes = 64 * 1024 * 1024;

/**
 * The single-threaded ring around the pure algorithm: inputs in, effects out, in the order that makes them safe. The disk is
 * waited for without holding anything else up: while a batch is being written heartbeats go on and proposals gather, and
 * they become the next batch with one datasync (group commit).
 */
export class RaftDriver {
  readonly raft: RaftState;
  readonly #host: Host;
  readonly #log: LogWriter;
  readonly #hooks: DriverHooks;
  #proposals: Proposal[] = [];
  readonly #gathering = new Gathering();
  #gatherTimer = false;
  #toPersist: PersistItem[] = [];
  #toApply: Entry[] = [];
  #unwrittenBytes = 0;
  #persisting = false;
  #installing = false;
  /** Resolves when the entry that waits for values is applied. */
  #waiting: Promise<void> | undefined;
  #pumpScheduled = false;
  #applyScheduled = false;
  #stopped = false;
  #role = '';
  #confIndex = -1;

  constructor(host: Host, raft: RaftState, log: LogWriter, hooks: DriverHooks) {
    this.#host = host;
    this.raft = raft;
    this.#log = log;
    this.#hooks = hooks;
  }

  input(input: Input): void {
    if (this.#stopped || this.#isTooMuch(input)) return;
    this.#guard(() => { step(this.raft, input); });
    this.#schedule();
  }

  /** Entries from the leader that would only gather here, because the disk does not take them. They are sent again. */
  #isTooMuch(input: Input): boolean {
    return input.type === 'message' && input.message.type === 'append' && input.message.entries.length > 0 && this.#unwrittenBytes > maxUnwrittenBytes;
  }

  /** Monotonic time, where leases count on it. */
  get leaseNow(): { readonly nowMs?: number } {
    return this.raft.config.lease === undefined ? {} : { nowMs: this.#host.clock.monotonicMs() };
  }

  proposeConf(conf: ConfState, payload: Uint8Array): ConfChangeOutcome {
    let outcome: ConfChangeOutcome = 'not-leader';
    if (this.#stopped) return outcome;
    this.#guard(() => { outcome = proposeConf(this.raft, conf, payload); });
    this.#schedule();
    return outcome;
  }

  /** Waits for a leader if there is none. */
  propose(proposal: Proposal): void {
    this.#proposals.push(proposal);
    this.#gathering.arrived(this.#host.clock.monotonicMs());
    this.#schedule();
  }

  /** Forgets proposals that have not been submitted. */
  withdraw(data: Uint8Array): void {
    const at = this.#proposals.findIndex((proposal) => proposal.data === data);
    if (at >= 0) this.#proposals.splice(at, 1);
  }

  /** The own state at `snapshot` is on disk: the log may be cut behind it. */
  snapshotTaken(snapshot: SnapshotMeta, compactTo: number): void {
    this.#toPersist.push({ install: undefined, snapshot, hardState: undefined, entries: [], afterPersist: [] });
    this.input({ type: 'snapshot-taken', snapshot, compactTo });
  }

  stop(): void {
    this.#stopped = true;
  }

  fail(error: unknown): void {
    this.#fail(error);
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#hooks.failed(error);
  }

  /** An assertion of the algorithm must end the member, wherever it was called from. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Inputs that come together are answered together. */
  #schedule(): void {
    if (this.#pumpScheduled || this.#stopped) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => {
      this.#pumpScheduled = false;
      if (!this.#stopped) this.#guard(() => { this.#pump(); });
    });
  }

  #pump(): void {
    // A leader's proposals gather while its disk works; a follower only passes them on.
    if ((!this.#persisting || this.raft.role !== 'leader') && !this.#gathers()) this.#submitProposals();
    // Before what is sent: a member that was just added must be known.
    this.#noticeConf();
    this.#carryOut(takeEffects(this.raft));
    this.#noticeRole();
    this.#apply();
    if (!this.#persisting && this.#toPersist.length > 0) void this.#persist();
  }

  /** True: others are expected, and it is looked again later. */
  #gathers(): boolean {
    if (this.#proposals.length === 0 || decidesAlone(this.raft)) return false;
    const waitMs = this.#gathering.waitMs(this.#proposals.length, this.#hooks.unanswered(), this.#host.clock.monotonicMs());
    if (waitMs === 0) return false;
    if (this.#gatherTimer) return true;
    this.#gatherTimer = true;
    this.#host.timers.after(waitMs, () => {
      this.#gatherTimer = false;
      this.#schedule();
    });
    return true;
  }

  #submitProposals(): void {
    if (this.#proposals.length === 0) return;
    const { role, term } = this.raft;
    const over = (proposal: Proposal): boolean => proposal.onlyTerm !== undefined && (role !== 'leader' || proposal.onlyTerm !== term);
    if (this.#proposals.some(over)) {
      for (const proposal of this.#proposals.filter(over)) proposal.refused?.();
      this.#proposals = this.#proposals.filter((proposal) => !over(proposal));
    }
    const batch = this.#proposals.splice(0);
    if (batch.length === 0) return;
    this.#gathering.submitted(batch.length);
    if (propose(this.raft, batch.map((proposal) => proposal.data))) for (const proposal of batch) proposal.submitted(this.raft.term);
    else this.#proposals = [...batch, ...this.#proposals];
  }

  #carryOut(effects: Effects): void {
    if (effects.messages.length > 0) this.#hooks.send(effects.messages);
    const { snapshot: install, hardState, entries, afterPersist } = effects;
    if (install !== undefined) {
      this.#installing = true;
      this.#toApply = [];
    }
    if (install !== undefined || hardState !== undefined || entries.length > 0 || afterPersist.length > 0) {
      this.#toPersist.push({ install, snapshot: undefined, hardState, entries, afterPersist });
    }
    this.#unwrittenBytes += sizeOf(entries);
    for (const entry of effects.committed) this.#toApply.push(entry);
    if (effects.readStates.length > 0) this.#hooks.readStates(effects.readStates);
  }

  #noticeConf(): void {
    if (this.raft.log.confIndex === this.#confIndex) return;
    this.#confIndex = this.raft.log.confIndex;
    this.#hooks.confChanged();
  }

  #noticeRole(): void {
    const role = `${this.raft.role} ${this.raft.term} ${this.raft.leader}`;
    if (role === this.#role) return;
    this.#role = role;
    this.#hooks.roleChanged();
    // Proposals that waited for a leader.
    if (this.#proposals.length > 0) this.#schedule();
  }

  #apply(): void {
    if (this.#installing || this.#waiting !== undefined || this.#toApply.length === 0) return;
    for (let count = 0; count < applySlice && this.#toApply.length > count; count += 1) {
      const wait = this.#hooks.apply(this.#toApply[count] as Entry);
      if (wait === undefined) continue;
      this.#appliedFirst(count);
      this.#waiting = this.#finishWaiting(wait, this.#toApply[0] as Entry);
      return;
    }
    this.#appliedFirst(Math.min(applySlice, this.#toApply.length));
    if (this.#toApply.length > 0) this.#applyLater();
    else this.#schedule();
  }

  #appliedFirst(count: number): void {
    const last = this.#toApply.splice(0, count)[count - 1];
    if (last !== undefined) this.#appliedTo(last.index);
  }

  #appliedTo(index: number): void {
    step(this.raft, { type: 'applied', index });
    this.#hooks.applied(index);
  }

  /** An entry that needs values from files: heartbeats, votes and the log go on meanwhile. */
  async #finishWaiting(wait: Promise<void>, entry: Entry): Promise<void> {
    try {
      await wait;
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#stopped) return;
    this.#waiting = undefined;
    if (this.#toApply[0] === entry) this.#toApply.shift();
    this.#guard(() => {
      this.#appliedTo(entry.index);
      this.#apply();
    });
    this.#schedule();
  }

  #applyLater(): void {
    if (this.#applyScheduled) return;
    this.#applyScheduled = true;
    this.#host.timers.after(0, () => {
      this.#applyScheduled = false;
      if (!this.#stopped) this.#guard(() => { this.#apply(); });
    });
  }

  /** Writes what has gathered, again and again until nothing is left. */
  async #persist(): Promise<void> {
    this.#persisting = true;
    try {
      while (this.#toPersist.length > 0 && !this.#stopped) await this.#persistBatch(merge(this.#toPersist.splice(0)));
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#persisting = false;
    }
    this.#schedule();
  }

  /** While the disk refuses, what comes meanwhile joins what waits. */
  async #persistBatch(first: PersistItem): Promise<void> {
    let item = first;
    if (needsWrite(item) || !this.#log.settled) {
      const startMs = this.#host.clock.monotonicMs();
      while (!await this.#log.write(item)) {
        if (this.#stopped) return;
        item = merge([item, ...this.#toPersist.splice(0)]);
      }
      this.#hooks.persisted(item.entries.length, this.#host.clock.monotonicMs() - startMs);
    }
    if (!this.#stopped) await this.#persisted(item);
  }

  async #persisted(item: PersistItem): Promise<void> {
    const { install, snapshot, entries } = item;
    this.#unwrittenBytes = this.#toPersist.reduce((sum, { entries: waiting }) => sum + sizeOf(waiting), 0);
    if (install !== undefined) await this.#install(install);
    if (snapshot !== undefined) await this.#log.purge(snapshot.index);
    const last = entries[entries.length - 1];
    if (last !== undefined) step(this.raft, { type: 'persisted', index: last.index, term: last.term });
    this.#deliver(item.afterPersist);
    // What this has committed should not wait for the next batch.
    this.#pump();
  }

  async #install(snapshot: SnapshotMeta): Promise<void> {
    await this.#waiting;
    await this.#hooks.install(snapshot);
    // A newer one may wait already; its own turn ends the pause.
    this.#installing = this.#toPersist.some((item) => item.install !== undefined);
    await this.#log.purge(snapshot.index);
  }

  #deliver(messages: readonly Message[]): void {
    const toOthers: Message[] = [];
    for (const message of messages) {
      if (message.to === this.raft.config.id) step(this.raft, { type: 'message', message });
      else toOthers.push(message);
    }
    if (toOthers.length > 0) this.#hooks.send(toOthers);
  }
}

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.data.length, 0);
}

function needsWrite({ install, snapshot, hardState, entries }: PersistItem): boolean {
  return install !== undefined || snapshot !== undefined || hardState !== undefined || entries.length > 0;
}

/** One batch with the same outcome as the items one after another. */
function merge(items: readonly PersistItem[]): PersistItem {
  assert(items.length > 0, 'nothing to merge');
  if (items.length === 1) return items[0] as PersistItem;
  const from = Math.max(0, items.findLastIndex((item) => item.install !== undefined));
  const kept = items.slice(from);
  return {
    install: kept[0]?.install, snapshot: items.findLast((item) => item.snapshot !== undefined)?.snapshot, hardState: items.findLast((item) => item.hardState !== undefined)?.hardState,
    entries: kept.flatMap((item) => item.entries), afterPersist: items.flatMap((item) => item.afterPersist),
  };
}
