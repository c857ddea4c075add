import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { readyList } from '../ready-list.ts';
import { typed } from '../typed.ts';
import type { AdmissionPlugin, CacheReader } from '../types.ts';
import { isResource } from './attributes.ts';

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumes: 'kubernetes.io/pv-protection',
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
};

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  operations: ['CREATE'],
  admit(a) {
    const finalizer = a.resource.group === '' && a.subresource === '' ? finalizers[a.resource.resource] : undefined;
    if (finalizer === undefined || a.object === undefined) return Promise.resolve();
    const { metadata } = typed<PersistentVolumeClaim>(a.object);
    if (metadata !== undefined && !(metadata.finalizers ?? []).includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    return Promise.resolve();
  },
};

const defaultAnnotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

/** The newest class marked default, then the first by name. */
async function defaultStorageClass(cache: CacheReader): Promise<string | undefined> {
  const classes = (await readyList(cache, 'storage.k8s.io', 'storageclasses')).map((object) => typed<StorageClass>(object));
  const marked = classes.filter((one) => defaultAnnotations.some((annotation) => one.metadata?.annotations?.[annotation] === 'true'));
  const age = (one: StorageClass): string => one.metadata?.creationTimestamp ?? '';
  return marked.toSorted((a, b) => age(b).localeCompare(age(a)) || (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? ''))[0]?.metadata?.name;
}

export function defaultStorageClassAdmission(cache: CacheReader): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    operations: ['CREATE'],
    resources: new Set(['persistentvolumeclaims']),
    async admit(a) {
      if (!isResource(a, '', 'persistentvolumeclaims') || a.object === undefined) return;
      const claim = typed<PersistentVolumeClaim>(a.object);
      const asked = claim.spec?.storageClassName ?? claim.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'];
      const name = asked === undefined ? await defaultStorageClass(cache) : undefined;
      if (name !== undefined && claim.spec !== undefined) claim.spec.storageClassName = name;
    },
  };
}
