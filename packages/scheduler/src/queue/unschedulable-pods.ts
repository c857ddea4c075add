import type { QueuedPodInfo } from './scheduling-queue.ts';

/** Pods that only an event can help, by who rejected them: thousands that wait for the same are asked once whether an event concerns them. */
export class UnschedulablePods {
  readonly #items = new Map<string, QueuedPodInfo>();
  readonly #groups = new Map<string, Map<string, QueuedPodInfo>>();
  #gated = 0;

  get size(): number { return this.#items.size; }
  get gatedCount(): number { return this.#gated; }

  get(uid: string): QueuedPodInfo | undefined {
    return this.#items.get(uid);
  }

  values(): readonly QueuedPodInfo[] {
    return [...this.#items.values()];
  }

  /** Each holds pods of one scheduler that the same plugins have rejected. Never empty. */
  groups(): readonly ReadonlyMap<string, QueuedPodInfo>[] {
    return [...this.#groups.values()];
  }

  set(item: QueuedPodInfo): void {
    const { uid } = item.podInfo;
    this.delete(uid);
    this.#items.set(uid, item);
    if (item.gated) this.#gated += 1;
    const key = groupOf(item);
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, new Map([[uid, item]]));
    else group.set(uid, item);
  }

  delete(uid: string): void {
    const item = this.#items.get(uid);
    if (item === undefined) return;
    this.#items.delete(uid);
    if (item.gated) this.#gated -= 1;
    const key = groupOf(item);
    const group = this.#groups.get(key);
    group?.delete(uid);
    if (group?.size === 0) this.#groups.delete(key);
  }
}

function groupOf({ podInfo, unschedulablePlugins, pendingPlugins }: QueuedPodInfo): string {
  return [podInfo.pod.spec?.schedulerName ?? '', ...unschedulablePlugins, '', ...pendingPlugins].join('\0');
}
