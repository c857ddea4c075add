import type { PodInfo } from '../cache/pod-info.ts';
import type { Nominator } from '../framework/framework.ts';

const none: readonly never[] = [];

/** Which node preemption has promised to which waiting pod. */
export class Nominations implements Nominator {
  readonly #byUid = new Map<string, { readonly pod: PodInfo; readonly nodeName: string }>();
  readonly #byNode = new Map<string, Map<string, PodInfo>>();

  nominate(pod: PodInfo, nodeName: string): void {
    this.remove(pod.uid);
    if (nodeName === '') return;
    this.#byUid.set(pod.uid, { pod, nodeName });
    const pods = this.#byNode.get(nodeName) ?? new Map<string, PodInfo>();
    pods.set(pod.uid, pod);
    this.#byNode.set(nodeName, pods);
  }

  remove(uid: string): void {
    const nomination = this.#byUid.get(uid);
    if (nomination === undefined) return;
    this.#byUid.delete(uid);
    const pods = this.#byNode.get(nomination.nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(nomination.nodeName);
  }

  get isEmpty(): boolean { return this.#byUid.size === 0; }

  list(): readonly { readonly pod: PodInfo; readonly nodeName: string }[] { return this.isEmpty ? none : [...this.#byUid.values()]; }

  nodeOf(uid: string): string {
    return this.#byUid.get(uid)?.nodeName ?? '';
  }

  nominatedOn(nodeName: string): readonly PodInfo[] {
    const pods = this.#byNode.get(nodeName);
    return pods === undefined ? [] : [...pods.values()];
  }
}
