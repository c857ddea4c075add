import { claimKey, classNameOf } from '@coxswain/api/volumes';
import { done, isNotFound, resources, splitKey, type SyncResult } from '@coxswain/client';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { nameOf, uidOf } from '../common/object.ts';
import { newLoop, runAll, runLoop, runPeriodically, type Loop } from '../common/run.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { Caches } from './caches.ts';
import { decideClaim, wouldTake, type ClaimStep } from './claim.ts';
import { ownerKey } from './facts.ts';
import { claimAnnotations, volumeAnnotations, volumeFinalizers } from './in-tree.ts';
import { Provisioning } from './provision.ts';
import { Reclaiming } from './reclaim.ts';
import { decideVolume } from './volume.ts';
import { Writer } from './writer.ts';

const name = 'persistentvolume-binder-controller';
const account = 'persistent-volume-binder';
/** Decisions are made between writes, and each is assumed at once: claims that wait for writes need not wait for each other. */
const claimWorkers = 5;

/** Binds claims and volumes to each other, asks for volumes where there are none, and sees to those whose claim is gone. */
export const volumeBinderController: Controller = { name, account, eventSource: 'persistentvolume-controller', start: (context) => new VolumeBinder(context).run };

class VolumeBinder {
  readonly #context: ControllerContext;
  readonly #caches: Caches;
  readonly #writer: Writer;
  readonly #provisioning: Provisioning;
  readonly #reclaiming: Reclaiming;
  readonly #claims: Loop;
  readonly #volumes: Loop;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#caches = new Caches(context.informers);
    this.#writer = new Writer(context, this.#caches);
    this.#provisioning = new Provisioning(context, this.#caches, this.#writer);
    this.#reclaiming = new Reclaiming(context, this.#caches, this.#writer);
    this.#claims = newLoop(context, `${name}-claims`);
    this.#volumes = newLoop(context, `${name}-volumes`);
    this.#watch();
    this.run = runAll(
      runLoop(context, name, this.#claims, (key) => this.#syncClaim(key), claimWorkers), runLoop(context, name, this.#volumes, (key) => this.#syncVolume(key), 1),
      runPeriodically(context, name, context.config.volumes.binderSyncPeriodMs, async () => this.#lookAgain()),
    );
  }

  #watch(): void {
    const { claimInformer, volumeInformer, classInformer, claims, volumes } = this.#caches;
    claimInformer.addHandler({
      added: (claim) => this.#claims.enqueue(claim), updated: (_before, claim) => { claims.over(claim); this.#claims.enqueue(claim); },
      deleted: (claim) => {
        claims.restore(claim);
        for (const volume of this.#caches.volumesOf(claimKey(claim))) this.#volumes.enqueue(volume);
        if ((claim.spec?.volumeName ?? '') !== '') this.#volumes.queue.add(claim.spec?.volumeName ?? '');
      },
    });
    volumeInformer.addHandler({
      added: (volume) => { this.#volumes.enqueue(volume); this.#offer(volume); },
      updated: (before, volume) => {
        volumes.over(volume);
        this.#volumes.enqueue(volume);
        if (before.status?.phase !== volume.status?.phase || before.spec?.claimRef !== undefined || volume.spec?.claimRef !== undefined) this.#offer(volume);
      },
      deleted: (volume) => {
        volumes.restore(volume);
        for (const claim of this.#caches.claimsNaming(nameOf(volume))) this.#claims.enqueue(claim);
        const owner = ownerKey(volume);
        if (owner !== undefined) this.#claims.queue.add(owner);
      },
    });
    const changed = (storageClass: StorageClass): void => {
      for (const claim of [...this.#caches.unboundClaims(nameOf(storageClass)), ...this.#caches.unboundClaims('')]) this.#claims.enqueue(claim);
    };
    classInformer.addHandler({ added: changed, updated: (_before, storageClass) => changed(storageClass) });
  }

  /** Those that wait for such a volume need not wait for the next look. */
  #offer(volume: PersistentVolume): void {
    const owner = ownerKey(volume);
    if (owner !== undefined) this.#claims.queue.add(owner);
    for (const claim of this.#caches.claimsNaming(nameOf(volume))) this.#claims.enqueue(claim);
    if (owner !== undefined) return;
    for (const claim of this.#caches.unboundClaims(classNameOf(volume))) if (this.#wouldTake(claim, volume)) this.#claims.enqueue(claim);
  }

  #wouldTake(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
    try {
      return wouldTake(claim, volume, this.#caches);
    } catch {
      // Its own sync says so.
      return false;
    }
  }

  /** What depends on more than its own object: whether pods came, whether a deletion works by now. */
  #lookAgain(): void {
    for (const claim of this.#caches.claimInformer.lister.list()) if (claim.status?.phase !== 'Bound') this.#claims.enqueue(claim);
    for (const volume of this.#caches.volumeInformer.lister.list()) if (volume.status?.phase !== 'Bound' && volume.status?.phase !== 'Available') this.#volumes.enqueue(volume);
  }

  async #syncClaim(key: string): Promise<SyncResult> {
    const before = this.#caches.claim(key);
    if (before === undefined) return done;
    const annotations = claimAnnotations(before.metadata?.annotations);
    const claim = annotations === before.metadata?.annotations ? before : await this.#writer.claim(before, { ...before, metadata: { ...before.metadata, ...(annotations === undefined ? {} : { annotations }) } });
    await this.#carryOut(claim, decideClaim(claim, this.#caches));
    return done;
  }

  async #carryOut(claim: PersistentVolumeClaim, step: ClaimStep): Promise<void> {
    switch (step.kind) {
      case 'bind': return this.#writer.bind(claim, step.volume);
      case 'lost': return this.#writer.claimIsLost(claim, step.tell);
      case 'provision': return this.#provisioning.provision(claim, step);
      case 'refuse': return this.#writer.tell(claim, step.tell);
      case 'use-class':
        await this.#writer.claim(claim, { ...claim, spec: { ...claim.spec, storageClassName: step.className } });
        return;
      case 'pending':
        if (step.tell !== undefined) this.#writer.tell(claim, step.tell);
        await this.#writer.claimPhase(claim, 'Pending');
    }
  }

  async #syncVolume(key: string): Promise<SyncResult> {
    const before = this.#caches.volume(key);
    if (before === undefined) return done;
    const volume = await this.#settleMetadata(before);
    const claim = await this.#ownerOf(volume);
    const step = decideVolume(volume, claim);
    switch (step.kind) {
      case 'phase': await this.#writer.volumePhase(volume, step.phase); break;
      case 'reclaim': await this.#reclaiming.reclaim(volume); break;
      case 'unbind': await this.#writer.unbind(volume); break;
      case 'ask-claim': this.#claims.queue.add(ownerKey(volume) ?? ''); break;
      case 'mismatch':
        this.#writer.tell(volume, step.volume);
        if (claim !== undefined) this.#writer.tell(claim, step.claim);
    }
    return done;
  }

  async #settleMetadata(volume: PersistentVolume): Promise<PersistentVolume> {
    const [annotations, finalizers] = [volumeAnnotations(volume.metadata?.annotations), volumeFinalizers(volume)];
    if (annotations === volume.metadata?.annotations && finalizers === (volume.metadata?.finalizers ?? finalizers)) return volume;
    return await this.#writer.volume(volume, { ...volume, metadata: { ...volume.metadata, ...(annotations === undefined ? {} : { annotations }), finalizers: [...finalizers] } });
  }

  /**
   * The claim that the volume's reference names. A volume is reclaimed if there is none, so unless that has been decided before the API
   * server is asked: a volume that somebody else has bound can be here before its claim is.
   */
  async #ownerOf(volume: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const [key, uid] = [ownerKey(volume), volume.spec?.claimRef?.uid ?? ''];
    if (key === undefined || uid === '') return undefined;
    const known = this.#caches.claim(key);
    if (known !== undefined && uidOf(known) === uid) return known;
    const { phase } = volume.status ?? {};
    if (known === undefined && (phase === 'Released' || phase === 'Failed')) return undefined;
    const live = await this.#context.client.get(resources.persistentvolumeclaims, splitKey(key)).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    return live !== undefined && uidOf(live) === uid ? live : undefined;
  }
}
