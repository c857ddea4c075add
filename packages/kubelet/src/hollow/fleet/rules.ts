import { selectorMatches } from '@coxswain/client';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { BehaviourError, behaviourFields, readField, runsForEver, type PodBehaviour } from './behaviour.ts';
import { annotationPrefix } from './labels.ts';

/** Which pods; a field that is absent is met by every pod. */
export interface PodMatch {
  readonly namespaces: readonly string[] | undefined;
  readonly selector: LabelSelector | undefined;
  /** Kinds of the controlling owner. */
  readonly owners: readonly string[] | undefined;
  readonly nodeSelector: LabelSelector | undefined;
}

export interface PodRule { readonly match: PodMatch; readonly behaviour: Partial<PodBehaviour> }

/** A sort of node; of `weight` in the sum of all weights. */
export interface NodeClass {
  readonly weight: number;
  readonly capacity: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** Nodes that say nothing from `afterMs` after the start on, for `forMs`. */
export interface Silence { readonly nodeSelector: LabelSelector; readonly afterMs: number; readonly forMs: number }

export interface HollowRules {
  readonly pods: readonly PodRule[];
  readonly nodes: readonly NodeClass[];
  readonly silences: readonly Silence[];
}

export const noRules: HollowRules = { pods: [], nodes: [], silences: [] };

/** Of pods of which no rule speaks: those of jobs are over after a second, all others run. */
const withoutRule: readonly PodRule[] = [
  { match: { namespaces: undefined, selector: undefined, owners: ['Job'], nodeSelector: undefined }, behaviour: readField('run-for', '1s') },
];

function matches({ namespaces, selector, owners, nodeSelector }: PodMatch, pod: Pod, node: Node | undefined): boolean {
  const { metadata = {} } = pod;
  if (namespaces !== undefined && !namespaces.includes(metadata.namespace ?? '')) return false;
  if (selector !== undefined && !selectorMatches(selector, metadata.labels ?? {})) return false;
  if (nodeSelector !== undefined && !selectorMatches(nodeSelector, node?.metadata?.labels ?? {})) return false;
  return owners === undefined || (metadata.ownerReferences ?? []).some(({ controller, kind }) => controller === true && owners.includes(kind));
}

export interface Resolved {
  readonly behaviour: PodBehaviour;
  /** Annotations that say nothing that we know; those have no effect. */
  readonly problems: readonly string[];
}

/** The first rule that speaks of the pod, and over it the pod's own annotations. */
export function behaviourOf(rules: HollowRules, pod: Pod, node: Node | undefined): Resolved {
  const rule = [...rules.pods, ...withoutRule].find(({ match }) => matches(match, pod, node));
  const own: Partial<PodBehaviour>[] = [];
  const problems: string[] = [];
  const annotations = pod.metadata?.annotations ?? {};
  for (const field of behaviourFields) {
    const text = annotations[`${annotationPrefix}${field}`];
    if (text === undefined) continue;
    try {
      own.push(readField(field, text));
    } catch (error) {
      if (!(error instanceof BehaviourError)) throw error;
      problems.push(`annotation ${annotationPrefix}${field}: ${JSON.stringify(text)} is not ${error.message}`);
    }
  }
  return { behaviour: Object.assign({}, runsForEver, rule?.behaviour, ...own) as PodBehaviour, problems };
}
