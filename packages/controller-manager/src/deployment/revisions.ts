import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1';
import { byCreation, deepEqual, sum } from '../common/object.ts';

export const hashLabel = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';
const maxHistoryLength = 2000;

const notCopied = new Set([
  'kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, historyAnnotation, desiredAnnotation, maxAnnotation, 'deprecated.deployment.rollback.to',
]);

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}

/** The oldest set whose template is the deployment's, whatever hash it carries. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = withoutHash(deployment.spec?.template);
  return sets.toSorted(byCreation).find((set) => deepEqual(withoutHash(set.spec?.template), wanted));
}

/** As Go reads it: 64 bits, anything else is none. */
function parseRevision(text: string | undefined): bigint {
  if (text === undefined || !/^[+-]?\d{1,19}$/.test(text)) return 0n;
  const revision = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, revision) === revision ? revision : 0n;
}

export function revisionOf(set: ReplicaSet): bigint {
  return parseRevision(set.metadata?.annotations?.[revisionAnnotation]);
}

export function maxRevision(sets: readonly ReplicaSet[]): bigint {
  return sets.map(revisionOf).reduce((most, revision) => (revision > most ? revision : most), 0n);
}

/** Replicas that the sets ask for. */
export function askedReplicas(sets: readonly ReplicaSet[]): number {
  return sum(sets, (set) => set.spec?.replicas ?? 1);
}

export function replicaAnnotations(desired: number, max: number): Record<string, string> {
  return { [desiredAnnotation]: String(desired), [maxAnnotation]: String(max) };
}

/** Annotations of the set of the current template: the deployment's own, its revision, and the revisions that it had before. */
export function newSetAnnotations(deployment: Deployment, before: Readonly<Record<string, string>>, revision: bigint): Record<string, string> {
  const out: Record<string, string> = { ...before };
  for (const [name, value] of Object.entries(deployment.metadata?.annotations ?? {})) if (!notCopied.has(name)) out[name] = value;
  const old = before[revisionAnnotation];
  if (parseRevision(old) >= revision) return out;
  out[revisionAnnotation] = String(revision);
  if (old !== undefined) out[historyAnnotation] = addToHistory(before[historyAnnotation], old);
  return out;
}

function addToHistory(history: string | undefined, revision: string): string {
  const all = [...(history === undefined || history === '' ? [] : history.split(',')), revision];
  while (all.length > 1 && all.join(',').length > maxHistoryLength) all.shift();
  return all.join(',');
}
