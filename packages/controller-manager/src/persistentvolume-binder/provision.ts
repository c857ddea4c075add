import { annotated, claimKey, selectedNodeAnnotation } from '@coxswain/api/volumes';
import { isAlreadyExists, resources } from '@coxswain/client';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { messageOf, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import type { ControllerContext } from '../types.ts';
import type { Caches } from './caches.ts';
import type { ClaimStep } from './claim.ts';
import { annotationOf, deletionFinalizer, normal, oldProvisionerAnnotation, provisionedByAnnotation, provisionerAnnotation, warning } from './facts.ts';
import { claimAnnotations, hostPathPlugin } from './in-tree.ts';
import type { Writer } from './writer.ts';

type Provision = Extract<ClaimStep, { kind: 'provision' }>;

/** Why the plugin cannot make it, and whether the scheduler is to choose again. */
interface Refusal { readonly message: string; readonly chooseAgain?: true }

function externalText(name: string): string {
  return `Waiting for a volume to be created either by the external provisioner '${name}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
}

/** Named for the claim: whoever was interrupted makes the same directory and the same volume again. */
function hostPathVolume(claim: PersistentVolumeClaim, storageClass: StorageClass): PersistentVolume {
  const policy = storageClass.reclaimPolicy ?? 'Delete';
  return {
    metadata: {
      name: `pvc-${uidOf(claim)}`, ...(policy === 'Delete' ? { finalizers: [deletionFinalizer] } : {}),
      annotations: { 'kubernetes.io/createdby': 'hostpath-dynamic-provisioner', 'pv.kubernetes.io/bound-by-controller': 'yes', [provisionedByAnnotation]: hostPathPlugin },
    },
    spec: {
      persistentVolumeReclaimPolicy: policy, accessModes: claim.spec?.accessModes ?? ['ReadWriteOnce'], capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
      storageClassName: nameOf(storageClass), hostPath: { path: `/tmp/hostpath_pv/${uidOf(claim)}` },
      claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: namespaceOf(claim), name: nameOf(claim), uid: uidOf(claim), ...(claim.metadata?.resourceVersion === undefined ? {} : { resourceVersion: claim.metadata.resourceVersion }) },
    },
  };
}

/** Asks for volumes: of provisioners outside by an annotation, of the host's own disk by making them. */
export class Provisioning {
  readonly #context: ControllerContext;
  readonly #caches: Caches;
  readonly #writer: Writer;

  constructor(context: ControllerContext, caches: Caches, writer: Writer) {
    this.#context = context;
    this.#caches = caches;
    this.#writer = writer;
  }

  async provision(claim: PersistentVolumeClaim, { by, storageClass }: Provision): Promise<void> {
    if (!this.#context.config.volumes.dynamicProvisioning) return;
    if (by.kind === 'host-path') {
      await this.#ownDisk(claim, storageClass);
      return;
    }
    const asked = await this.#ask(claim, by.name);
    this.#writer.tell(asked, normal('ExternalProvisioning', externalText(by.name)));
  }

  async #ask(claim: PersistentVolumeClaim, name: string): Promise<PersistentVolumeClaim> {
    if (annotationOf(claim, provisionerAnnotation) === name) return claim;
    const marked = annotated(annotated(claim, oldProvisionerAnnotation, name), provisionerAnnotation, name);
    const annotations = claimAnnotations(marked.metadata?.annotations);
    try {
      return await this.#writer.claim(claim, { ...marked, metadata: { ...marked.metadata, ...(annotations === undefined ? {} : { annotations }) } });
    } catch (error) {
      this.#writer.tell(claim, warning('ProvisioningFailed', `Error saving claim: ${messageOf(error)}`));
      throw error;
    }
  }

  #whyNot(claim: PersistentVolumeClaim, storageClass: StorageClass): Refusal | undefined {
    const { spec } = claim;
    if (spec?.dataSource !== undefined) return { message: `plugin ${JSON.stringify(hostPathPlugin)} is not a CSI plugin. Only CSI plugin can provision a claim with a datasource` };
    const options = storageClass.mountOptions ?? [];
    if (options.length > 0) return { message: `Mount options are not supported by the provisioner but StorageClass ${JSON.stringify(nameOf(storageClass))} has mount options [${options.join(' ')}]` };
    if (!this.#context.config.volumes.hostPathProvisioner) return { message: `Failed to create provisioner: provisioning in volume plugin ${JSON.stringify(hostPathPlugin)} is disabled` };
    const node = annotationOf(claim, selectedNodeAnnotation);
    if (node !== undefined && !this.#caches.hasNode(node)) return { message: `Failed to get target node: node ${JSON.stringify(node)} not found` };
    if (spec?.volumeMode === 'Block') return { message: `Failed to provision volume with StorageClass ${JSON.stringify(nameOf(storageClass))}: ${hostPathPlugin} does not support block volume provisioning`, chooseAgain: true };
    return undefined;
  }

  async #ownDisk(before: PersistentVolumeClaim, storageClass: StorageClass): Promise<void> {
    const claim = await this.#ask(before, hostPathPlugin);
    const refusal = this.#whyNot(claim, storageClass);
    if (refusal !== undefined) {
      this.#writer.tell(claim, warning('ProvisioningFailed', refusal.message));
      if (refusal.chooseAgain === true) await this.#chooseAgain(claim);
      return;
    }
    const volume = hostPathVolume(claim, storageClass);
    await this.#context.host.disk.makeDirectory(volume.spec?.hostPath?.path ?? '', { mode: 0o750 });
    try {
      this.#caches.volumes.wrote(await this.#context.client.create(resources.persistentvolumes, volume));
    } catch (error) {
      if (isAlreadyExists(error)) return;
      this.#writer.tell(claim, warning('ProvisioningFailed', `Error creating provisioned PV object for claim ${claimKey(claim)}: ${messageOf(error)}.`));
      throw error;
    }
    this.#writer.tell(claim, normal('ProvisioningSucceeded', `Successfully provisioned volume ${nameOf(volume)} using ${hostPathPlugin}`));
  }

  /** Without the node the scheduler decides anew. */
  async #chooseAgain(claim: PersistentVolumeClaim): Promise<void> {
    const { [selectedNodeAnnotation]: node, ...annotations } = claim.metadata?.annotations ?? {};
    if (node !== undefined) await this.#writer.claim(claim, { ...claim, metadata: { ...claim.metadata, annotations } });
  }
}
