import type { MemberId } from './types.ts';

export interface ConfirmedRound {
  readonly from: MemberId;
  readonly context: number;
  /** The commit index when the read was asked. */
  readonly index: number;
  /** Of a round that nobody asked for, to renew the lease: when it began. */
  readonly leaseMs: number | undefined;
}

interface Round extends ConfirmedRound {
  /** The leader's own number of the round; travels with its heartbeats. */
  readonly number: number;
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
    this.#push({ from, context, index, leaseMs: undefined }, self);
  }

  /** At most one that is unanswered is kept: an older one would renew less. */
  openLease(nowMs: number, self: MemberId): void {
    this.#rounds = this.#rounds.filter((round) => round.leaseMs === undefined);
    this.#push({ from: self, context: 0, index: 0, leaseMs: nowMs }, self);
  }

  #push(round: ConfirmedRound, self: MemberId): void {
    this.#last += 1;
    this.#rounds.push({ ...round, number: this.#last, acknowledged: new Set([self]) });
  }

  /** The rounds that are confirmed now, oldest first. */
  acknowledge(member: MemberId, number: number, isQuorum: (members: ReadonlySet<MemberId>) => boolean): readonly ConfirmedRound[] {
    let confirmed = 0;
    for (const [at, round] of this.#rounds.entries()) {
      if (round.number > number) break;
      round.acknowledged.add(member);
      if (isQuorum(round.acknowledged)) confirmed = at + 1;
    }
    return this.#rounds.splice(0, confirmed);
  }
}
