import type { Container, Volume } from 'kubernetes-types/core/v1';
import { seccompFields } from './baseline.ts';
import { containersOf, contextOf, named, namesWhere, plural, podContextOf, quoted, setters, sortedSet, type Check } from './subject.ts';

export const allowPrivilegeEscalation: Check = (subject) => {
  const containers = namesWhere(subject, (container) => contextOf(container).allowPrivilegeEscalation !== false);
  return containers.length === 0 ? undefined : { reason: 'allowPrivilegeEscalation != false', detail: `${named('container', containers)} must set securityContext.allowPrivilegeEscalation=false` };
};

export const capabilities: Check = (subject) => {
  const keeps = (container: Container): boolean => !(contextOf(container).capabilities?.drop ?? []).includes('ALL');
  const adds = (container: Container): string[] => (contextOf(container).capabilities?.add ?? []).filter((one) => one !== 'NET_BIND_SERVICE');
  const keeping = namesWhere(subject, keeps);
  const adding = namesWhere(subject, (container) => adds(container).length > 0);
  const details = [
    ...(keeping.length === 0 ? [] : [`${named('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(adding.length === 0 ? [] : [`${named('container', adding)} must not include ${quoted(sortedSet(containersOf(subject).flatMap(adds)))} in securityContext.capabilities.add`]),
  ];
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const allowedVolumes = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'] as const;
const restrictedVolumes = [
  'hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'gitRepo', 'nfs', 'iscsi', 'glusterfs', 'rbd', 'flexVolume', 'cinder', 'cephfs', 'flocker', 'fc',
  'azureFile', 'vsphereVolume', 'quobyte', 'azureDisk', 'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'storageos',
] as const;

export const volumeTypes: Check = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => allowedVolumes.every((type) => volume[type] === undefined));
  if (bad.length === 0) return undefined;
  const typeOf = (volume: Volume): string => restrictedVolumes.find((type) => volume[type] !== undefined) ?? 'unknown';
  const types = sortedSet(bad.map(typeOf));
  return { reason: 'restricted volume types', detail: `${named('volume', bad.map(({ name }) => name))} ${plural(bad.length, 'uses', 'use')} ${plural(types.length, 'restricted volume type')} ${quoted(types)}` };
};

export const runAsNonRoot: Check = (subject) => {
  const ofPod = podContextOf(subject).runAsNonRoot;
  const who = setters(ofPod === false, namesWhere(subject, (container) => contextOf(container).runAsNonRoot === false));
  const reason = 'runAsNonRoot != true';
  if (who !== undefined) return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const silent = ofPod === true ? [] : namesWhere(subject, (container) => contextOf(container).runAsNonRoot === undefined);
  return silent.length === 0 ? undefined : { reason, detail: `pod or ${named('container', silent)} must set securityContext.runAsNonRoot=true` };
};

export const runAsUser: Check = (subject) => {
  const who = setters(podContextOf(subject).runAsUser === 0, namesWhere(subject, (container) => contextOf(container).runAsUser === 0));
  return who === undefined ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

export const seccompProfile: Check = (subject) => {
  const bad = seccompFields(subject);
  if (bad !== undefined || podContextOf(subject).seccompProfile !== undefined) return bad;
  const silent = namesWhere(subject, (container) => contextOf(container).seccompProfile === undefined);
  if (silent.length === 0) return undefined;
  return { reason: 'seccompProfile', detail: `pod or ${named('container', silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"` };
};

/** Fields that Windows does not know cannot be asked of its pods. */
export function exceptOnWindows(check: Check): Check {
  return (subject) => (subject.spec.os?.name === 'windows' ? undefined : check(subject));
}
