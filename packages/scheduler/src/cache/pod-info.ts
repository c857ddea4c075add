import type { Pod } from 'kubernetes-types/core/v1';
import type { Labels } from '../selectors/labels.ts';
import { makePodShape, needsKeyOf, shapeKeyOf, type PodShape } from './pod-shape.ts';

export type { AffinityTerm, HostPort, WeightedAffinityTerm } from './pod-shape.ts';

/** A pod with everything about it that decisions read, computed once. */
export interface PodInfo extends PodShape {
  readonly pod: Pod;
  readonly uid: string;
  /** `namespace/name` */
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly terminating: boolean;
  /** `namespace/name` of the claims that the specification names. */
  readonly claims: readonly string[];
  /** Equal for pods that no selector can tell apart. */
  readonly classKey: string;
  /** The same object for pods that `PodInfos` found to be equal. */
  readonly shape: PodShape;
}

const noClaims: readonly string[] = [];

function claimsOf({ metadata, spec }: Pod): readonly string[] {
  let out: string[] | undefined;
  for (const { persistentVolumeClaim } of spec?.volumes ?? []) {
    if (persistentVolumeClaim !== undefined) (out ??= []).push(`${metadata?.namespace ?? ''}/${persistentVolumeClaim.claimName}`);
  }
  return out ?? noClaims;
}

function withShape(pod: Pod, shape: PodShape): PodInfo {
  const { name = '', namespace = '', uid = '', labels = {} } = pod.metadata ?? {};
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  return {
    ...shape, shape, pod, uid, key: `${namespace}/${name}`, name, namespace, labels, terminating, claims: claimsOf(pod),
    classKey: terminating ? `${shape.labelsKey} terminating` : shape.labelsKey,
  };
}

export function podInfoOf(pod: Pod): PodInfo {
  return withShape(pod, makePodShape(pod));
}

/** Remembers by the pod's shape what `make` answers, which must be by nothing else of the pod than what `shapeKeyOf` reads. */
export function byShape<T>(make: (pod: Pod) => T): (pod: PodInfo) => T {
  const known = new WeakMap<PodShape, { readonly value: T }>();
  return ({ pod, shape }) => {
    let entry = known.get(shape);
    if (entry === undefined) {
      entry = { value: make(pod) };
      known.set(shape, entry);
    }
    return entry.value;
  };
}

/** The same pod of another shape, for trials. */
export function reshaped(pod: PodInfo, change: Partial<PodShape>): PodInfo {
  const shape: PodShape = { ...pod.shape, ...change };
  return { ...pod, ...shape, needsKey: needsKeyOf(shape), shape };
}

/** Shapes are forgotten together when there are this many. */
const maxShapes = 5000;

/** Makes infos of pods; pods that differ in nothing that decisions read share all but their names. */
export class PodInfos {
  readonly #shapes = new Map<string, PodShape>();

  of(pod: Pod): PodInfo {
    const key = shapeKeyOf(pod);
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      if (this.#shapes.size >= maxShapes) this.#shapes.clear();
      shape = makePodShape(pod);
      this.#shapes.set(key, shape);
    }
    return withShape(pod, shape);
  }
}
