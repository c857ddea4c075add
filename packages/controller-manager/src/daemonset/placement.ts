import type { Node, NodeSelectorTerm, NodeSelectorRequirement, Pod, PodSpec, PodTemplateSpec, Taint, Toleration } from 'kubernetes-types/core/v1';
import { tolerates } from '../taint-eviction/tolerations.ts';
import { nameOf } from '../common/object.ts';

/** What every daemon bears, as upstream adds it to the pods. */
function daemonTolerations(hostNetwork: boolean): Toleration[] {
  const exists = (key: string, effect: string): Toleration => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect });
  return [
    exists('not-ready', 'NoExecute'), exists('unreachable', 'NoExecute'), exists('disk-pressure', 'NoSchedule'), exists('memory-pressure', 'NoSchedule'),
    exists('pid-pressure', 'NoSchedule'), exists('unschedulable', 'NoSchedule'), ...(hostNetwork ? [exists('network-unavailable', 'NoSchedule')] : []),
  ];
}

/** Pinned to one node by name through affinity, so that the scheduler still decides. Terms of the user are kept, names are replaced. */
export function pinnedSpec(spec: PodSpec, nodeName: string): PodSpec {
  const matchFields: NodeSelectorRequirement[] = [{ key: 'metadata.name', operator: 'In', values: [nodeName] }];
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const nodeSelectorTerms: NodeSelectorTerm[] = terms === undefined || terms.length === 0 ? [{ matchFields }] : terms.map((term) => ({ ...term, matchFields }));
  const added = daemonTolerations(spec.hostNetwork === true).filter((toleration) => !(spec.tolerations ?? []).some((own) => own.key === toleration.key && own.effect === toleration.effect && own.operator === toleration.operator));
  return {
    ...spec, tolerations: [...spec.tolerations ?? [], ...added],
    affinity: { ...spec.affinity, nodeAffinity: { ...spec.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
  };
}

/** The node that a daemon pod belongs to, also before it is bound. */
export function nodeOf(pod: Pod): string | undefined {
  if (pod.spec?.nodeName !== undefined && pod.spec.nodeName !== '') return pod.spec.nodeName;
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const term of terms) for (const field of term.matchFields ?? []) if (field.key === 'metadata.name' && field.operator === 'In') return field.values?.[0];
  return undefined;
}

function requirementMatches({ key, operator, values = [] }: NodeSelectorRequirement, actual: string | undefined): boolean {
  switch (operator) {
    case 'In': return actual !== undefined && values.includes(actual);
    case 'NotIn': return actual === undefined || !values.includes(actual);
    case 'Exists': return actual !== undefined;
    case 'DoesNotExist': return actual === undefined;
    case 'Gt': return actual !== undefined && Number(actual) > Number(values[0]);
    case 'Lt': return actual !== undefined && Number(actual) < Number(values[0]);
    default: throw new Error(`node selector requirement on ${key} has no operator ${operator}`);
  }
}

function termMatches(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  return expressions.every((requirement) => requirementMatches(requirement, node.metadata?.labels?.[requirement.key]))
    && fields.every((requirement) => requirementMatches(requirement, requirement.key === 'metadata.name' ? nameOf(node) : undefined));
}

export interface Placement {
  /** A pod should be made there. */
  readonly shouldRun: boolean;
  /** A pod that is there already may stay. */
  readonly shouldContinue: boolean;
}

/** Selector, affinity and taints decide; resources are the scheduler's business. */
export function placementOn(template: PodTemplateSpec, node: Node): Placement {
  const spec = template.spec;
  if (spec === undefined || (spec.nodeName !== undefined && spec.nodeName !== '' && spec.nodeName !== nameOf(node))) return { shouldRun: false, shouldContinue: false };
  const labels = node.metadata?.labels ?? {};
  const selected = Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!selected || (terms !== undefined && !terms.some((term) => termMatches(term, node)))) return { shouldRun: false, shouldContinue: false };
  const tolerations = [...spec.tolerations ?? [], ...daemonTolerations(spec.hostNetwork === true)];
  const untolerated = (effects: readonly string[]): boolean => (node.spec?.taints ?? []).some((taint: Taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)));
  if (!untolerated(['NoSchedule', 'NoExecute'])) return { shouldRun: true, shouldContinue: true };
  return { shouldRun: false, shouldContinue: !untolerated(['NoExecute']) };
}
