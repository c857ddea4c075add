import { claimOfVolume, whyNotForPod } from '@coxswain/api/volumes';
import { done, keyOfObject, resources, splitKey, type SyncResult } from '@coxswain/client';
import type { PersistentVolumeClaim, Pod, Volume } from 'kubernetes-types/core/v1';
import { isDeleting, messageOf, nameOf, namespaceOf } from '../common/object.ts';
import { newControllerRef } from '../common/owner.ts';
import { newLoop, runLoop } from '../common/run.ts';
import { indexByClaim, podsOfClaim } from '../persistentvolume-binder/caches.ts';
import type { Controller } from '../types.ts';

const name = 'ephemeral-volume-controller';

/** The claim of a pod's ephemeral volume: it goes with the pod. */
function claimFor(pod: Pod, volume: Volume): PersistentVolumeClaim {
  const { metadata, spec } = volume.ephemeral?.volumeClaimTemplate ?? {};
  const { labels, annotations } = metadata ?? {};
  return {
    metadata: {
      namespace: namespaceOf(pod), name: claimOfVolume(pod, volume)?.claimName ?? '', ownerReferences: [newControllerRef(resources.pods, pod)],
      ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }),
    },
    ...(spec === undefined ? {} : { spec }),
  };
}

/** Makes the claims of generic ephemeral volumes. A claim of the name that is not the pod's is left alone, and the pod waits. */
export const ephemeralVolumeController: Controller = {
  name, account: name, eventSource: 'ephemeral_volume',
  start: (context) => {
    const pods = context.informers.informer(resources.pods);
    const claims = context.informers.informer(resources.persistentvolumeclaims);
    indexByClaim(pods);
    const loop = newLoop(context, name);
    const enqueue = (pod: Pod): void => { if (!isDeleting(pod) && pod.spec?.volumes?.some(({ ephemeral }) => ephemeral !== undefined) === true) loop.enqueue(pod); };
    pods.addHandler({ added: enqueue });
    claims.addHandler({ deleted: (claim) => { for (const pod of podsOfClaim(pods, keyOfObject(claim))) enqueue(pod); } });

    const ensure = async (pod: Pod, volume: Volume): Promise<void> => {
      const wanted = claimFor(pod, volume);
      const found = claims.lister.get({ namespace: namespaceOf(pod), name: nameOf(wanted) });
      if (found !== undefined) {
        const conflict = whyNotForPod(pod, found);
        if (conflict !== undefined) throw new Error(conflict);
        return;
      }
      await context.client.create(resources.persistentvolumeclaims, wanted).catch((error: unknown) => {
        throw new Error(`create PVC ${nameOf(wanted)}: ${messageOf(error)}`);
      });
    };

    return runLoop(context, name, loop, async (key): Promise<SyncResult> => {
      const pod = pods.lister.get(splitKey(key));
      if (pod === undefined || isDeleting(pod)) return done;
      for (const volume of pod.spec?.volumes ?? []) {
        if (volume.ephemeral === undefined) continue;
        await ensure(pod, volume).catch((error: unknown) => {
          context.recorder.event(pod, 'Warning', 'FailedBinding', `ephemeral volume ${volume.name}: ${messageOf(error)}`);
          throw error;
        });
      }
      return done;
    });
  },
};
