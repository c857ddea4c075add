import { everything, type ClusterEvent } from '../framework/events.ts';

/**
 * Events that came while pods were being decided. A pod that turns out unschedulable must not sleep through one of them:
 * its decision may have been taken on what was true before.
 */
export class EventLog {
  #events: ClusterEvent[] = [];
  #firstSequence = 0;
  /** uid → sequence of the first event that it has not seen; in order of insertion, so the first is the oldest. */
  readonly #inFlight = new Map<string, number>();
  /** In flight for so long that no events are kept for them. */
  readonly #apart = new Set<string>();

  get inFlightCount(): number { return this.#inFlight.size + this.#apart.size; }

  begin(uid: string): void {
    this.#inFlight.set(uid, this.#firstSequence + this.#events.length);
  }

  isInFlight(uid: string): boolean {
    return this.#inFlight.has(uid) || this.#apart.has(uid);
  }

  record(event: ClusterEvent): void {
    if (this.#inFlight.size > 0) this.#events.push(event);
  }

  /** The pod will wait for others: events are no longer kept for it, and any may have come when it ends. */
  setApart(uid: string): void {
    if (!this.#inFlight.delete(uid)) return;
    this.#apart.add(uid);
    this.#trim();
  }

  /** Events since `begin`; the pod is in flight no more. */
  end(uid: string): readonly ClusterEvent[] {
    if (this.#apart.delete(uid)) return [everything];
    const since = this.#inFlight.get(uid);
    if (since === undefined) return [];
    const missed = this.#events.slice(since - this.#firstSequence);
    this.#inFlight.delete(uid);
    this.#trim();
    return missed;
  }

  /** The pod is in flight no more, and nobody asks what it missed. */
  forget(uid: string): void {
    if (this.#inFlight.delete(uid)) this.#trim();
  }

  #trim(): void {
    const oldest = this.#inFlight.values().next();
    const keepFrom = oldest.done === true ? this.#firstSequence + this.#events.length : oldest.value;
    this.#events = keepFrom === this.#firstSequence ? this.#events : this.#events.slice(keepFrom - this.#firstSequence);
    this.#firstSequence = keepFrom;
  }
}
