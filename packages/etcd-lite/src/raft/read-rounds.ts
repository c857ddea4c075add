import type { MemberId } from './types.ts';

interface Round {
  /** The leader's own number of the round; travels with its heartbeats. */
  readonly number: number;
  readonly from: MemberId;
  readonly context: number;
  /** The commit index when the read was asked. */
  readonly index: number;
  readonly acknowledged: Set<MemberId>;
}

/**
 * ReadIndex: a read may be answered at the commit index of when it was asked, once a quorum has confirmed after that that
 * this leader still is one. A confirmation counts for every round not newer than the one it names.
 */
export class ReadRounds {
  #rounds: Round[] = [];
  #last = 0;

  /** 0: none is open. */
  get newest(): number {
    return this.#rounds.length === 0 ? 0 : this.#last;
  }

  open(from: MemberId, context: number, index: number, self: MemberId): void {
    this.#last += 1;
    this.#rounds.push({ number: this.#last, from, context, index, acknowledged: new Set([self]) });
  }

  /** The rounds that are confirmed now, oldest first. */
  acknowledge(member: MemberId, number: number, quorum: number): readonly { readonly from: MemberId; readonly context: number; readonly index: number }[] {
    let confirmed = 0;
    for (const [at, round] of this.#rounds.entries()) {
      if (round.number > number) break;
      round.acknowledged.add(member);
      if (round.acknowledged.size >= quorum) confirmed = at + 1;
    }
    return this.#rounds.splice(0, confirmed);
  }
}
