import { assert } from '@coxswain/host';
import { Evidence } from './evidence.ts';
import type { Event, Observation, Operation, TxnRequest, Violation } from './history.ts';
import { applyLeaseEnd, applyTxn, differs, emptyState, sameKv, type Effect, type State } from './model.ts';

type Ok = Operation & { readonly outcome: { readonly kind: 'ok' } };

/** Every state and every change from revision 1 (empty) on. */
export interface Explained {
  readonly states: readonly State[];
  readonly events: readonly (readonly Event[])[];
  readonly revision: number;
}

/** Who may have made a revision that no acknowledged operation made. */
interface Suspect {
  readonly name: string;
  readonly callMs: number;
  /** It was answered when this revision stood: it cannot have made a later one. */
  readonly notAfter: number;
  apply(state: State, revision: number): Effect;
}

interface Choice { readonly revision: number; readonly suspects: readonly Suspect[]; next: number }

const maxSteps = 200_000;

/**
 * Is a history strictly serializable? Wing & Gong's search, with revisions as evidence: the revision in an answer's header fixes
 * the operation's place, so that only those of unknown outcome (and leases that end by themselves) have to be tried wherever a
 * revision is that nobody is known to have made. The order so found must agree with real time and every answer with the model.
 */
export class Linearizer {
  readonly #writers = new Map<number, Ok[]>();
  readonly #readers = new Map<number, Ok[]>();
  readonly #suspects: Suspect[] = [];
  readonly #observed = new Map<number, Observation[]>();
  readonly #states: State[] = [emptyState, emptyState];
  readonly #events: (readonly Event[])[] = [[], []];
  readonly #used = new Set<Suspect>();
  readonly #choices: Choice[] = [];
  readonly #operations: readonly Operation[];
  readonly #evidence: Evidence;
  /** Somebody has seen this revision or a later one at that time. */
  readonly #seenMs: number[] = [];
  #last = 1;
  #deepest: { readonly revision: number; readonly violation: Violation } | undefined;

  constructor(operations: readonly Operation[], observations: readonly Observation[] = [], leaseSlackMs = 0) {
    this.#operations = operations;
    this.#evidence = new Evidence(operations, observations);
    for (const operation of operations) this.#place(operation);
    this.#suspectLeases(leaseSlackMs);
    for (const one of observations) {
      listAt(this.#observed, one.revision).push(one);
      this.#last = Math.max(this.#last, one.revision);
    }
    this.#suspects.sort((a, b) => a.callMs - b.callMs);
    this.#noteSeen(observations);
  }

  #place(operation: Operation): void {
    const { request, outcome } = operation;
    if (outcome.kind === 'ok') this.#last = Math.max(this.#last, outcome.revision);
    if (request.kind === 'lease-revoke') {
      const notAfter = outcome.kind === 'ok' ? outcome.revision : Number.POSITIVE_INFINITY;
      if (outcome.kind === 'ok' || outcome.kind === 'unknown') this.#suspect(operation, notAfter, (state, at) => applyLeaseEnd(state, at, request.lease));
    } else if (request.kind === 'txn') this.#placeTxn(operation, request);
  }

  #placeTxn(operation: Operation, request: TxnRequest): void {
    if (operation.outcome.kind === 'unknown') {
      this.#suspect(operation, Number.POSITIVE_INFINITY, (state, revision) => applyTxn(state, revision, request, (at) => this.#states[at]));
    } else if (isOk(operation) && !request.serializable) {
      listAt(wrote(operation) ? this.#writers : this.#readers, operation.outcome.revision).push(operation);
    }
  }

  #suspect(operation: Operation, notAfter: number, apply: Suspect['apply']): void {
    this.#suspects.push({ name: describe(operation), callMs: operation.callMs, notAfter, apply });
  }

  /** A lease may end by itself, but not before its time: from the last renewal that is known to have been done (I15). */
  #suspectLeases(slackMs: number): void {
    for (const [lease, endMs] of leaseEnds(this.#operations)) {
      this.#suspects.push({ name: `the end of lease ${lease}`, callMs: endMs - slackMs, notAfter: Number.POSITIVE_INFINITY, apply: (state, revision) => applyLeaseEnd(state, revision, lease) });
    }
  }

  #noteSeen(observations: readonly Observation[]): void {
    const seen = Array.from({ length: this.#last + 2 }, () => Number.POSITIVE_INFINITY);
    const note = (revision: number, atMs: number): void => { seen[revision] = Math.min(seen[revision] as number, atMs); };
    for (const operation of this.#operations) if (isOk(operation)) note(operation.outcome.revision, operation.returnMs);
    for (const { revision, atMs } of observations) note(revision, atMs);
    for (let at = this.#last; at >= 0; at -= 1) note(at, seen[at + 1] as number);
    this.#seenMs.push(...seen);
  }

  run(): { readonly explained: Explained } | { readonly violation: Violation } {
    const early = this.#checkTime();
    if (early !== undefined) return { violation: early };
    let steps = 0;
    for (let revision = 1; revision <= this.#last;) {
      steps += 1;
      assert(steps < maxSteps, 'the search for a linearization takes too long', { revision, choices: this.#choices.length });
      const violation = this.#reach(revision);
      if (violation === undefined) {
        revision += 1;
        continue;
      }
      if (this.#deepest === undefined || revision >= this.#deepest.revision) this.#deepest = { revision, violation };
      const back = this.#backtrack();
      if (back === undefined) return { violation: this.#deepest.violation };
      revision = back;
    }
    return { explained: { states: this.#states, events: this.#events, revision: this.#last } };
  }

  /** Nothing may have been answered before something that its place comes after was called. */
  #checkTime(): Violation | undefined {
    const readMs = Array.from({ length: this.#last + 2 }, () => Number.POSITIVE_INFINITY);
    for (const [revision, readers] of this.#readers) readMs[revision] = Math.min(...readers.map((one) => one.returnMs));
    const writeMs = (revision: number): number => Math.min(...(this.#writers.get(revision) ?? []).map((one) => one.returnMs));
    let afterMs = Number.POSITIVE_INFINITY;
    for (let revision = this.#last; revision >= 1; revision -= 1) {
      for (const reader of this.#readers.get(revision) ?? []) {
        if (reader.callMs > afterMs) return { rule: 'I1 linearizable', message: `${describe(reader)} sees revision ${revision}, but a later one had been answered before, at ${afterMs} ms` };
      }
      for (const writer of this.#writers.get(revision) ?? []) {
        if (writer.callMs > (this.#seenMs[revision + 1] as number) || writer.callMs > (readMs[revision] as number)) return { rule: 'I1 linearizable', message: `${describe(writer)} made revision ${revision}, which had been seen before it was called` };
      }
      afterMs = Math.min(afterMs, readMs[revision] as number, writeMs(revision));
    }
    return undefined;
  }

  /** Makes the state of `revision` and checks all that saw it. */
  #reach(revision: number): Violation | undefined {
    if (revision > 1) {
      const violation = this.#make(revision);
      if (violation !== undefined) return violation;
    }
    return this.#checkReaders(revision);
  }

  #make(revision: number): Violation | undefined {
    const before = this.#states[revision - 1] as State;
    const [writer, other] = this.#writers.get(revision) ?? [];
    if (writer === undefined) return this.#guess(revision);
    if (other !== undefined) return { rule: 'I1 linearizable', message: `revision ${revision} was given twice: ${describe(writer)}; ${describe(other)}` };
    const effect = applyTxn(before, revision - 1, writer.request as TxnRequest, (at) => this.#states[at]);
    const difference = differs(effect, writer.outcome) ?? (effect.events.length === 0 ? 'it could not have written anything' : undefined);
    if (difference !== undefined) return { rule: 'I1 linearizable', message: `revision ${revision}: ${describe(writer)}: ${difference}` };
    return this.#accept(revision, effect);
  }

  #accept(revision: number, effect: Effect): Violation | undefined {
    for (const seen of this.#observed.get(revision) ?? []) {
      const event = effect.events.find((one) => one.kv.key === seen.key);
      const same = event !== undefined && (seen.kv === undefined ? event.type === 'delete' : event.type === 'put' && sameKv(event.kv, seen.kv));
      if (!same) return { rule: 'I2 durable', message: `revision ${revision} was seen with ${JSON.stringify(seen.kv ?? seen.key)} but made ${JSON.stringify(effect.events)}` };
    }
    this.#states[revision] = effect.state;
    this.#events[revision] = effect.events;
    return undefined;
  }

  #guess(revision: number): Violation | undefined {
    const before = this.#states[revision - 1] as State;
    const able = this.#suspects.filter((one) => !this.#used.has(one) && one.callMs <= (this.#seenMs[revision] as number)
      && revision <= one.notAfter && writes(one.apply(before, revision - 1)));
    const suspects = able.filter((one) => this.#fits(one.apply(before, revision - 1), revision));
    if (suspects.length === 0) return this.#nobody(revision, able);
    const choice = { revision, suspects, next: 0 };
    this.#choices.push(choice);
    return this.#take(choice);
  }

  #fits(effect: Effect, revision: number): boolean {
    return this.#evidence.allows(revision, effect.events) && this.#accept(revision, effect) === undefined;
  }

  #nobody(revision: number, able: readonly Suspect[]): Violation {
    const seen = JSON.stringify(this.#observed.get(revision)?.map((one) => one.kv ?? { deleted: one.key }) ?? []);
    if (able.length === 0) return { rule: 'I3 dense revisions', message: `nobody can have made revision ${revision} by ${this.#seenMs[revision]} ms; seen of it: ${seen}` };
    return { rule: 'I1 linearizable', message: `revision ${revision}: what was read of it or seen (${seen}) is of none of: ${able.map((one) => one.name).join('; ').slice(0, 2000)}` };
  }

  #take(choice: Choice): Violation | undefined {
    const suspect = choice.suspects[choice.next] as Suspect;
    choice.next += 1;
    this.#used.add(suspect);
    return this.#accept(choice.revision, suspect.apply(this.#states[choice.revision - 1] as State, choice.revision - 1));
  }

  /** The revision to go on from, or undefined: all has been tried. */
  #backtrack(): number | undefined {
    for (let choice = this.#choices.at(-1); choice !== undefined; choice = this.#choices.at(-1)) {
      this.#used.delete(choice.suspects[choice.next - 1] as Suspect);
      if (choice.next < choice.suspects.length) {
        this.#take(choice);
        if (this.#checkReaders(choice.revision) === undefined) return choice.revision + 1;
        continue;
      }
      this.#choices.pop();
    }
    return undefined;
  }

  #checkReaders(revision: number): Violation | undefined {
    for (const reader of this.#readers.get(revision) ?? []) {
      const effect = applyTxn(this.#states[revision] as State, revision, reader.request as TxnRequest, (at) => (at <= revision ? this.#states[at] : undefined));
      const difference = differs(effect, reader.outcome) ?? (effect.events.length > 0 ? 'it should have written' : undefined);
      if (difference !== undefined) return { rule: 'I1 linearizable', message: `at revision ${revision}: ${describe(reader)}: ${difference}` };
    }
    return undefined;
  }
}

function listAt<T>(map: Map<number, T[]>, key: number): T[] {
  let list = map.get(key);
  if (list === undefined) map.set(key, list = []);
  return list;
}

function writes(effect: Effect): boolean {
  return effect.answers !== undefined && effect.events.length > 0;
}

function isOk(operation: Operation): operation is Ok {
  return operation.outcome.kind === 'ok';
}

function wrote(operation: Ok): boolean {
  return operation.outcome.answers.some((answer) => answer.type === 'put' || (answer.type === 'delete' && answer.deleted > 0));
}

/** When each lease may end by itself at the earliest. */
export function leaseEnds(operations: readonly Operation[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const { request, outcome, callMs } of operations) {
    if (request.kind !== 'lease-grant' && request.kind !== 'lease-keep') continue;
    // A grant of unknown outcome may have been done.
    const counts = outcome.kind === 'ok' || (request.kind === 'lease-grant' && outcome.kind === 'unknown');
    if (counts) ends.set(request.lease, Math.max(ends.get(request.lease) ?? 0, callMs + request.ttlMs));
  }
  return ends;
}

export function describe({ client, callMs, returnMs, request, outcome }: Operation): string {
  return `${client} [${callMs.toFixed(1)}, ${returnMs.toFixed(1)}] ${JSON.stringify(request)} -> ${JSON.stringify(outcome).slice(0, 600)}`;
}

export function linearize(operations: readonly Operation[], observations: readonly Observation[] = [], leaseSlackMs = 0): { readonly explained: Explained } | { readonly violation: Violation } {
  return new Linearizer(operations, observations, leaseSlackMs).run();
}
