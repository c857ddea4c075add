import { addResources, amountOf, parseResources, requestsOfPod, zeroResources } from '../cache/resources.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { Gang } from './gangs.ts';

/** Names of resources of which all nodes together have less left than the group's minResources ask for; '' if there is enough. */
export function whatLacks(gang: Gang, { nodes }: Snapshot): string {
  const wanted = gang.group?.spec?.minResources;
  const names = Object.keys(wanted ?? {});
  if (names.length === 0) return '';
  const left = zeroResources();
  for (const { allocatable, requested } of nodes) {
    addResources(left, allocatable);
    addResources(left, requested, -1);
  }
  // Members that have their place count as having it.
  for (const uid of gang.placed) {
    const pod = gang.pods.get(uid);
    if (pod !== undefined && pod.status?.phase !== 'Succeeded') addResources(left, requestsOfPod(pod));
  }
  const asked = parseResources(wanted);
  return names.filter((name) => name !== 'pods' && amountOf(left, name) < amountOf(asked, name)).toSorted().join(', ');
}
