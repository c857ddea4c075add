import { boundAnnotation, boundByControllerAnnotation, claimKey, classNameOf, isGivenTo, notFound, selectedNodeAnnotation } from '@coxswain/api/volumes';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { nameOf, uidOf } from '../common/object.ts';
import { annotationOf, asksForClass, normal, ownerKey, warning, type Tell } from './facts.ts';
import { provisionerOf, type Agent } from './in-tree.ts';
import { findMatch, whyUnfit } from './match.ts';

/** What is known when a claim is judged; own writes included. */
export interface ClaimView {
  volume(name: string): PersistentVolume | undefined;
  /** All that are reserved for a claim of this name, and all free ones of its class; more is allowed. */
  candidates(claim: PersistentVolumeClaim): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  defaultClass(): StorageClass | undefined;
  /** Names of the pods with this claim that have no node yet. */
  podsWithoutNode(claim: PersistentVolumeClaim): readonly string[];
}

export type ClaimStep =
  | { readonly kind: 'bind'; readonly volume: PersistentVolume }
  | { readonly kind: 'pending'; readonly tell?: Tell }
  | { readonly kind: 'lost'; readonly tell: Tell }
  | { readonly kind: 'use-class'; readonly className: string }
  | { readonly kind: 'provision'; readonly by: Exclude<Agent, { kind: 'none' }>; readonly storageClass: StorageClass }
  /** Nothing is written of it. */
  | { readonly kind: 'refuse'; readonly tell: Tell };

const noVolume = normal('FailedBinding', 'no persistent volumes available for this claim and no storage class is set');

function waiting(pods: readonly string[]): Tell {
  if (pods.length === 0) return normal('WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  return normal('WaitForPodScheduled', `waiting for ${pods.length === 1 ? 'pod' : 'pods'} ${pods.join(',')} to be scheduled`);
}

function waitsForPod(view: ClaimView, claim: PersistentVolumeClaim): boolean {
  const found = view.storageClass(classNameOf(claim));
  if (found !== undefined && found.volumeBindingMode === undefined) throw new Error(`VolumeBindingMode not set for StorageClass ${JSON.stringify(nameOf(found))}`);
  return found?.volumeBindingMode === 'WaitForFirstConsumer';
}

function provision(view: ClaimView, className: string): ClaimStep {
  const storageClass = view.storageClass(className);
  const refuse = (error: string): ClaimStep => ({ kind: 'refuse', tell: warning('ProvisioningFailed', error) });
  if (storageClass === undefined) return refuse(notFound.storageClass(className));
  const by = provisionerOf(storageClass);
  return by.kind === 'none' ? refuse(by.error) : { kind: 'provision', by, storageClass };
}

function decideFree(claim: PersistentVolumeClaim, view: ClaimView): ClaimStep {
  const delayed = waitsForPod(view, claim);
  const volume = findMatch(claim, view.candidates(claim), delayed);
  if (volume !== undefined) return { kind: 'bind', volume };
  const preset = asksForClass(claim) ? undefined : view.defaultClass();
  if (preset !== undefined) return { kind: 'use-class', className: nameOf(preset) };
  if (delayed && annotationOf(claim, selectedNodeAnnotation) === undefined) return { kind: 'pending', tell: waiting(view.podsWithoutNode(claim)) };
  const className = classNameOf(claim);
  return className === '' ? { kind: 'pending', tell: noVolume } : provision(view, className);
}

/** The claim names its volume. */
function decideNamed(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): ClaimStep {
  if (volume === undefined) return { kind: 'pending' };
  if (volume.spec?.claimRef === undefined) {
    const problem = whyUnfit(volume, claim);
    return problem === undefined ? { kind: 'bind', volume }
      : { kind: 'pending', tell: warning('VolumeMismatch', `Cannot bind to requested volume ${JSON.stringify(nameOf(volume))}: ${problem}`) };
  }
  if (isGivenTo(volume, claim)) return { kind: 'bind', volume };
  const tell = warning('FailedBinding', `volume ${JSON.stringify(nameOf(volume))} already bound to a different claim.`);
  // Bound by the controller and no longer marked so: somebody took the mark away, and nothing is written of a state that we do not understand.
  return { kind: annotationOf(claim, boundByControllerAnnotation) === undefined ? 'pending' : 'refuse', tell };
}

function decideBound(claim: PersistentVolumeClaim, view: ClaimView): ClaimStep {
  const lost = (reason: string, message: string): ClaimStep => ({ kind: 'lost', tell: warning(reason, message) });
  const name = claim.spec?.volumeName ?? '';
  if (name === '') return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = view.volume(name);
  if (volume === undefined) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const owner = volume.spec?.claimRef;
  if (owner === undefined || owner.uid === uidOf(claim)) return { kind: 'bind', volume };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** What is to be done about a claim. Throws for what only a change by its user can mend. */
export function decideClaim(claim: PersistentVolumeClaim, view: ClaimView): ClaimStep {
  if (annotationOf(claim, boundAnnotation) !== undefined) return decideBound(claim, view);
  const name = claim.spec?.volumeName ?? '';
  return name === '' ? decideFree(claim, view) : decideNamed(claim, view.volume(name));
}

/** A new volume need only be offered to the claims that would take it. */
export function wouldTake(claim: PersistentVolumeClaim, volume: PersistentVolume, view: ClaimView): boolean {
  if (claim.spec?.volumeName === nameOf(volume) || ownerKey(volume) === claimKey(claim)) return true;
  return annotationOf(claim, boundAnnotation) === undefined && findMatch(claim, [volume], waitsForPod(view, claim)) !== undefined;
}
