import { resources } from '@coxswain/client';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, Volume } from 'kubernetes-types/core/v1';
import { nameOf, namespaceOf } from '../common/object.ts';
import { newControllerRef } from '../common/owner.ts';
import { podFromTemplate } from '../common/pods.ts';

export const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const podIndexLabel = 'apps.kubernetes.io/pod-index';
/** On pods: the name of their ControllerRevision. */
export const revisionLabel = 'controller-revision-hash';

export function podName(set: StatefulSet, ordinal: number): string {
  return `${nameOf(set)}-${ordinal}`;
}

/** Undefined for a pod that no set of this name could have made. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${nameOf(set)}-`;
  const digits = nameOf(pod).startsWith(prefix) ? nameOf(pod).slice(prefix.length) : '';
  return /^(0|[1-9]\d{0,9})$/.test(digits) ? Number(digits) : undefined;
}

export function startOrdinal(set: StatefulSet): number {
  return set.spec?.ordinals?.start ?? 0;
}

export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${nameOf(template)}-${podName(set, ordinal)}`;
}

/** The claims of one pod. They outlive it: the next pod of the same ordinal finds them again. */
export function claimsFor(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    metadata: {
      name: claimName(set, template, ordinal), namespace: namespaceOf(set),
      labels: { ...template.metadata?.labels, ...set.spec?.selector?.matchLabels },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    },
    ...(template.spec === undefined ? {} : { spec: structuredClone(template.spec) }),
  }));
}

export function identityLabels(set: StatefulSet, ordinal: number): Record<string, string> {
  return { [podNameLabel]: podName(set, ordinal), [podIndexLabel]: String(ordinal) };
}

function volumesFor(set: StatefulSet, template: PodTemplateSpec, ordinal: number): Volume[] {
  const claims = (set.spec?.volumeClaimTemplates ?? []).map((claim): Volume => ({ name: nameOf(claim), persistentVolumeClaim: { claimName: claimName(set, claim, ordinal) } }));
  const replaced = new Set(claims.map((volume) => volume.name));
  return [...claims, ...(template.spec?.volumes ?? []).filter((volume) => !replaced.has(volume.name))];
}

/** The pod of an ordinal as a revision wants it: its name, host name and claims are always the same. */
export function statefulPod(set: StatefulSet, template: PodTemplateSpec, revision: string, ordinal: number): Pod {
  const { metadata, spec } = podFromTemplate(template, namespaceOf(set), newControllerRef(resources.statefulsets, set));
  const { generateName: _generateName, ...rest } = metadata ?? {};
  const volumes = volumesFor(set, template, ordinal);
  return {
    metadata: { ...rest, name: podName(set, ordinal), labels: { ...rest.labels, ...identityLabels(set, ordinal), [revisionLabel]: revision } },
    spec: {
      ...spec ?? { containers: [] }, hostname: podName(set, ordinal), ...(set.spec?.serviceName === undefined ? {} : { subdomain: set.spec.serviceName }),
      ...(volumes.length === 0 ? {} : { volumes }),
    },
  };
}
