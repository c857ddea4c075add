import { given } from '@coxswain/api/volumes';
import { resources, type AssumeCache, type KubeObject, type ResourceType } from '@coxswain/client';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { ControllerContext } from '../types.ts';
import type { Caches } from './caches.ts';
import type { Tell } from './facts.ts';
import { claimBoundTo, claimInPhase, volumeInPhase } from './status.ts';
import { unbound } from './volume.ts';

/** Writes claims and volumes, and remembers what it wrote until the caches show it. Writes nothing where nothing changes. */
export class Writer {
  readonly #context: ControllerContext;
  readonly #caches: Caches;

  constructor(context: ControllerContext, caches: Caches) {
    this.#context = context;
    this.#caches = caches;
  }

  tell(object: PersistentVolume | PersistentVolumeClaim, { type, reason, message }: Tell): void {
    this.#context.recorder.event(object, type, reason, message);
  }

  /** Assumed at once, so that nobody who decides meanwhile takes the same volume; taken back if the write fails. */
  async #put<T extends KubeObject>(cache: AssumeCache<T>, type: ResourceType<T>, before: T, after: T, how: 'update' | 'updateStatus'): Promise<T> {
    if (after === before) return before;
    cache.assume(after);
    try {
      const written = await this.#context.client[how](type, after);
      cache.wrote(written);
      return written;
    } catch (error) {
      cache.restore(after);
      throw error;
    }
  }

  claim(before: PersistentVolumeClaim, after: PersistentVolumeClaim): Promise<PersistentVolumeClaim> {
    return this.#put(this.#caches.claims, resources.persistentvolumeclaims, before, after, 'update');
  }

  volume(before: PersistentVolume, after: PersistentVolume): Promise<PersistentVolume> {
    return this.#put(this.#caches.volumes, resources.persistentvolumes, before, after, 'update');
  }

  claimPhase(claim: PersistentVolumeClaim, phase: 'Pending' | 'Bound' | 'Lost', volume?: PersistentVolume): Promise<PersistentVolumeClaim> {
    return this.#put(this.#caches.claims, resources.persistentvolumeclaims, claim, claimInPhase(claim, phase, volume), 'updateStatus');
  }

  volumePhase(volume: PersistentVolume, phase: string, message = ''): Promise<PersistentVolume> {
    return this.#put(this.#caches.volumes, resources.persistentvolumes, volume, volumeInPhase(volume, phase, message), 'updateStatus');
  }

  /** Told only when it becomes so. */
  async volumeFails(volume: PersistentVolume, tell: Tell): Promise<void> {
    if (volume.status?.phase === 'Failed') return;
    this.tell(await this.volumePhase(volume, 'Failed', tell.message), tell);
  }

  async claimIsLost(claim: PersistentVolumeClaim, tell: Tell): Promise<void> {
    if (claim.status?.phase === 'Lost') return;
    this.tell(await this.claimPhase(claim, 'Lost'), tell);
  }

  /**
   * The volume first: its reference is what decides whose it is. Whoever stops in between, the next sync of either finds the other half
   * missing and goes on from there.
   */
  async bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    const bound = await this.volumePhase(await this.volume(volume, given(volume, claim)), 'Bound');
    await this.claimPhase(await this.claim(claim, claimBoundTo(claim, bound)), 'Bound', bound);
  }

  async unbind(volume: PersistentVolume): Promise<void> {
    await this.volumePhase(await this.volume(volume, unbound(volume)), 'Available');
  }
}
