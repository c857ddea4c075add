import { append } from '@coxswain/host';
import { compareQuantity } from '@coxswain/api';
import { claimKey, claimSize, classNameOf, selectedNodeAnnotation } from '@coxswain/api/volumes';
import type { Node, PersistentVolume, PersistentVolumeClaim, TopologySelectorTerm } from 'kubernetes-types/core/v1';
import type { CSIStorageCapacity, StorageClass } from 'kubernetes-types/storage/v1';
import type { StateData } from '../../framework/cycle-state.ts';
import { compileLabelSelector, type Labels } from '../../selectors/labels.ts';
import type { Storage } from '../../storage/storage.ts';
import { bytesOf, matchesFor, reachable, type Matches } from './match.ts';

const reasonBindConflict = "node(s) didn't find available persistent volumes to bind";
const reasonNodeConflict = 'node(s) had volume node affinity conflict';
const reasonNotEnoughSpace = 'node(s) did not have enough free storage';
const reasonVolumeMissing = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';

export interface StaticBinding {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume;
}

/** What would have to be done for the pod's claims on one node. */
export interface NodePlan {
  /** If any, the pod cannot go there. */
  readonly reasons: readonly string[];
  readonly bindings: readonly StaticBinding[];
  readonly provisions: readonly PersistentVolumeClaim[];
}

export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Their class waits for the first pod. */
  readonly delayed: readonly PersistentVolumeClaim[];
}

function impossible(...reasons: readonly string[]): NodePlan {
  return { reasons, bindings: [], provisions: [] };
}

/** No terms allow every place, an empty term none. */
function allows(terms: readonly TopologySelectorTerm[], labels: Labels): boolean {
  return terms.length === 0 || terms.some(({ matchLabelExpressions = [] }) => matchLabelExpressions.length > 0
    && matchLabelExpressions.every(({ key, values }) => labels[key] !== undefined && values.includes(labels[key])));
}

export function largestVolume({ maximumVolumeSize, capacity }: CSIStorageCapacity): string | undefined {
  return maximumVolumeSize ?? capacity;
}

/** The claims of one pod, looked up once, to be judged for each node. Good for one cycle. */
export class VolumePlan implements StateData {
  readonly #storage: Storage;
  readonly #volumes: readonly (PersistentVolume | undefined)[];
  /** Already promised to a node. */
  readonly #selected: readonly PersistentVolumeClaim[];
  /** The smallest first. */
  readonly #toMatch: readonly PersistentVolumeClaim[];
  readonly #matches = new Map<PersistentVolumeClaim, Matches>();
  /** What Reserve chose. */
  chosen: NodePlan | undefined;

  constructor(storage: Storage, { bound, delayed }: PodClaims) {
    this.#storage = storage;
    this.#volumes = bound.map(({ spec }) => storage.volumes.get({ name: spec?.volumeName ?? '' }));
    const isSelected = ({ metadata }: PersistentVolumeClaim): boolean => metadata?.annotations?.[selectedNodeAnnotation] !== undefined;
    this.#selected = delayed.filter(isSelected);
    this.#toMatch = delayed.filter((claim) => !isSelected(claim)).toSorted((a, b) => compareQuantity(claimSize(a), claimSize(b)));
  }

  /** The same for the whole cycle: trials change nothing about volumes. */
  clone(): this { return this; }

  get allBound(): boolean { return this.#selected.length + this.#toMatch.length === 0; }

  /** Every node says the same: yes. */
  get goesAnywhere(): boolean {
    return this.allBound && this.#volumes.every((volume) => volume !== undefined && volume.spec?.nodeAffinity?.required === undefined);
  }

  judge(node: Node): NodePlan {
    const reasons: string[] = [];
    const faulty = this.#volumes.findIndex((volume) => volume === undefined || !reachable(volume, node));
    const missing = faulty >= 0 && this.#volumes[faulty] === undefined;
    if (faulty >= 0 && !missing) reasons.push(reasonNodeConflict);
    const rest = this.allBound ? impossible() : this.#judgeUnbound(node);
    append(reasons, rest.reasons);
    if (missing) reasons.push(reasonVolumeMissing);
    return { ...rest, reasons };
  }

  #judgeUnbound(node: Node): NodePlan {
    if (this.#selected.some(({ metadata }) => metadata?.annotations?.[selectedNodeAnnotation] !== node.metadata?.name)) return impossible(reasonBindConflict);
    const bindings: StaticBinding[] = [];
    const provisions = [...this.#selected];
    const taken = new Set<PersistentVolume>();
    for (const claim of this.#toMatch) {
      const volume = this.#find(claim, node, taken);
      if (volume === undefined) { provisions.push(claim); continue; }
      taken.add(volume);
      bindings.push({ claim, volume });
    }
    for (const claim of provisions) {
      const reason = this.#whyNotProvision(claim, node);
      if (reason !== undefined) return impossible(reason);
    }
    return { reasons: [], bindings, provisions };
  }

  #find(claim: PersistentVolumeClaim, node: Node, taken: ReadonlySet<PersistentVolume>): PersistentVolume | undefined {
    let matches = this.#matches.get(claim);
    if (matches === undefined) {
      matches = matchesFor(claim, this.#storage.volumesOfClass(classNameOf(claim)));
      this.#matches.set(claim, matches);
    }
    const { given, free } = matches;
    if (given !== undefined) return reachable(given, node) ? given : undefined;
    return free.find((volume) => !taken.has(volume) && reachable(volume, node));
  }

  #whyNotProvision(claim: PersistentVolumeClaim, node: Node): string | undefined {
    const className = classNameOf(claim);
    if (className === '') throw new Error(`no class for claim ${JSON.stringify(claimKey(claim))}`);
    const found = this.#storage.storageClass(className);
    if (found === undefined) throw new Error(`failed to find storage class ${JSON.stringify(className)}`);
    if (found.provisioner === '' || found.provisioner === 'kubernetes.io/no-provisioner') return reasonBindConflict;
    if (!allows(found.allowedTopologies ?? [], node.metadata?.labels ?? {})) return reasonBindConflict;
    return this.#hasRoom(claim, found, node) ? undefined : reasonNotEnoughSpace;
  }

  /** Only drivers that say how much they have are asked. */
  #hasRoom(claim: PersistentVolumeClaim, { provisioner, metadata }: StorageClass, node: Node): boolean {
    const size = claim.spec?.resources?.requests?.['storage'];
    if (size === undefined || this.#storage.csiDriver(provisioner)?.spec.storageCapacity !== true) return true;
    return this.#storage.capacities().some((capacity) => {
      const largest = largestVolume(capacity);
      return capacity.storageClassName === metadata?.name && largest !== undefined && bytesOf(largest) >= bytesOf(size)
        && compileLabelSelector(capacity.nodeTopology)(node.metadata?.labels ?? {});
    });
  }
}
