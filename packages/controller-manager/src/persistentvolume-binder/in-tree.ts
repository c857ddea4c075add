import type { PersistentVolume } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { nameOf } from '../common/object.ts';
import { annotationOf, deletionFinalizer, externalDeletionFinalizer, migratedToAnnotation, oldProvisionerAnnotation, provisionedByAnnotation, provisionerAnnotation } from './facts.ts';

export const hostPathPlugin = 'kubernetes.io/host-path';
const nfsPlugin = 'kubernetes.io/nfs';
const inTreePrefix = 'kubernetes.io/';

/** Plugins of old, and the drivers that took their place. */
const drivers: Readonly<Record<string, string>> = {
  'kubernetes.io/aws-ebs': 'ebs.csi.aws.com', 'kubernetes.io/azure-disk': 'disk.csi.azure.com', 'kubernetes.io/azure-file': 'file.csi.azure.com',
  'kubernetes.io/gce-pd': 'pd.csi.storage.gke.io', 'kubernetes.io/cinder': 'cinder.csi.openstack.org', 'kubernetes.io/portworx-volume': 'pxd.portworx.com',
  'kubernetes.io/vsphere-volume': 'csi.vsphere.vmware.com',
};

/** Who makes volumes of a class, or deletes one: this process, somebody else, or nobody. */
export type Agent =
  | { readonly kind: 'host-path' }
  | { readonly kind: 'external'; readonly name: string }
  | { readonly kind: 'none'; readonly error: string };

const hostPath: Agent = { kind: 'host-path' };

function byName(plugin: string, able: 'provisionable' | 'deletable'): Agent {
  if (plugin === hostPathPlugin) return hostPath;
  if (!plugin.startsWith(inTreePrefix)) return { kind: 'external', name: plugin };
  return { kind: 'none', error: plugin === nfsPlugin ? `no ${able} volume plugin matched` : `no volume plugin matched name: ${plugin}` };
}

export function provisionerOf({ provisioner }: StorageClass): Agent {
  const driver = drivers[provisioner];
  return driver === undefined ? byName(provisioner, 'provisionable') : { kind: 'external', name: driver };
}

export function deleterOf(volume: PersistentVolume): Agent {
  const provisioner = annotationOf(volume, provisionedByAnnotation) ?? '';
  if (provisioner !== '') return byName(provisioner, 'deletable');
  const migrated = annotationOf(volume, migratedToAnnotation);
  const driver = migrated ?? volume.spec?.csi?.driver;
  if (driver !== undefined) return { kind: 'external', name: driver };
  if (volume.spec?.hostPath !== undefined) return hostPath;
  const what = volume.spec?.nfs === undefined ? 'no volume plugin matched' : 'no deletable volume plugin matched';
  return { kind: 'none', error: `error getting deleter volume plugin for volume ${JSON.stringify(nameOf(volume))}: ${what}` };
}

type Annotations = Readonly<Record<string, string>> | undefined;

/** With the name of the driver that serves the old plugin's volumes, if there is one; the same object where nothing has to change. */
function withMigration(annotations: Annotations, provisioner: string | undefined): Annotations {
  if (annotations === undefined || provisioner === undefined) return annotations;
  const { [migratedToAnnotation]: before, ...rest } = annotations;
  const driver = drivers[provisioner];
  if ((before ?? '') === (driver ?? '')) return annotations;
  return driver === undefined ? rest : { ...rest, [migratedToAnnotation]: driver };
}

export function claimAnnotations(annotations: Annotations): Annotations {
  return withMigration(annotations, annotations?.[provisionerAnnotation] ?? annotations?.[oldProvisionerAnnotation]);
}

export function volumeAnnotations(annotations: Annotations): Annotations {
  return withMigration(annotations, annotations?.[provisionedByAnnotation]);
}

/** A volume that was made by a plugin in this process stays until what is behind it is gone. The same list where nothing has to change. */
export function volumeFinalizers({ metadata, spec }: PersistentVolume): readonly string[] {
  const before = metadata?.finalizers ?? [];
  const provisioner = metadata?.annotations?.[provisionedByAnnotation];
  const without = (list: readonly string[], name: string): readonly string[] => (list.includes(name) ? list.filter((one) => one !== name) : list);
  if (provisioner === undefined) return before;
  if (drivers[provisioner] !== undefined) return without(before, deletionFinalizer);
  if (!provisioner.startsWith(inTreePrefix)) return before;
  const own = spec?.persistentVolumeReclaimPolicy !== 'Delete' ? without(before, deletionFinalizer)
    : before.includes(deletionFinalizer) ? before : [...before, deletionFinalizer];
  return without(own, externalDeletionFinalizer);
}
