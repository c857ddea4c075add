import type { Informer } from '@coxswain/client';
import type { Clock } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { GangReport } from '../explain/decision-log.ts';
import { podGroupLabel, type PodGroup } from './pod-group.ts';

/** A group of pods that are admitted whole or not at all. */
export interface Gang {
  /** `namespace/name` */
  readonly key: string;
  /** undefined while nobody has made it. */
  readonly group: PodGroup | undefined;
  /** When it was first heard of, monotonic. */
  readonly sinceMs: number;
  /** Without a node and without scheduling gates. */
  readonly waiting: ReadonlySet<string>;
  /** On a node, or done well. */
  readonly placed: ReadonlySet<string>;
  readonly pods: ReadonlyMap<string, Pod>;
}

class Members implements Gang {
  readonly key: string;
  readonly sinceMs: number;
  group: PodGroup | undefined;
  readonly waiting = new Set<string>();
  readonly placed = new Set<string>();
  readonly pods = new Map<string, Pod>();

  constructor(key: string, sinceMs: number) {
    this.key = key;
    this.sinceMs = sinceMs;
  }

  put(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    this.drop(uid);
    this.pods.set(uid, pod);
    if (pod.status?.phase === 'Succeeded') { this.placed.add(uid); return; }
    if (pod.metadata?.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') return;
    if ((pod.spec?.nodeName ?? '') !== '') this.placed.add(uid);
    else if ((pod.spec?.schedulingGates ?? []).length === 0) this.waiting.add(uid);
  }

  drop(uid: string): void {
    this.pods.delete(uid);
    this.waiting.delete(uid);
    this.placed.delete(uid);
  }
}

export function minMemberOf({ group }: Gang): number {
  return group?.spec?.minMember ?? 1;
}

/** Its group is known, and has as many pods as it needs. */
export function isComplete(gang: Gang): boolean {
  return gang.group !== undefined && gang.waiting.size + gang.placed.size >= minMemberOf(gang);
}

/** `assumed`: members that are being bound, or were just now. */
export function gangReport(gang: Gang, assumed = 0, culprit?: string): GangReport {
  const minMember = gang.group === undefined ? undefined : minMemberOf(gang);
  return { group: gang.key, minMember, placed: gang.placed.size + assumed, members: gang.placed.size + gang.waiting.size, ...(culprit === undefined ? {} : { culprit }) };
}

export function gangKeyOf({ metadata }: Pod): string | undefined {
  const name = metadata?.labels?.[podGroupLabel];
  return name === undefined || name === '' ? undefined : `${metadata?.namespace ?? ''}/${name}`;
}

export interface GangInformers {
  readonly podGroups: Informer<PodGroup>;
  /** Pods with the label, those that have ended too. */
  readonly members: Informer<Pod>;
}

/** Who belongs together, kept up to date. What waits for a gang to become complete is told by `ready`; of every change tells `changed`. */
export class Gangs {
  readonly #clock: Clock;
  readonly #gangs = new Map<string, Members>();
  /** By uid, so that the queue's order costs no strings. */
  readonly #byUid = new Map<string, Members>();
  /** Its pods may enter the active queue now. */
  ready: (gang: Gang) => void = () => undefined;
  changed: (gang: Gang) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** There are no groups to be known: the cluster has no such kind. */
  isKindAbsent: () => boolean = () => false;

  observe({ podGroups, members }: GangInformers): void {
    this.isKindAbsent = () => podGroups.isAbsent;
    const group = (object: PodGroup): void => this.setGroup(object);
    podGroups.addHandler({ added: group, updated: (_before, after) => group(after), deleted: (object) => this.removeGroup(object) });
    const pod = (object: Pod): void => this.setPod(object);
    members.addHandler({ added: pod, updated: (_before, after) => pod(after), deleted: (object) => this.removePod(object.metadata?.uid ?? '') });
  }

  /** undefined: the pod names no group, or of it nothing is known yet. */
  of(pod: Pod): Gang | undefined {
    const known = this.#byUid.get(pod.metadata?.uid ?? '');
    if (known !== undefined) return known;
    const key = gangKeyOf(pod);
    return key === undefined ? undefined : this.#gangs.get(key);
  }

  all(): readonly Gang[] {
    return [...this.#gangs.values()];
  }

  setGroup(group: PodGroup): void {
    const key = `${group.metadata?.namespace ?? ''}/${group.metadata?.name ?? ''}`;
    const before = this.#gangs.get(key)?.group?.spec;
    this.#change(key, (gang) => { gang.group = group; }, JSON.stringify(before) === JSON.stringify(group.spec) ? undefined : 'tell');
  }

  removeGroup(group: PodGroup): void {
    this.#change(`${group.metadata?.namespace ?? ''}/${group.metadata?.name ?? ''}`, (gang) => { gang.group = undefined; });
  }

  setPod(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const key = gangKeyOf(pod);
    if (this.#byUid.get(uid)?.key !== key) this.removePod(uid);
    if (key === undefined) return;
    // The queue may have heard of it before, and held it back.
    const isNew = this.#byUid.get(uid)?.waiting.has(uid) !== true;
    this.#change(key, (gang) => { gang.put(pod); this.#byUid.set(uid, gang); }, isNew ? 'tell' : undefined);
  }

  removePod(uid: string): void {
    const gang = this.#byUid.get(uid);
    if (gang === undefined) return;
    this.#byUid.delete(uid);
    // Those that are left may have waited for one that could not be placed.
    this.#change(gang.key, () => gang.drop(uid), 'tell');
  }

  #change(key: string, make: (gang: Members) => void, tell?: 'tell'): void {
    const gang = this.#gangs.get(key) ?? new Members(key, this.#clock.monotonicMs());
    this.#gangs.set(key, gang);
    const was = isComplete(gang);
    make(gang);
    if (gang.group === undefined && gang.pods.size === 0) this.#gangs.delete(key);
    if (isComplete(gang) && (!was || tell !== undefined)) this.ready(gang);
    this.changed(gang);
  }
}
