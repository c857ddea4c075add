import { compareQuantity } from '@coxswain/api/quantity';
import { boundAnnotation, boundByControllerAnnotation } from '@coxswain/api/volumes';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus } from 'kubernetes-types/core/v1';
import { deepEqual, nameOf } from '../common/object.ts';

/** A driver that still has to grow the file system says here how large it was. */
const preResizeAnnotation = 'volume.alpha.kubernetes.io/pre-resize-capacity';

function capacityOnceBound(before: PersistentVolumeClaimStatus, volume: PersistentVolume): PersistentVolumeClaimStatus['capacity'] {
  const size = volume.spec?.capacity?.['storage'];
  if (size === undefined) throw new Error(`PersistentVolume ${JSON.stringify(nameOf(volume))} is without a storage capacity`);
  const earlier = volume.metadata?.annotations?.[preResizeAnnotation];
  if (earlier !== undefined) return { ...before.capacity, storage: earlier };
  const known = before.capacity?.['storage'];
  return known !== undefined && compareQuantity(size, known) === 0 ? before.capacity : volume.spec?.capacity;
}

/** The same object where nothing has to be written. Capacity is taken over when the claim is bound, not later: it may be on purpose that they differ. */
export function claimInPhase(claim: PersistentVolumeClaim, phase: 'Pending' | 'Bound' | 'Lost', volume?: PersistentVolume): PersistentVolumeClaim {
  const before = claim.status ?? {};
  const { accessModes: _modes, capacity: _capacity, phase: _phase, ...rest } = before;
  const accessModes = volume?.spec?.accessModes;
  const capacity = volume === undefined ? undefined : before.phase === phase ? before.capacity : capacityOnceBound(before, volume);
  const status = { ...rest, phase, ...(accessModes === undefined ? {} : { accessModes }), ...(capacity === undefined ? {} : { capacity }) };
  return deepEqual(before, status) ? claim : { ...claim, status };
}

/** The same object where nothing has to be written. */
export function claimBoundTo(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim {
  const { annotations } = claim.metadata ?? {};
  const isNew = claim.spec?.volumeName !== nameOf(volume);
  if (!isNew && annotations?.[boundAnnotation] !== undefined) return claim;
  const mark: Readonly<Record<string, string>> = isNew ? { [boundByControllerAnnotation]: 'yes' } : {};
  return { ...claim, metadata: { ...claim.metadata, annotations: { [boundAnnotation]: 'yes', ...mark, ...annotations } }, spec: { ...claim.spec, volumeName: nameOf(volume) } };
}

export function volumeInPhase(volume: PersistentVolume, phase: string, message = ''): PersistentVolume {
  if (volume.status?.phase === phase) return volume;
  const { message: _message, ...rest } = volume.status ?? {};
  return { ...volume, status: { ...rest, phase, ...(message === '' ? {} : { message }) } };
}
