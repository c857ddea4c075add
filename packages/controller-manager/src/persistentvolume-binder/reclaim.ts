import { isNotFound, objectKey, resources } from '@coxswain/client';
import type { PersistentVolume } from 'kubernetes-types/core/v1';
import { messageOf, nameOf } from '../common/object.ts';
import type { ControllerContext } from '../types.ts';
import type { Caches } from './caches.ts';
import { annotationOf, deletionFinalizer, migratedToAnnotation, normal, ownerKey, warning } from './facts.ts';
import { deleterOf } from './in-tree.ts';
import { isReleased } from './volume.ts';
import type { Writer } from './writer.ts';

type Policy = 'Retain' | 'Recycle' | 'Delete';

/** Only what looks like the provisioner's own is ever removed. */
const removable = /^\/tmp\/.+/;

/** What becomes of a volume whose claim is gone. */
export class Reclaiming {
  readonly #context: ControllerContext;
  readonly #caches: Caches;
  readonly #writer: Writer;
  readonly #byPolicy: Readonly<Record<Policy, (volume: PersistentVolume) => Promise<void>>> = {
    Retain: async () => undefined,
    Recycle: (volume) => this.#recycle(volume),
    Delete: (volume) => this.#delete(volume),
  };

  constructor(context: ControllerContext, caches: Caches, writer: Writer) {
    this.#context = context;
    this.#caches = caches;
    this.#writer = writer;
  }

  async reclaim(before: PersistentVolume): Promise<void> {
    const phase = before.status?.phase;
    // A failure stays to be seen while it is tried again.
    const volume = phase === 'Released' || phase === 'Failed' ? before : await this.#writer.volumePhase(before, 'Released');
    if ((annotationOf(volume, migratedToAnnotation) ?? '') !== '') return;
    const policy = (volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain') as Policy;
    const act = this.#byPolicy[policy] as ((volume: PersistentVolume) => Promise<void>) | undefined;
    if (act === undefined) await this.#writer.volumeFails(volume, warning('VolumeUnknownReclaimPolicy', 'Volume has unrecognized PersistentVolumeReclaimPolicy'));
    else await act(volume);
  }

  /** The volume as it is now, if it still is to be reclaimed: data is not given up on the word of a cache. */
  async #fresh(volume: PersistentVolume): Promise<PersistentVolume | undefined> {
    const now = await this.#context.client.get(resources.persistentvolumes, objectKey(volume)).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    return now !== undefined && isReleased(now, this.#caches.claim(ownerKey(now) ?? '')) ? now : undefined;
  }

  /** Pods that would empty a volume are not built. */
  async #recycle(before: PersistentVolume): Promise<void> {
    const volume = await this.#fresh(before);
    if (volume === undefined) return;
    const users = this.#caches.users(volume);
    if (users.length > 0 && this.#caches.claim(ownerKey(volume) ?? '') === undefined) {
      this.#writer.tell(volume, normal('VolumeFailedRecycle', `Volume is used by pods: ${users.join(',')}`));
      return;
    }
    await this.#writer.volumeFails(volume, warning('VolumeFailedRecycle', 'No recycler plugin found for the volume!'));
  }

  async #delete(before: PersistentVolume): Promise<void> {
    const volume = await this.#fresh(before);
    if (volume === undefined) return;
    const deleter = deleterOf(volume);
    if (deleter.kind === 'external') return;
    try {
      if (deleter.kind === 'none') throw new Error(deleter.error);
      await this.#removeDirectory(volume);
    } catch (error) {
      await this.#writer.volumeFails(volume, warning('VolumeFailedDelete', messageOf(error)));
      return;
    }
    const finalizers = volume.metadata?.finalizers ?? [];
    if (finalizers.includes(deletionFinalizer)) await this.#writer.volume(volume, { ...volume, metadata: { ...volume.metadata, finalizers: finalizers.filter((one) => one !== deletionFinalizer) } });
    await this.#context.client.delete(resources.persistentvolumes, objectKey(volume), volume.metadata?.uid === undefined ? {} : { preconditions: { uid: volume.metadata.uid } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  async #removeDirectory(volume: PersistentVolume): Promise<void> {
    const path = volume.spec?.hostPath?.path;
    if (path === undefined) throw new Error(`failed to create deleter for volume ${JSON.stringify(nameOf(volume))}: spec.PersistentVolumeSource.HostPath is nil`);
    if (!removable.test(path) || path.split('/').includes('..')) throw new Error(`host_path deleter only supports /tmp/.+ but received provided ${path}`);
    await this.#context.host.disk.remove(path, { recursive: true });
  }
}
