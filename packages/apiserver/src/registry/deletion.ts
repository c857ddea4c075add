import type { JsonObject } from '@coxswain/api';
import type { ServedKind } from './kind.ts';
import { at, meta } from './object.ts';
import { finalizersOf, isDeleting } from './metadata.ts';

export function isNamespace(kind: ServedKind): boolean {
  return kind.hub.api.group === '' && kind.hub.api.resource === 'namespaces';
}

/** Namespaces have finalizers of their own in the spec. */
export function specFinalizers(kind: ServedKind, object: JsonObject): readonly unknown[] {
  if (!isNamespace(kind)) return [];
  const list = at(object, 'spec', 'finalizers');
  return Array.isArray(list) ? list : [];
}

/** An object that is being deleted and that nothing holds any more leaves the store with the update that let go of it. */
export function mayLeave(kind: ServedKind, object: JsonObject): boolean {
  if (!isDeleting(object) || finalizersOf(object).length > 0 || specFinalizers(kind, object).length > 0) return false;
  const grace = meta(object)['deletionGracePeriodSeconds'];
  return grace === undefined || grace === null || grace === 0;
}

const orphanByDefault = new Set(['batch/jobs', '/replicationcontrollers']);

/** Kinds whose DELETE answers the object rather than a Status. */
const answersObject = new Set([
  '/pods', '/podtemplates', '/resourcequotas', '/serviceaccounts', '/services', '/persistentvolumes', '/persistentvolumeclaims', '/namespaces',
  'resource.k8s.io/deviceclasses', 'resource.k8s.io/resourceclaims', 'resource.k8s.io/resourceclaimtemplates', 'resource.k8s.io/resourceslices',
  'storage.k8s.io/volumeattachments', 'storage.k8s.io/csinodes', 'storage.k8s.io/csidrivers', 'storage.k8s.io/storageclasses',
]);

function qualified(kind: ServedKind): string {
  return `${kind.hub.api.group}/${kind.hub.api.resource}`;
}

export function returnsDeletedObject(kind: ServedKind): boolean {
  return answersObject.has(qualified(kind));
}

export interface Propagation {
  readonly propagationPolicy: 'Orphan' | 'Background' | 'Foreground' | undefined;
  readonly orphanDependents: boolean | undefined;
}

/** The garbage collector's finalizers that this deletion asks for, in place of those that are there. */
export function finalizersAfter(kind: ServedKind, object: JsonObject, asked: Propagation): string[] {
  const present = finalizersOf(object);
  // Nothing depends on an event.
  if (qualified(kind) === '/events') return present;
  const rest = present.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  if (wantsOrphan(kind, present, asked)) return [...rest, 'orphan'];
  return wantsForeground(present, asked) ? [...rest, 'foregroundDeletion'] : rest;
}

function wantsOrphan(kind: ServedKind, present: readonly string[], asked: Propagation): boolean {
  if (asked.orphanDependents !== undefined) return asked.orphanDependents;
  if (asked.propagationPolicy !== undefined) return asked.propagationPolicy === 'Orphan';
  return present.includes('orphan') || orphanByDefault.has(qualified(kind));
}

function wantsForeground(present: readonly string[], asked: Propagation): boolean {
  if (asked.orphanDependents !== undefined) return false;
  if (asked.propagationPolicy !== undefined) return asked.propagationPolicy === 'Foreground';
  return present.includes('foregroundDeletion');
}
