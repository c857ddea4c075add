import { Journal } from '../cache/journal.ts';
import type { PodInfo } from '../cache/pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { Nominator } from '../framework/framework.ts';
import { RowLog } from '../table/row-log.ts';

/** A promise of preemption. */
export interface Nomination {
  readonly pod: PodInfo;
  readonly nodeName: string;
}

interface Change { readonly before: Nomination | undefined; readonly after: Nomination | undefined }

/** As many as the cache's changes that can be taken back. */
const journalLength = 5000;
/** Never the same twice, so that what is remembered of one object's promises is not taken for another's. */
let lastStamp = 0;
const nothing = new Float64Array(0);

/** Which node preemption has promised to which waiting pod. */
export class Nominations implements Nominator {
  readonly #byUid = new Map<string, Nomination>();
  readonly #byNode = new Map<string, Map<string, PodInfo>>();
  readonly #journal = new Journal<Change>(journalLength);
  /** Whose rows `#stamps` are by. */
  #snapshot: Snapshot | undefined;
  #stamps: Float64Array = nothing;
  readonly changes = new RowLog();
  #withAffinity = 0;

  nominate(pod: PodInfo, nodeName: string): void {
    this.#change(pod.uid, nodeName === '' ? undefined : { pod, nodeName });
  }

  remove(uid: string): void {
    this.#change(uid, undefined);
  }

  #change(uid: string, after: Nomination | undefined): void {
    const before = this.#byUid.get(uid);
    if (before === undefined && after === undefined) return;
    this.#journal.add({ before, after });
    if (before !== undefined) this.#take(before);
    if (after !== undefined) this.#put(after);
  }

  #take({ pod: { uid, hasPodAffinity }, nodeName }: Nomination): void {
    this.#byUid.delete(uid);
    if (hasPodAffinity) this.#withAffinity -= 1;
    const pods = this.#byNode.get(nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(nodeName);
    this.#stamp(nodeName);
  }

  #put(nomination: Nomination): void {
    const { pod, nodeName } = nomination;
    this.#byUid.set(pod.uid, nomination);
    if (pod.hasPodAffinity) this.#withAffinity += 1;
    const pods = this.#byNode.get(nodeName) ?? new Map<string, PodInfo>();
    pods.set(pod.uid, pod);
    this.#byNode.set(nodeName, pods);
    this.#stamp(nodeName);
  }

  #stamp(nodeName: string): void {
    const row = this.#snapshot?.node(nodeName)?.row;
    lastStamp += 1;
    if (row === undefined || row >= this.#stamps.length) return;
    this.#stamps[row] = this.#byNode.has(nodeName) ? lastStamp : 0;
    this.changes.add(row);
  }

  stamps(snapshot: Snapshot): Float64Array {
    if (snapshot === this.#snapshot) return this.#stamps;
    this.#snapshot = snapshot;
    this.#stamps = new Float64Array(snapshot.table.touchedAt.length);
    for (const nodeName of this.#byNode.keys()) this.#stamp(nodeName);
    return this.#stamps;
  }

  get isEmpty(): boolean { return this.#byUid.size === 0; }
  get anyWithAffinity(): boolean { return this.#withAffinity > 0; }

  /** The place of the next change, for `asOf`. */
  get place(): number { return this.#journal.end; }

  /** Those that stood when `place` was the next change; undefined: that is too long ago. */
  asOf(place: number): readonly Nomination[] | undefined {
    if (place < this.#journal.start) return undefined;
    const byUid = new Map(this.#byUid);
    for (const { before, after } of this.#journal.since(place).toReversed()) {
      if (after !== undefined) byUid.delete(after.pod.uid);
      if (before !== undefined) byUid.set(before.pod.uid, before);
    }
    return [...byUid.values()];
  }

  nodeOf(uid: string): string {
    return this.#byUid.get(uid)?.nodeName ?? '';
  }

  nominatedOn(nodeName: string): readonly PodInfo[] {
    const pods = this.#byNode.get(nodeName);
    return pods === undefined ? [] : [...pods.values()];
  }
}
