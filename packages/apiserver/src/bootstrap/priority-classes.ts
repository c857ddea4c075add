import { resources, type Client } from '@coxswain/client';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { systemClusterCritical, systemNodeCritical } from '../admission/priority.ts';
import { createUnlessThere, find } from './ensure.ts';

const systemClasses: readonly PriorityClass[] = [
  { metadata: { name: systemNodeCritical }, value: 2_000_001_000, description: 'Used for system critical pods that must not be moved from their current node.' },
  { metadata: { name: systemClusterCritical }, value: 2_000_000_000, description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.' },
];

export async function ensurePriorityClasses(client: Client): Promise<void> {
  for (const wanted of systemClasses) {
    if (await find(client, resources.priorityclasses, undefined, wanted.metadata?.name ?? '') !== undefined) continue;
    await createUnlessThere(client, resources.priorityclasses, { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', ...wanted });
  }
}
