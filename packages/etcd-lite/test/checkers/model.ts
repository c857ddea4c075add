import { inRange, type Compare, type Event, type Kv, type Outcome, type Step, type StepAnswer, type TxnRequest } from './history.ts';

/** The obvious store: every state there ever was, by revision. It shares no code with the real one. */
export type State = ReadonlyMap<string, Kv>;

export interface Effect {
  readonly succeeded: boolean;
  readonly answers: readonly StepAnswer[] | undefined;
  /** Empty: nothing was written, the revision stays. */
  readonly events: readonly Event[];
  readonly state: State;
}

export const emptyState: State = new Map();

function holds(compare: Compare, state: State): boolean {
  const kv = state.get(compare.key);
  if (compare.target === 'value') return kv !== undefined && relation(kv.value < compare.value, kv.value > compare.value, compare.result);
  const own = kv?.[compare.target] ?? 0;
  return relation(own < compare.value, own > compare.value, compare.result);
}

function relation(less: boolean, greater: boolean, wanted: Compare['result']): boolean {
  if (wanted === 'equal') return !less && !greater;
  return wanted === 'less' ? less : greater;
}

export function rangeOf(state: State, step: Extract<Step, { type: 'range' }>): StepAnswer {
  const kvs = [...state.values()].filter((kv) => inRange(kv.key, step.key, step.end)).sort((a, b) => (a.key < b.key ? -1 : 1));
  return { type: 'range', kvs: step.limit > 0 ? kvs.slice(0, step.limit) : kvs, count: kvs.length };
}

class Writing {
  state: State;
  readonly events: Event[] = [];
  readonly #revision: number;
  readonly #before: State;
  #own: Map<string, Kv> | undefined;

  constructor(before: State, revision: number) {
    this.#before = before;
    this.state = before;
    this.#revision = revision;
  }

  /** Most only read. */
  #writable(): Map<string, Kv> {
    this.#own ??= new Map(this.#before);
    this.state = this.#own;
    return this.#own;
  }

  #prev(key: string): { readonly prev?: Kv } {
    const prev = this.#before.get(key);
    return prev === undefined ? {} : { prev };
  }

  put(key: string, value: string, lease: string): void {
    const before = this.state.get(key);
    const kv = { key, value, create: before?.create ?? this.#revision, mod: this.#revision, version: (before?.version ?? 0) + 1, lease };
    this.#writable().set(key, kv);
    this.events.push({ type: 'put', kv, ...this.#prev(key) });
  }

  delete(keys: readonly string[]): number {
    for (const key of keys) {
      this.#writable().delete(key);
      this.events.push({ type: 'delete', kv: { key, value: '', create: 0, mod: this.#revision, version: 0, lease: '' }, ...this.#prev(key) });
    }
    return keys.length;
  }
}

/** `at` gives the state of an older revision; undefined: there is none. */
export function applyTxn(state: State, revision: number, request: TxnRequest, at: (revision: number) => State | undefined): Effect {
  const succeeded = request.compare.every((compare) => holds(compare, state));
  const writing = new Writing(state, revision + 1);
  const answers: StepAnswer[] = [];
  for (const step of succeeded ? request.success : request.failure) {
    if (step.type === 'put') {
      writing.put(step.key, step.value, step.lease);
      answers.push({ type: 'put' });
    } else if (step.type === 'delete') {
      answers.push({ type: 'delete', deleted: writing.delete([...writing.state.keys()].filter((key) => inRange(key, step.key, step.end)).sort()) });
    } else {
      const source = step.revision === 0 ? writing.state : at(step.revision);
      if (source === undefined) return { succeeded, answers: undefined, events: [], state };
      answers.push(rangeOf(source, step));
    }
  }
  return { succeeded, answers, events: writing.events, state: writing.events.length > 0 ? writing.state : state };
}

/** Its keys go with a lease. */
export function applyLeaseEnd(state: State, revision: number, lease: string): Effect {
  const writing = new Writing(state, revision + 1);
  writing.delete([...state.values()].filter((kv) => kv.lease === lease).map((kv) => kv.key).sort());
  return { succeeded: true, answers: [], events: writing.events, state: writing.events.length > 0 ? writing.state : state };
}

export function sameKv(a: Kv, b: Kv): boolean {
  return a.key === b.key && a.value === b.value && a.create === b.create && a.mod === b.mod && a.version === b.version && a.lease === b.lease;
}

/** Undefined: the answer is what the model says. */
export function differs(effect: Effect, outcome: Extract<Outcome, { kind: 'ok' }>): string | undefined {
  if (effect.answers === undefined) return 'it reads a revision that does not exist';
  if (effect.succeeded !== outcome.succeeded) return `its comparison was ${String(effect.succeeded)}, not ${String(outcome.succeeded)}`;
  if (effect.answers.length !== outcome.answers.length) return `it has ${outcome.answers.length} answers instead of ${effect.answers.length}`;
  for (const [at, answer] of effect.answers.entries()) {
    const difference = stepDiffers(answer, outcome.answers[at] as StepAnswer);
    if (difference !== undefined) return `answer ${at}: ${difference}`;
  }
  return undefined;
}

function stepDiffers(expected: StepAnswer, given: StepAnswer): string | undefined {
  if (expected.type === 'delete' && given.type === 'delete') return expected.deleted === given.deleted ? undefined : `deleted ${given.deleted} instead of ${expected.deleted}`;
  if (expected.type !== 'range' || given.type !== 'range') return expected.type === given.type ? undefined : `is of type ${given.type}`;
  if (expected.count !== given.count) return `count ${given.count} instead of ${expected.count}`;
  if (expected.kvs.length !== given.kvs.length) return `${given.kvs.length} keys instead of ${expected.kvs.length}`;
  for (const [at, kv] of expected.kvs.entries()) {
    const other = given.kvs[at] as Kv;
    if (!sameKv(kv, other)) return `${JSON.stringify(other)} instead of ${JSON.stringify(kv)}`;
  }
  return undefined;
}
