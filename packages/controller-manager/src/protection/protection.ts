import { claimedVolumes } from '@coxswain/api/volumes';
import { done, isNotFound, resources, splitKey, type KubeObject, type ResourceType, type SyncResult } from '@coxswain/client';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { isDeleting, nameOf, namespaceOf } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller, ControllerContext } from '../types.ts';

export const claimFinalizer = 'kubernetes.io/pvc-protection';
export const volumeFinalizer = 'kubernetes.io/pv-protection';

/** Names of the claims that a pod mounts. A pod without a node cannot have mounted anything yet. */
export function claimsOf(pod: Pod): readonly string[] {
  return (pod.spec?.nodeName ?? '') === '' ? [] : claimedVolumes(pod).map(({ claimName }) => claimName);
}

async function release<T extends KubeObject>(context: ControllerContext, type: ResourceType<T>, object: T, finalizer: string): Promise<SyncResult> {
  const finalizers = object.metadata?.finalizers?.filter((one) => one !== finalizer) ?? [];
  await context.client.update(type, { ...object, metadata: { ...object.metadata, finalizers } }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
  return done;
}

function waits(object: PersistentVolumeClaim | PersistentVolume, finalizer: string): boolean {
  return isDeleting(object) && object.metadata?.finalizers?.includes(finalizer) === true;
}

const claimName = 'persistentvolumeclaim-protection-controller';

/** A claim that is deleted stays until no pod uses it. */
export const claimProtectionController: Controller = {
  name: claimName, account: 'pvc-protection-controller',
  start: (context) => {
    const claims = context.informers.informer(resources.persistentvolumeclaims);
    const pods = context.informers.informer(resources.pods);
    pods.addIndex('claim', (pod) => claimsOf(pod).map((name) => `${namespaceOf(pod)}/${name}`));
    const loop = newLoop(context, claimName);
    claims.addHandler({ added: (claim) => loop.enqueue(claim), updated: (_before, claim) => loop.enqueue(claim) });
    pods.addHandler({ deleted: (pod) => { for (const name of claimsOf(pod)) loop.queue.add(`${namespaceOf(pod)}/${name}`); } });
    return runLoop(context, claimName, loop, async (key) => {
      const claim = claims.lister.get(splitKey(key));
      if (claim === undefined || !waits(claim, claimFinalizer) || pods.lister.byIndex('claim', key).length > 0) return done;
      // The cache may not have seen a pod that was bound a moment ago; nobody gets the volume back once the claim is gone.
      const live = await context.client.list(resources.pods, { namespace: namespaceOf(claim) });
      return live.items.some((pod) => claimsOf(pod).includes(nameOf(claim))) ? done : await release(context, resources.persistentvolumeclaims, claim, claimFinalizer);
    }, 1);
  },
};

const volumeName = 'persistentvolume-protection-controller';

/** A volume that is deleted stays while it is bound to a claim. */
export const volumeProtectionController: Controller = {
  name: volumeName, account: 'pv-protection-controller',
  start: (context) => {
    const volumes = context.informers.informer(resources.persistentvolumes);
    const loop = newLoop(context, volumeName);
    volumes.addHandler({ added: (volume) => loop.enqueue(volume), updated: (_before, volume) => loop.enqueue(volume) });
    return runLoop(context, volumeName, loop, async (key) => {
      const volume = volumes.lister.get({ name: key });
      if (volume === undefined || !waits(volume, volumeFinalizer) || volume.status?.phase === 'Bound') return done;
      return await release(context, resources.persistentvolumes, volume, volumeFinalizer);
    }, 1);
  },
};
