import type { KubeObject } from '@coxswain/client';
import { UsageError } from '@coxswain/service';

/** What a scheduler reads of a cluster, by plural resource. Objects are never changed, only replaced. */
export type ClusterState = ReadonlyMap<SimulatedResource, readonly KubeObject[]>;

const simulatedResources = [
  'nodes', 'pods', 'namespaces', 'services', 'replicasets', 'statefulsets', 'replicationcontrollers', 'poddisruptionbudgets',
  'persistentvolumes', 'persistentvolumeclaims', 'storageclasses', 'csinodes', 'csidrivers', 'csistoragecapacities', 'priorityclasses', 'podgroups',
] as const;
export type SimulatedResource = (typeof simulatedResources)[number];

const byKind: ReadonlyMap<string, SimulatedResource> = new Map(simulatedResources.map((resource) => [resource === 'storageclasses' || resource === 'priorityclasses'
  ? resource.slice(0, -2) : resource === 'csistoragecapacities' ? 'csistoragecapacity' : resource.slice(0, -1), resource]));

interface ListLike extends KubeObject { readonly items?: readonly KubeObject[] }

function isFinished(object: KubeObject): boolean {
  const { phase } = (object as { status?: { phase?: string } }).status ?? {};
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Objects and lists of objects, as `kubectl get -o json` writes them. Kinds that no scheduler reads are passed over. */
export function stateOf(documents: readonly unknown[]): ClusterState {
  const state = new Map<SimulatedResource, KubeObject[]>(simulatedResources.map((resource) => [resource, []]));
  const add = (object: ListLike, kindOfList: string): void => {
    const kind = (object.kind ?? kindOfList).toLowerCase();
    if (object.items !== undefined) { for (const item of object.items) add(item, kind.replace(/list$/, '')); return; }
    const resource = byKind.get(kind);
    if (resource === undefined) return;
    if ((object.metadata?.name ?? '') === '') throw new UsageError(`the state has an object of kind ${object.kind ?? kind} without metadata.name`);
    if (resource !== 'pods' || !isFinished(object)) state.get(resource)?.push(object);
  };
  for (const document of documents) if (document !== null && typeof document === 'object') add(document as ListLike, '');
  return state;
}
