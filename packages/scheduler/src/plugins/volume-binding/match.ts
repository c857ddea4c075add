import { compareQuantity, quantityValue } from '@coxswain/api';
import { attributesClassOf, claimKey, classNameOf, couldHold, hasAccessFor, isGivenTo, volumeSize } from '@coxswain/api/volumes';
import type { Node, NodeSelector, PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { compileLabelSelector, matchEverything } from '../../selectors/labels.ts';
import { compileNodeSelector, type NodeMatcher } from '../../selectors/node-selector.ts';

/** Volumes that a claim could be bound to, wherever they are. */
export interface Matches {
  /** Somebody has given it to this claim: it or nothing. */
  readonly given: PersistentVolume | undefined;
  /** The smallest first. */
  readonly free: readonly PersistentVolume[];
}

const matchers = new WeakMap<NodeSelector, NodeMatcher>();

/** Can the volume be reached from the node? Equal selectors are compiled once an object. */
export function reachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  if (required === undefined) return true;
  let matches = matchers.get(required);
  if (matches === undefined) {
    matches = compileNodeSelector(required);
    matchers.set(required, matches);
  }
  return matches(node);
}

/** Everything of upstream's choice that does not depend on the node. */
export function matchesFor(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): Matches {
  if (attributesClassOf(claim) !== '') {
    throw new Error(`unsupported volumeAttributesClassName is set on claim ${claimKey(claim)} when the feature-gate VolumeAttributesClass is disabled`);
  }
  const could = volumes.filter((volume) => couldHold(volume, claim));
  const selects = claim.spec?.selector === undefined ? matchEverything : compileLabelSelector(claim.spec.selector);
  const free = could.filter((volume) => volume.status?.phase === 'Available' && selects(volume.metadata?.labels ?? {}) && classNameOf(volume) === classNameOf(claim) && hasAccessFor(volume, claim));
  const byName = (a: PersistentVolume, b: PersistentVolume): number => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1);
  return {
    given: could.find((volume) => isGivenTo(volume, claim)),
    free: free.toSorted((a, b) => compareQuantity(volumeSize(a), volumeSize(b)) || byName(a, b)),
  };
}

export function bytesOf(quantity: string): number {
  return quantityValue(quantity);
}
