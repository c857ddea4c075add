import { append } from '@coxswain/host';
import { claims, classNameOf, notFound } from '@coxswain/api/volumes';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import type { AnyPlugin } from '../../framework/interface.ts';
import { skip, success, unresolvable, type Status } from '../../framework/status.ts';
import type { Storage } from '../../storage/storage.ts';
import { keepMasked } from '../../table/node-table.ts';

const name = 'VolumeZone';
const reasonZone = 'node(s) had no available volume zone';

/** The old labels of zone and region, and those that took their place. */
const today: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone', 'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
};
const topologyLabels = Object.keys(today);

interface Place { readonly key: string; readonly values: readonly string[] }
interface Places extends StateData { readonly places: readonly Place[]; readonly maskKey: string }

/** `a__b`: in any of the zones. A label that names none is ignored. */
function placesOf({ metadata }: PersistentVolume): Place[] {
  return topologyLabels.flatMap((key) => {
    const values = metadata?.labels?.[key]?.split('__').map((value) => value.trim());
    return values === undefined || values.includes('') ? [] : [{ key, values }];
  });
}

/** A node that says nothing about zones takes everything. */
function reaches({ labels }: NodeInfo, places: readonly Place[]): boolean {
  if (!topologyLabels.some((key) => labels[key] !== undefined)) return true;
  return places.every(({ key, values }) => {
    const value = labels[key] ?? labels[today[key] ?? key];
    return value !== undefined && values.includes(value);
  });
}

function isPlaces(found: readonly Place[] | Status): found is readonly Place[] {
  return Array.isArray(found);
}

/** Bound volumes can be reached from their own zones and regions only, by their labels. */
export function volumeZone(storage: Storage): AnyPlugin {
  const placesOfClaim = (claim: PersistentVolumeClaim): Place[] | Status => {
    const volumeName = claim.spec?.volumeName ?? '';
    if (volumeName !== '') {
      const volume = storage.volumes.get({ name: volumeName });
      return volume === undefined ? unresolvable(notFound.volume(volumeName)) : placesOf(volume);
    }
    const className = classNameOf(claim);
    if (className === '') return unresolvable('PersistentVolumeClaim had no pv name and storageClass name');
    const found = storage.storageClass(className);
    if (found === undefined) return unresolvable(notFound.storageClass(className));
    if (found.volumeBindingMode === undefined) return unresolvable(`VolumeBindingMode not set for StorageClass ${JSON.stringify(className)}`);
    return found.volumeBindingMode === 'WaitForFirstConsumer' ? [] : unresolvable('PersistentVolume had no name');
  };
  const placesOfPod = ({ claims: keys, namespace }: PodInfo): readonly Place[] | Status => {
    const places: Place[] = [];
    for (const key of keys) {
      const claimName = key.slice(namespace.length + 1);
      if (claimName === '') return unresolvable('PersistentVolumeClaim had no name');
      const claim = storage.claims.get({ namespace, name: claimName });
      if (claim === undefined) return unresolvable(notFound.claim(claimName));
      const found = placesOfClaim(claim);
      if (!isPlaces(found)) return found;
      append(places, found);
    }
    return places;
  };
  return {
    name,
    preFilter(state, pod) {
      if (pod.claims.length === 0) return { status: skip };
      const places = placesOfPod(pod);
      if (!isPlaces(places)) return { status: places };
      if (places.length === 0) return { status: skip };
      const data: Places = { places, maskKey: `${name} ${JSON.stringify(places)}`, clone: () => data };
      state.write(name, data);
      return { status: success };
    },
    filter: (state, _pod, node) => (reaches(node, state.read<Places>(name)?.places ?? []) ? success : unresolvable(reasonZone)),
    filterRows(state, _pod, { table }, rows, count) {
      const { places, maskKey } = state.read<Places>(name) as Places;
      return keepMasked(table.mask(maskKey, (node) => reaches(node, places)), rows, count);
    },
    eventsToRegister: () => [
      { resource: 'StorageClass', actions: ['Add'], hint: (_pod, event) => (event.after as StorageClass).volumeBindingMode === 'WaitForFirstConsumer' },
      { resource: 'Node', actions: ['Add', 'UpdateNodeLabel'] },
      { resource: 'PersistentVolumeClaim', actions: ['Add', 'Update'], hint: (pod, event) => claims(pod, event.after as PersistentVolumeClaim) },
      { resource: 'PersistentVolume', actions: ['Add', 'Update'], hint: (_pod, { before, after }) => before === undefined
        || JSON.stringify(placesOf(before as PersistentVolume)) !== JSON.stringify(placesOf(after as PersistentVolume)) },
    ],
  };
}
