import { compareQuantity } from '@coxswain/api';
import { claimedVolumes, claims, classNameOf, isFullyBound, notFound, whyNotForPod, type ClaimedVolume } from '@coxswain/api/volumes';
import type { Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from 'kubernetes-types/storage/v1';
import type { AnyPlugin, EventRegistration } from '../../framework/interface.ts';
import { failed, skip, success, unresolvable, type Status } from '../../framework/status.ts';
import type { Storage } from '../../storage/storage.ts';
import { assume, bindVolumes, revert } from './bind.ts';
import { largestVolume, VolumePlan, type PodClaims } from './plan.ts';

const name = 'VolumeBinding';
const reasonUnboundImmediate = 'pod has unbound immediate PersistentVolumeClaims';

export interface VolumeBindingArgs { readonly bindTimeoutMs: number }

interface Handle {
  readonly host: Host;
  readonly client: Client;
  readonly storage: Storage;
}

const migratedAnnotation = 'storage.alpha.kubernetes.io/migrated-plugins';

function moreRoom(before: CSIStorageCapacity, after: CSIStorageCapacity): boolean {
  const [was, is] = [largestVolume(before), largestVolume(after)];
  return is !== undefined && (was === undefined || compareQuantity(is, was) > 0);
}

function stoppedCounting(pod: Pod, before: CSIDriver, after: CSIDriver): boolean {
  return before.spec.storageCapacity === true && after.spec.storageCapacity !== true
    && pod.spec?.volumes?.some(({ csi }) => csi?.driver === after.metadata?.name) === true;
}

const events: readonly EventRegistration[] = [
  { resource: 'StorageClass', actions: ['Add', 'Update'], hint: (_pod, { before, after }) => before === undefined
    || JSON.stringify((before as StorageClass).allowedTopologies ?? []) !== JSON.stringify((after as StorageClass).allowedTopologies ?? []) },
  { resource: 'PersistentVolumeClaim', actions: ['Add', 'Update'], hint: (pod, { after }) => claims(pod, after as PersistentVolumeClaim) },
  { resource: 'PersistentVolume', actions: ['Add', 'Update'] },
  { resource: 'Node', actions: ['Add', 'UpdateNodeLabel'] },
  { resource: 'CSINode', actions: ['Add', 'Update'], hint: (_pod, { before, after }) => before === undefined
    || (before as CSINode).metadata?.annotations?.[migratedAnnotation] !== after?.metadata?.annotations?.[migratedAnnotation] },
  { resource: 'CSIDriver', actions: ['Update'], hint: (pod, { before, after }) => stoppedCounting(pod, before as CSIDriver, after as CSIDriver) },
  { resource: 'CSIStorageCapacity', actions: ['Add', 'Update'], hint: (_pod, { before, after }) => before === undefined
    || moreRoom(before as CSIStorageCapacity, after as CSIStorageCapacity) },
];

function whyUnusable(pod: Pod, claim: PersistentVolumeClaim, ephemeral: boolean): string | undefined {
  const claimName = JSON.stringify(claim.metadata?.name);
  if (claim.status?.phase === 'Lost') return `persistentvolumeclaim ${claimName} bound to non-existent persistentvolume ${JSON.stringify(claim.spec?.volumeName ?? '')}`;
  if (claim.metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim ${claimName} is being deleted`;
  return ephemeral ? whyNotForPod(pod, claim) : undefined;
}

/** Every claim of the pod, or why it cannot have one. */
function findClaims(storage: Storage, pod: Pod, claimed: readonly ClaimedVolume[]): readonly PersistentVolumeClaim[] | string {
  const out: PersistentVolumeClaim[] = [];
  for (const { claimName, ephemeral } of claimed) {
    const claim = storage.claims.get({ namespace: pod.metadata?.namespace, name: claimName });
    if (claim === undefined) {
      return ephemeral ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${JSON.stringify(claimName)}` : notFound.claim(claimName);
    }
    const reason = whyUnusable(pod, claim, ephemeral);
    if (reason !== undefined) return reason;
    out.push(claim);
  }
  return out;
}

function waitsForPod(storage: Storage, claim: PersistentVolumeClaim): boolean {
  const className = classNameOf(claim);
  const found = className === '' ? undefined : storage.storageClass(className);
  if (found === undefined) return false;
  if (found.volumeBindingMode === undefined) throw new Error(`VolumeBindingMode not set for StorageClass ${JSON.stringify(className)}`);
  return found.volumeBindingMode === 'WaitForFirstConsumer';
}

function sortClaims(storage: Storage, all: readonly PersistentVolumeClaim[]): PodClaims | Status {
  const [bound, delayed]: [PersistentVolumeClaim[], PersistentVolumeClaim[]] = [[], []];
  let immediate = false;
  for (const claim of all) {
    if (isFullyBound(claim)) bound.push(claim);
    else if (waitsForPod(storage, claim) && (claim.spec?.volumeName ?? '') === '') delayed.push(claim);
    else immediate = true;
  }
  return immediate ? unresolvable(reasonUnboundImmediate) : { bound, delayed };
}

/** A pod goes where its volumes are; claims that wait for a pod get volumes where it goes. */
export function volumeBinding({ bindTimeoutMs }: VolumeBindingArgs, { host, client, storage }: Handle): AnyPlugin {
  return {
    name,
    preFilter(state, { pod }) {
      const claimed = claimedVolumes(pod);
      if (claimed.length === 0) return { status: skip };
      const found = findClaims(storage, pod, claimed);
      if (typeof found === 'string') return { status: unresolvable(found) };
      try {
        const sorted = sortClaims(storage, found);
        if ('code' in sorted) return { status: sorted };
        const plan = new VolumePlan(storage, sorted);
        if (plan.goesAnywhere) return { status: skip };
        state.write(name, plan);
        return { status: success };
      } catch (error) {
        return { status: failed(error) };
      }
    },
    filter(state, _pod, { node }) {
      const plan = state.read<VolumePlan>(name);
      if (plan === undefined || node === undefined) return success;
      try {
        const { reasons } = plan.judge(node);
        return reasons.length === 0 ? success : unresolvable(...reasons);
      } catch (error) {
        return failed(error);
      }
    },
    reserve(state, _pod, nodeName) {
      const plan = state.read<VolumePlan>(name);
      if (plan === undefined || plan.allBound) return success;
      const node = storage.node(nodeName);
      if (node === undefined) return failed(`node ${JSON.stringify(nodeName)} not found`);
      const chosen = plan.judge(node);
      if (chosen.reasons.length > 0) return unresolvable(...chosen.reasons);
      plan.chosen = assume(storage, chosen, nodeName);
      state.bindingWaits = true;
      return success;
    },
    unreserve(state) {
      const plan = state.read<VolumePlan>(name);
      if (plan?.chosen !== undefined) revert(storage, plan.chosen);
    },
    async preBind(state, { pod }, nodeName, signal) {
      const chosen = state.read<VolumePlan>(name)?.chosen;
      if (chosen === undefined) return success;
      try {
        await bindVolumes({ host, client, storage, timeoutMs: bindTimeoutMs }, chosen, pod, nodeName, signal);
        return success;
      } catch (error) {
        return failed(error);
      }
    },
    eventsToRegister: () => events,
  };
}
