import type { OwnerReference } from 'kubernetes-types/meta/v1';

export type OwnerState =
  /** Exists and stays. */
  | 'solid'
  /** There is none with this uid. */
  | 'dangling'
  /** Is being deleted and waits for its dependents. */
  | 'waiting';

export type Decision =
  | { readonly kind: 'keep' }
  /** Owners stay, others are gone: only the references to these go. */
  | { readonly kind: 'unlink'; readonly uids: readonly string[] }
  | { readonly kind: 'delete'; readonly propagationPolicy: 'Background' | 'Foreground' | 'Orphan' };

/** What is to be done with an object that has owners, from what each of them is. */
export function decide(
  owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[],
  self: { readonly finalizers: readonly string[]; readonly hasDependents: boolean },
): Decision {
  if (owners.length === 0) return { kind: 'keep' };
  const gone = owners.filter(({ state }) => state !== 'solid').map(({ reference }) => reference.uid);
  if (gone.length < owners.length) return gone.length === 0 ? { kind: 'keep' } : { kind: 'unlink', uids: gone };
  // An owner that waits wants its dependents' own dependents gone first.
  if (owners.some(({ state }) => state === 'waiting') && self.hasDependents) return { kind: 'delete', propagationPolicy: 'Foreground' };
  // The object's own wish, made before.
  if (self.finalizers.includes('orphan')) return { kind: 'delete', propagationPolicy: 'Orphan' };
  if (self.finalizers.includes('foregroundDeletion')) return { kind: 'delete', propagationPolicy: 'Foreground' };
  return { kind: 'delete', propagationPolicy: 'Background' };
}
