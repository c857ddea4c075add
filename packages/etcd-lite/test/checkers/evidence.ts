import { inRange, type Event, type Kv, type Observation, type Operation } from './history.ts';
import { sameKv } from './model.ts';

/**
 * What answers and events say of revisions other than their own: a key that was read as of its last change is evidence of what
 * that revision made, and that nobody changed the key from there to where it was read. Without it a guess of who made a revision is
 * found wrong only where somebody reads it, and all guesses in between are tried before; and of two orders that both explain the
 * linearizable answers, one is found that is not what happened.
 */
export class Evidence {
  readonly #made = new Map<number, Map<string, Kv>>();
  /** By key: from a change, to where it was last read so. */
  readonly #unchangedTo = new Map<string, Map<number, number>>();

  constructor(operations: readonly Operation[], observations: readonly Observation[]) {
    for (const operation of operations) this.#note(operation);
    for (const { revision, prev } of observations) if (prev !== undefined && prev.mod < revision) this.#noteKv(prev, revision - 1);
  }

  #note({ request, outcome }: Operation): void {
    if (request.kind !== 'txn' || outcome.kind !== 'ok') return;
    const steps = outcome.succeeded ? request.success : request.failure;
    const wrote = steps.some((step) => step.type !== 'range');
    for (const [at, step] of steps.entries()) {
      const answer = outcome.answers[at];
      if (step.type !== 'range' || answer?.type !== 'range') continue;
      // What a transaction reads of its own is for the model to judge.
      const readAt = step.revision > 0 ? step.revision : outcome.revision - (wrote ? 1 : 0);
      for (const kv of answer.kvs) if (inRange(kv.key, step.key, step.end) && kv.mod <= readAt) this.#noteKv(kv, readAt);
    }
  }

  #noteKv(kv: Kv, readAt: number): void {
    inside(this.#made, kv.mod).set(kv.key, kv);
    const unchangedTo = inside(this.#unchangedTo, kv.key);
    unchangedTo.set(kv.mod, Math.max(unchangedTo.get(kv.mod) ?? 0, readAt));
  }

  /** Nothing that was read or seen contradicts that `revision` made these. */
  allows(revision: number, events: readonly Event[]): boolean {
    for (const kv of this.#made.get(revision)?.values() ?? []) {
      if (!events.some((event) => event.type === 'put' && sameKv(event.kv, kv))) return false;
    }
    return events.every(({ kv }) => {
      for (const [from, to] of this.#unchangedTo.get(kv.key) ?? []) if (from < revision && revision <= to) return false;
      return true;
    });
  }
}

function inside<K, A, B>(maps: Map<K, Map<A, B>>, key: K): Map<A, B> {
  let map = maps.get(key);
  if (map === undefined) maps.set(key, map = new Map());
  return map;
}
