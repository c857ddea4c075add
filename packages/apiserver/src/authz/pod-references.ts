import type { Container, Pod, Volume } from 'kubernetes-types/core/v1';

export type ReferencedResource = 'secrets' | 'configmaps' | 'persistentvolumeclaims' | 'serviceaccounts' | 'resourceclaims';

/** `secrets NAMESPACE/NAME` of everything that the kubelet of this pod must read. */
export function podReferences(pod: Pod): Set<string> {
  const namespace = pod.metadata?.namespace ?? '';
  const found = new Set<string>();
  const add = (resource: ReferencedResource, name: string | undefined): void => { if (name) found.add(referenceKey(resource, namespace, name)); };
  const spec = pod.spec;
  if (spec === undefined) return found;
  add('serviceaccounts', spec.serviceAccountName);
  for (const secret of spec.imagePullSecrets ?? []) add('secrets', secret.name);
  const containers = [...spec.containers, ...(spec.initContainers ?? []), ...((spec.ephemeralContainers ?? []) as Container[])];
  for (const container of containers) containerReferences(container, add);
  for (const volume of spec.volumes ?? []) volumeReferences(volume, pod.metadata?.name ?? '', add);
  claimReferences(pod, add);
  return found;
}

/** Claims that are named, and those that were made for the pod. */
function claimReferences(pod: Pod, add: Add): void {
  const made = new Map((pod.status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => [name, resourceClaimName]));
  for (const claim of (pod.spec?.resourceClaims ?? []) as { readonly name: string; readonly resourceClaimName?: string }[]) add('resourceclaims', claim.resourceClaimName ?? made.get(claim.name));
}

export function referenceKey(resource: string, namespace: string, name: string): string {
  return `${resource} ${namespace}/${name}`;
}

type Add = (resource: ReferencedResource, name: string | undefined) => void;

function containerReferences(container: Container, add: Add): void {
  for (const source of container.envFrom ?? []) {
    add('configmaps', source.configMapRef?.name);
    add('secrets', source.secretRef?.name);
  }
  for (const { valueFrom } of container.env ?? []) {
    add('configmaps', valueFrom?.configMapKeyRef?.name);
    add('secrets', valueFrom?.secretKeyRef?.name);
  }
}

function volumeReferences(volume: Volume, podName: string, add: Add): void {
  add('configmaps', volume.configMap?.name);
  add('secrets', volume.secret?.secretName);
  add('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName);
  if (volume.ephemeral !== undefined) add('persistentvolumeclaims', `${podName}-${volume.name}`);
  for (const source of volume.projected?.sources ?? []) {
    add('configmaps', source.configMap?.name);
    add('secrets', source.secret?.name);
  }
  const secretRefs = [volume.azureFile?.secretName, ...[volume.cephfs, volume.cinder, volume.flexVolume, volume.iscsi, volume.rbd, volume.scaleIO, volume.storageos].map((one) => one?.secretRef?.name), volume.csi?.nodePublishSecretRef?.name];
  for (const name of secretRefs) add('secrets', name);
}
