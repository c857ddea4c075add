import { confChangeData, createRaft, entryKind, proposeConf, propose, RaftLog, step, takeEffects, type ConfState, type Entry, type HardState, type MemberId, type Message, type RaftState, type SnapshotMeta } from './index.ts';

interface Disk { snapshot: SnapshotMeta; conf: ConfState; entries: Entry[]; hardState: HardState }

const decoder = new TextDecoder();

/**
 * Members driven by a text: nothing happens unless a command makes it happen. After each command it tells which members are
 * in another state than before, and what was applied and read.
 */
class Script {
  readonly #rafts = new Map<MemberId, RaftState>();
  readonly #disks = new Map<MemberId, Disk>();
  readonly #told = new Map<MemberId, string>();
  readonly #cut = new Set<string>();
  readonly #stalled = new Map<MemberId, (() => void)[]>();
  #wire: Message[] = [];
  #out: string[] = [];
  #lease = false;

  /** One command line; answers what came of it. */
  run(line: string): string {
    this.#out = [];
    const [name = '', ...args] = line.split(' ');
    const command = this.#commands[name];
    if (command === undefined) throw new Error(`unknown command ${name}`);
    command(args);
    this.#tellChanges();
    return this.#out.length === 0 ? 'ok' : this.#out.join('\n');
  }

  readonly #commands: Readonly<Record<string, (args: readonly string[]) => void>> = {
    /** cluster VOTERS [LEARNERS] [lease]: members with an empty log that agree on this configuration. */
    cluster: (args) => {
      this.#lease = args.includes('lease');
      const conf = confOf(args.filter((one) => one !== 'lease'));
      for (const id of [...conf.voters, ...conf.learners]) this.#start(id, { snapshot: { index: 0, term: 0 }, conf, entries: [], hardState: { term: 0, vote: 0n, commit: 0 } });
    },
    /** joiner ID: a member that knows nothing. */
    joiner: ([id]) => { this.#start(BigInt(id as string), { snapshot: { index: 0, term: 0 }, conf: { voters: [], learners: [] }, entries: [], hardState: { term: 0, vote: 0n, commit: 0 } }); },
    /** log ID TERMS…: the member restarts with a log of these terms, and a hard state: `term= vote= commit=`. */
    log: ([id, ...rest]) => {
      const member = BigInt(id as string);
      const set = Object.fromEntries(rest.filter((one) => one.includes('=')).map((one) => one.split('='))) as Record<string, string>;
      const entries = rest.filter((one) => !one.includes('=')).map((term, at) => ({ index: at + 1, term: Number(term), data: new TextEncoder().encode(`t${term}`) }));
      const disk = this.#disk(member);
      this.#start(member, { ...disk, entries, hardState: { term: Number(set['term'] ?? 0), vote: BigInt(set['vote'] ?? '0'), commit: Number(set['commit'] ?? 0) } });
    },
    campaign: ([id]) => { this.#input(id, { type: 'campaign' }); },
    elect: ([id]) => {
      this.#input(id, { type: 'campaign' });
      this.#settle();
    },
    tick: ([id, times, nowMs]) => {
      for (let count = 0; count < Number(times ?? 1); count += 1) this.#input(id, { type: 'tick', ...(nowMs === undefined ? {} : { nowMs: Number(nowMs) }) });
    },
    propose: ([id, ...texts]) => {
      if (!propose(this.#raft(BigInt(id as string)), texts.map((text) => new TextEncoder().encode(text)))) this.#out.push('refused');
      this.#collect(BigInt(id as string));
    },
    /** conf ID VOTERS [LEARNERS]: the member is asked for this configuration. */
    conf: ([id, ...rest]) => {
      this.#out.push(proposeConf(this.#raft(BigInt(id as string)), confOf(rest), new Uint8Array(0)));
      this.#collect(BigInt(id as string));
    },
    /** Writes the entry into the log past all checks, as an implementation without them would. */
    'conf-unchecked': ([id, ...rest]) => {
      const raft = this.#raft(BigInt(id as string));
      raft.log.append([{ index: raft.log.lastIndex + 1, term: raft.term, data: confChangeData(confOf(rest), new Uint8Array(0)) }]);
      this.#collect(raft.config.id);
    },
    settle: () => { this.#settle(); },
    /** deliver FROM TO [COUNT]: only what is on its way between these two. */
    deliver: ([from, to, count]) => {
      for (let done = 0; done < Number(count ?? 1); done += 1) {
        const at = this.#wire.findIndex((one) => String(one.from) === from && String(one.to) === to);
        if (at < 0) break;
        this.#deliver(this.#wire.splice(at, 1)[0] as Message);
      }
    },
    wire: () => { for (const one of this.#wire) this.#out.push(describe(one)); },
    drop: () => { this.#wire = []; },
    cut: (args) => { for (const one of args) for (const other of this.#rafts.keys()) this.#cut.add(`${one}>${other}`).add(`${other}>${one}`); },
    heal: () => { this.#cut.clear(); },
    /** lost ID OTHER: the connection over which OTHER's messages came to ID is broken. */
    lost: ([id, other]) => { this.#input(id, { type: 'lost', member: BigInt(other as string) }); },
    stall: ([id]) => { this.#stalled.set(BigInt(id as string), []); },
    unstall: ([id]) => {
      const waiting = this.#stalled.get(BigInt(id as string)) ?? [];
      this.#stalled.delete(BigInt(id as string));
      for (const done of waiting) done();
    },
    /** Keeps what is on its disk. */
    restart: ([id]) => { this.#start(BigInt(id as string), this.#disk(BigInt(id as string))); },
    /** The same member with an empty disk. */
    emptied: ([id]) => {
      const { conf } = this.#disk(BigInt(id as string));
      this.#start(BigInt(id as string), { snapshot: { index: 0, term: 0 }, conf, entries: [], hardState: { term: 0, vote: 0n, commit: 0 } });
    },
    snapshot: ([id, index, compactTo]) => {
      const raft = this.#raft(BigInt(id as string));
      this.#input(id, { type: 'snapshot-taken', snapshot: { index: Number(index), term: raft.log.term(Number(index)) ?? 0 }, compactTo: Number(compactTo) });
    },
    transfer: ([id, to]) => { this.#input(id, { type: 'transfer-leader', to: BigInt(to as string) }); },
    read: ([id, context, nowMs]) => { this.#input(id, { type: 'read', context: Number(context), ...(nowMs === undefined ? {} : { nowMs: Number(nowMs) }) }); },
    'show-log': ([id]) => {
      const { log } = this.#raft(BigInt(id as string));
      this.#out.push(log.lastIndex < log.firstIndex ? 'empty' : log.slice(log.firstIndex, log.lastIndex, 1e9).map((entry) => `${entry.index}:${entry.term}${textOf(entry)}`).join(' '));
    },
    progress: ([id]) => { for (const [member, one] of this.#raft(BigInt(id as string)).progress) this.#out.push(`${member} ${one.state} match ${one.match}`); },
  };

  #raft(id: MemberId): RaftState {
    const raft = this.#rafts.get(id);
    if (raft === undefined) throw new Error(`no member ${id}`);
    return raft;
  }

  #disk(id: MemberId): Disk {
    const disk = this.#disks.get(id);
    if (disk === undefined) throw new Error(`no member ${id}`);
    return disk;
  }

  #start(id: MemberId, disk: Disk): void {
    this.#disks.set(id, disk);
    this.#wire = this.#wire.filter((one) => one.from !== id && one.to !== id);
    // Timeouts of 15 ticks: after 12 the others no longer insist on their leader, and do not campaign by themselves yet.
    this.#rafts.set(id, createRaft({
      id, electionTicks: 10, heartbeatTicks: 1, random: () => 0.5, maxMessageBytes: 1024, maxInflight: 4, ...(this.#lease ? { lease: { tickMs: 100, maxClockDrift: 0.1 } } : {}),
    }, new RaftLog(disk.snapshot, disk.entries, disk.conf), disk.hardState, disk.snapshot));
    this.#collect(id);
  }

  #input(id: string | undefined, input: Parameters<typeof step>[1]): void {
    step(this.#raft(BigInt(id as string)), input);
    this.#collect(BigInt(id as string));
  }

  #deliver(message: Message): void {
    if (!this.#rafts.has(message.to)) return;
    step(this.#raft(message.to), { type: 'message', message });
    this.#collect(message.to);
  }

  #settle(): void {
    for (let count = 0; this.#wire.length > 0; count += 1) {
      if (count > 10_000) throw new Error('messages do not come to rest');
      this.#deliver(this.#wire.shift() as Message);
    }
  }

  #send(messages: readonly Message[]): void {
    this.#wire.push(...messages.filter((one) => !this.#cut.has(`${one.from}>${one.to}`)));
  }

  #collect(id: MemberId): void {
    const raft = this.#raft(id);
    const effects = takeEffects(raft);
    const { conf } = raft.log;
    this.#send(effects.messages);
    for (const entry of effects.committed) if (entry.data.length > 0) this.#out.push(`${id} applies ${entry.index}${textOf(entry)}`);
    for (const read of effects.readStates) this.#out.push(`${id} reads ${read.context} at ${read.index}`);
    const lastCommitted = effects.committed.at(-1);
    if (lastCommitted !== undefined) step(raft, { type: 'applied', index: lastCommitted.index });
    const last = effects.entries.at(-1);
    const persisted = (): void => {
      // Restarted meanwhile: that life's disk never got it.
      if (this.#rafts.get(id) !== raft) return;
      const disk = this.#disk(id);
      if (effects.snapshot !== undefined) this.#disks.set(id, { ...disk, snapshot: effects.snapshot, conf, entries: [] });
      const kept = this.#disk(id);
      if (effects.entries.length > 0) kept.entries = [...kept.entries.filter((entry) => entry.index < (effects.entries[0] as Entry).index), ...effects.entries];
      if (effects.hardState !== undefined) kept.hardState = effects.hardState;
      if (last !== undefined) step(raft, { type: 'persisted', index: last.index, term: last.term });
      for (const message of effects.afterPersist) if (message.to === id) step(raft, { type: 'message', message });
      this.#send(effects.afterPersist.filter((message) => message.to !== id));
      if (last !== undefined || effects.afterPersist.length > 0 || lastCommitted !== undefined) this.#collect(id);
    };
    const waiting = this.#stalled.get(id);
    if (waiting === undefined) persisted();
    else if (last !== undefined || effects.afterPersist.length > 0 || effects.hardState !== undefined) waiting.push(persisted);
  }

  #tellChanges(): void {
    for (const [id, { role, term, leader, log }] of this.#rafts) {
      const { voters, learners } = log.conf;
      const text = `${id} ${role} term ${term} leader ${leader === 0n ? '-' : leader} commit ${log.committed}/${log.lastIndex} conf (${voters.join(' ')})${learners.length === 0 ? '' : ` learners (${learners.join(' ')})`}`;
      if (this.#told.get(id) === text) continue;
      this.#told.set(id, text);
      this.#out.push(text);
    }
  }
}

function confOf([voters = '', learners = '']: readonly string[]): ConfState {
  const ids = (text: string): MemberId[] => (text === '' ? [] : text.split(',').map(BigInt));
  return { voters: ids(voters), learners: ids(learners) };
}

function textOf(entry: Entry): string {
  switch (entryKind(entry.data)) {
    case 'no-op': return '';
    case 'conf-change': return ' conf';
    case 'normal': return ` ${decoder.decode(entry.data)}`;
  }
}

function describe(one: Message): string {
  const head = `${one.from}->${one.to} ${one.type} term ${one.term}`;
  switch (one.type) {
    case 'append': return `${head} after ${one.index}:${one.logTerm} entries ${one.entries.length} commit ${one.commit}`;
    case 'append-response': return `${head} ${one.reject ? `refuses ${one.index}, try ${one.hintIndex}:${one.hintTerm}` : `has ${one.index}`}`;
    case 'pre-vote': case 'vote': return `${head} log ${one.index}:${one.logTerm}${one.transfer ? ' transfer' : ''}`;
    case 'pre-vote-response': case 'vote-response': return `${head} ${one.reject ? 'no' : 'yes'}`;
    case 'snapshot': return `${head} at ${one.snapshot.index}:${one.snapshot.term}`;
    case 'heartbeat': case 'heartbeat-response': case 'timeout-now': case 'read-index': case 'read-index-response': case 'propose': return head;
  }
}

/** Blocks of command, `----`, answer; `#` begins a comment. The same text with the answers that come now. */
export function replay(text: string): string {
  const script = new Script();
  return text.split('\n\n').map((block) => {
    const lines = block.split('\n');
    const at = lines.findIndex((line) => line !== '' && !line.startsWith('#'));
    if (at < 0) return block.trimEnd();
    const until = lines.indexOf('----');
    const commands = lines.slice(at, until < 0 ? undefined : until).filter((line) => line !== '');
    const answers = commands.map((command) => script.run(command)).filter((answer, index, all) => answer !== 'ok' || (all.length === 1 && index === 0));
    return [...lines.slice(0, at), ...commands, '----', answers.length === 0 ? 'ok' : answers.join('\n')].join('\n');
  }).join('\n\n').trimEnd() + '\n';
}
