import { assert } from '@coxswain/host';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/**
 * What a leader knows of one follower's log. `probe`: one append at a time, until it is known where the logs agree;
 * `replicate`: appends stream ahead of the answers; `snapshot`: none until the state has arrived.
 */
export class Progress {
  state: ProgressState = 'probe';
  /** Known to be on the follower's disk. */
  match: number;
  /** What to send next. */
  next: number;
  /** In probe: an append is out, wait for its answer or the next heartbeat's. */
  probeSent = false;
  pendingSnapshot = 0;
  /** It has sent on what clients ask of it: for so many heartbeats it hears of a commit at once. */
  asked = 0;
  /** Heard of since the last check of the quorum. */
  recentActive = false;
  /** Last indexes of the appends on their way and their sizes, oldest first. */
  #inflight: { readonly index: number; readonly sizeBytes: number }[] = [];
  #inflightBytes = 0;
  readonly #maxInflight: number;
  readonly #maxInflightBytes: number;

  constructor(match: number, next: number, maxInflight: number, maxInflightBytes = Number.POSITIVE_INFINITY) {
    this.match = match;
    this.next = next;
    this.#maxInflight = maxInflight;
    this.#maxInflightBytes = maxInflightBytes;
  }

  get paused(): boolean {
    switch (this.state) {
      case 'probe': return this.probeSent;
      case 'replicate': return this.#full;
      case 'snapshot': return true;
    }
  }

  get #full(): boolean {
    return this.#inflight.length >= this.#maxInflight || this.#inflightBytes >= this.#maxInflightBytes;
  }

  get inflightBytes(): number {
    return this.#inflightBytes;
  }

  #shift(): void {
    this.#inflightBytes -= this.#inflight.shift()?.sizeBytes ?? 0;
  }

  #become(state: ProgressState): void {
    this.state = state;
    this.probeSent = false;
    this.pendingSnapshot = 0;
    this.#inflight = [];
    this.#inflightBytes = 0;
  }

  becomeProbe(): void {
    const { pendingSnapshot, state } = this;
    this.#become('probe');
    this.next = Math.max(this.match + 1, state === 'snapshot' ? pendingSnapshot + 1 : 0);
  }

  becomeReplicate(): void {
    this.#become('replicate');
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.#become('snapshot');
    this.pendingSnapshot = index;
  }

  sent(lastIndex: number, count: number, sizeBytes: number): void {
    if (this.state === 'probe') {
      this.probeSent = true;
      return;
    }
    assert(this.state === 'replicate', 'appends must not be sent during a snapshot', { lastIndex });
    if (count === 0) return;
    this.next = lastIndex + 1;
    this.#inflight.push({ index: lastIndex, sizeBytes });
    this.#inflightBytes += sizeBytes;
  }

  /** True if the follower has more than was known. */
  acknowledged(index: number): boolean {
    const advanced = index > this.match;
    if (advanced) {
      this.match = index;
      this.probeSent = false;
    }
    this.next = Math.max(this.next, index + 1);
    while (this.#inflight.length > 0 && (this.#inflight[0]?.index ?? 0) <= index) this.#shift();
    return advanced;
  }

  /** A heartbeat was answered: one more append may go even if the window is full, lest a lost one block it for ever. */
  freeOne(): void {
    this.probeSent = false;
    if (this.#full) this.#shift();
  }

  /** False if the refusal is stale. `rejected` is the refused index, `hint` where to try next. */
  refused(rejected: number, hint: number): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      return true;
    }
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.probeSent = false;
    return true;
  }
}
