import type { ClusterEvent } from '../../framework/events.ts';

/** Pods that wait for their victims; the oldest are forgotten, who then only try again in vain. */
const maxPods = 20_000;

/** Whose going each preempting pod waits for: until the last has gone, the going of one does not help it. */
export class AwaitedVictims {
  readonly #byPod = new Map<string, readonly string[]>();

  expect(uid: string, victims: readonly string[]): void {
    this.#byPod.delete(uid);
    this.#byPod.set(uid, victims);
    const [oldest] = this.#byPod.size > maxPods ? this.#byPod.keys() : [];
    if (oldest !== undefined) this.#byPod.delete(oldest);
  }

  forget(uid: string): void {
    this.#byPod.delete(uid);
  }

  /** The event is of one of the pod's victims, and not all have gone. */
  stillFor(uid: string, { resource, before }: ClusterEvent, isThere: (uid: string) => boolean): boolean {
    const victims = resource === 'AssignedPod' ? this.#byPod.get(uid) : undefined;
    return victims !== undefined && victims.includes(before?.metadata?.uid ?? '') && victims.some(isThere);
  }
}
