import { createRaft, propose, RaftLog, step, takeEffects, type Entry, type HardState, type MemberId, type Message, type RaftState } from './index.ts';

/** Members whose messages and disks are moved by hand: nothing happens unless the test makes it happen. */
export class ScriptedCluster {
  readonly rafts = new Map<MemberId, RaftState>();
  readonly applied = new Map<MemberId, Entry[]>();
  readonly reads = new Map<MemberId, { readonly context: number; readonly index: number }[]>();
  readonly #ids: readonly MemberId[];
  /** Messages on their way; the test may look at or take from it. */
  wire: Message[] = [];
  readonly delivered: Message[] = [];
  /** Sent over these links is lost. */
  readonly cut = new Set<string>();
  /** Disks that have stopped answering: what was handed to them waits. */
  readonly stalled = new Set<MemberId>();
  readonly #waiting = new Map<MemberId, (() => void)[]>();
  readonly #random: () => number;

  constructor(ids: readonly MemberId[], random: () => number = () => 0) {
    this.#ids = ids;
    this.#random = random;
    for (const id of ids) this.restart(id, [], { term: 0, vote: 0n, commit: 0 });
  }

  restart(id: MemberId, entries: readonly Entry[], hardState: HardState): RaftState {
    const snapshot = { index: 0, term: 0 };
    const raft = createRaft({ id, electionTicks: 10, heartbeatTicks: 1, random: this.#random, maxMessageBytes: 1024, maxInflight: 4 }, new RaftLog(snapshot, entries, { voters: this.#ids, learners: [] }), hardState, snapshot);
    this.rafts.set(id, raft);
    this.applied.set(id, []);
    this.reads.set(id, []);
    return raft;
  }

  raft(id: MemberId): RaftState {
    return this.rafts.get(id) as RaftState;
  }

  isolate(id: MemberId): void {
    for (const other of this.#ids) if (other !== id) {
      this.cut.add(`${id}>${other}`);
      this.cut.add(`${other}>${id}`);
    }
  }

  /** Carries out what a member wants done now. */
  collect(id: MemberId): void {
    const raft = this.raft(id);
    const effects = takeEffects(raft);
    this.#send(effects.messages);
    this.applied.get(id)?.push(...effects.committed);
    this.reads.get(id)?.push(...effects.readStates);
    const lastCommitted = effects.committed.at(-1);
    if (lastCommitted !== undefined) step(raft, { type: 'applied', index: lastCommitted.index });
    const last = effects.entries.at(-1);
    const persisted = (): void => {
      if (last !== undefined) step(raft, { type: 'persisted', index: last.index, term: last.term });
      for (const message of effects.afterPersist) if (message.to === id) step(raft, { type: 'message', message });
      this.#send(effects.afterPersist.filter((message) => message.to !== id));
      if (last !== undefined || effects.afterPersist.length > 0) this.collect(id);
    };
    if (this.stalled.has(id)) this.#waiting.set(id, [...this.#waiting.get(id) ?? [], persisted]);
    else persisted();
  }

  unstall(id: MemberId): void {
    this.stalled.delete(id);
    for (const done of this.#waiting.get(id) ?? []) done();
    this.#waiting.delete(id);
  }

  #send(messages: readonly Message[]): void {
    this.wire.push(...messages.filter((message) => !this.cut.has(`${message.from}>${message.to}`)));
  }

  deliver(message: Message): void {
    this.delivered.push(message);
    step(this.raft(message.to), { type: 'message', message });
    this.collect(message.to);
  }

  /** Until nothing is on its way any more. */
  settle(): void {
    for (let count = 0; this.wire.length > 0; count += 1) {
      if (count > 10_000) throw new Error('messages do not come to rest');
      this.deliver(this.wire.shift() as Message);
    }
  }

  tick(id: MemberId, times = 1): void {
    for (let count = 0; count < times; count += 1) {
      step(this.raft(id), { type: 'tick' });
      this.collect(id);
    }
  }

  elect(id: MemberId): void {
    step(this.raft(id), { type: 'campaign' });
    this.collect(id);
    this.settle();
  }

  propose(id: MemberId, text: string): boolean {
    const taken = propose(this.raft(id), [new TextEncoder().encode(text)]);
    this.collect(id);
    return taken;
  }

  /** What was applied, without no-ops. */
  texts(id: MemberId): readonly string[] {
    return (this.applied.get(id) ?? []).filter((entry) => entry.data.length > 0).map((entry) => new TextDecoder().decode(entry.data));
  }
}
