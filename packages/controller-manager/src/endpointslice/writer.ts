import { isNotFound, objectKey, resources, type Client, type Lister } from '@coxswain/client';
import type { Clock } from '@coxswain/host';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import { deepEqual, nameOf, uidOf } from '../common/object.ts';
import type { SlicePlan } from './reconcile.ts';

const unseenMs = 60_000;

export interface SliceMeta {
  readonly owner: OwnerReference;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Carries plans out, and knows what of it the cache has not shown yet. Keys are those of the services. */
export class SliceWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #lister: Lister<EndpointSlice>;
  /** Slices that were created and not yet seen in the cache, by service: without them a pass would create them again. */
  readonly #unseen = new Map<string, Map<string, number>>();

  constructor(client: Client, clock: Clock, lister: Lister<EndpointSlice>) {
    this.#client = client;
    this.#clock = clock;
    this.#lister = lister;
  }

  seen(key: string, slice: EndpointSlice): void {
    this.#unseen.get(key)?.delete(nameOf(slice));
  }

  forget(key: string): void {
    this.#unseen.delete(key);
  }

  /** Until the cache shows what was created; one that was deleted before it was seen is waited for in vain, so not for ever. */
  waitsForCache(key: string): boolean {
    const unseen = this.#unseen.get(key);
    if (unseen === undefined) return false;
    const nowMs = this.#clock.monotonicMs();
    for (const [slice, createdMs] of unseen) if (nowMs - createdMs > unseenMs) unseen.delete(slice);
    return unseen.size > 0;
  }

  async carryOut(key: string, plan: SlicePlan, existing: readonly EndpointSlice[], meta: SliceMeta): Promise<void> {
    for (const slice of plan.create) await this.#create(key, slice, meta);
    const touched = new Set([...plan.update, ...plan.remove].map(nameOf));
    const relabelled = existing.filter((slice) => !touched.has(nameOf(slice)) && !deepEqual(slice.metadata?.labels ?? {}, meta.labels));
    for (const slice of [...plan.update, ...relabelled]) {
      await this.#client.update(resources.endpointslices, { ...slice, metadata: { ...slice.metadata, labels: { ...meta.labels }, annotations: { ...slice.metadata?.annotations, ...meta.annotations } } });
    }
    for (const slice of plan.remove) await this.remove(slice);
  }

  async #create(key: string, slice: SlicePlan['create'][number], { owner, namespace, labels, annotations }: SliceMeta): Promise<void> {
    const metadata = { generateName: `${owner.name}-`, namespace, labels: { ...labels }, annotations: { ...annotations }, ownerReferences: [owner] };
    const created = await this.#client.create(resources.endpointslices, { metadata, ...slice });
    if (this.#lister.get(objectKey(created)) !== undefined) return;
    const unseen = this.#unseen.get(key) ?? new Map<string, number>();
    unseen.set(nameOf(created), this.#clock.monotonicMs());
    this.#unseen.set(key, unseen);
  }

  async remove(slice: EndpointSlice): Promise<void> {
    await this.#client.delete(resources.endpointslices, objectKey(slice), { preconditions: { uid: uidOf(slice) } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
