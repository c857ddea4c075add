import { claimNameOf, podClaims, whyNotMadeFor, type ConsumerReference, type PodClaim, type ResourceClaim, type ResourceClaimTemplate } from '@coxswain/api/dynamic-resources';
import { done, dynamicResources as types, isNotFound, keyOfObject, objectKey, resources, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';
import { isDeleting, messageOf, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { controllerOf } from '../common/owner.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller, ControllerContext } from '../types.ts';
import { claimFromTemplate, claimKeysOf, isPodDone, isReleased, needsReservation, ownerUidOf, podClaimAnnotation, reservedBy, statusWith, wantsAdminAccess, withoutFinalizer } from './claims.ts';

const name = 'resourceclaim-controller';
const workers = 10;
const [byClaim, byOwner] = ['claim', 'owner'] as const;

interface Caches {
  readonly pods: Informer<Pod>;
  readonly claims: Informer<ResourceClaim>;
  readonly templates: Informer<ResourceClaimTemplate>;
}

/** Makes the claims of pods from their templates, and tells the pods. */
class PodClaims {
  readonly #context: ControllerContext;
  readonly #caches: Caches;
  /** By pod and claim, until the cache has them: a second one would never be used. */
  readonly #made = new Map<string, ResourceClaim>();

  constructor(context: ControllerContext, caches: Caches) {
    this.#context = context;
    this.#caches = caches;
  }

  seen(claim: ResourceClaim): void {
    if (this.#made.size > 0) this.#made.delete(`${ownerUidOf(claim) ?? ''}/${claim.metadata?.annotations?.[podClaimAnnotation] ?? ''}`);
  }

  async sync(pod: Pod): Promise<void> {
    const names: { name: string; resourceClaimName: string }[] = [];
    let isNew = false;
    for (const claim of podClaims(pod)) {
      try {
        const { known, found } = await this.#ensure(pod, claim);
        if (found !== undefined && claim.resourceClaimTemplateName !== undefined) names.push({ name: claim.name, resourceClaimName: found });
        isNew ||= found !== undefined && !known;
      } catch (error) {
        this.#context.recorder.event(pod, 'Warning', 'FailedResourceClaimCreation', `PodResourceClaim ${claim.name}: ${messageOf(error)}`);
        throw error;
      }
    }
    if (isNew) {
      const status = { apiVersion: 'v1', kind: 'Pod', metadata: { name: nameOf(pod), namespace: namespaceOf(pod) }, status: { resourceClaimStatuses: names } };
      await this.#context.client.patch(resources.pods, objectKey(pod), 'apply', status, { subresource: 'status', fieldManager: 'ResourceClaimController', force: true });
    }
    await this.#reserve(pod);
  }

  /** The name of the pod's claim, and whether the pod knows it; undefined: the user is to make it, or nobody need. */
  async #ensure(pod: Pod, claim: PodClaim): Promise<{ readonly known: boolean; readonly found: string | undefined }> {
    const at = claimNameOf(pod, claim);
    if (at.kind === 'unneeded' || claim.resourceClaimTemplateName === undefined) return { known: true, found: undefined };
    if (at.kind === 'named') {
      const named = this.#caches.claims.lister.get({ namespace: namespaceOf(pod), name: at.name });
      if (named !== undefined && whyNotMadeFor(pod, named) === undefined) return { known: true, found: at.name };
    }
    const key = `${uidOf(pod)}/${claim.name}`;
    const own = this.#caches.claims.lister.byIndex(byOwner, uidOf(pod)).find(({ metadata }) => metadata?.annotations?.[podClaimAnnotation] === claim.name) ?? this.#made.get(key);
    if (own !== undefined) return { known: at.kind === 'named' && at.name === nameOf(own), found: nameOf(own) };
    const made = await this.#create(pod, claim, claim.resourceClaimTemplateName);
    this.#made.set(key, made);
    return { known: false, found: nameOf(made) };
  }

  async #create(pod: Pod, claim: PodClaim, templateName: string): Promise<ResourceClaim> {
    const template = this.#caches.templates.lister.get({ namespace: namespaceOf(pod), name: templateName });
    if (template === undefined) throw new Error(`resource claim template ${JSON.stringify(templateName)}: resourceclaimtemplate.resource.k8s.io ${JSON.stringify(templateName)} not found`);
    if (!this.#context.config.features.has('DRAAdminAccess') && wantsAdminAccess(template)) throw new Error('admin access is requested, but the feature is disabled');
    return await this.#context.client.create(types.resourceclaims, claimFromTemplate(pod, claim, template)).catch((error: unknown) => {
      throw new Error(`create ResourceClaim : ${messageOf(error)}`);
    });
  }

  /** For pods that have a node from somebody else than the scheduler. */
  async #reserve(pod: Pod): Promise<void> {
    if ((pod.spec?.nodeName ?? '') === '') return;
    for (const claim of podClaims(pod)) {
      const at = claimNameOf(pod, claim);
      if (at.kind !== 'named') continue;
      const found = this.#caches.claims.lister.get({ namespace: namespaceOf(pod), name: at.name });
      if (found === undefined) return;
      const conflict = at.owned ? whyNotMadeFor(pod, found) : undefined;
      if (conflict !== undefined) throw new Error(conflict);
      if (needsReservation(pod, found)) await this.#context.client.updateStatus(types.resourceclaims, reservedBy(pod, found));
    }
  }
}

/** Whether who reserved it may still use it. The cache may lag behind a pod that was just made, so what it does not have is asked for. */
async function isStillUsing({ client }: ControllerContext, { pods }: Caches, namespace: string, { apiGroup = '', resource, name: podName, uid }: ConsumerReference): Promise<boolean> {
  if (apiGroup !== '' || resource !== 'pods') throw new Error(`unsupported ReservedFor entry: ${resource}.${apiGroup} ${podName}`);
  const key = { namespace, name: podName };
  const pod = pods.lister.get(key) ?? await client.get(resources.pods, key).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  return pod !== undefined && uidOf(pod) === uid && !isPodDone(pod);
}

/** Takes away consumers that are gone, the devices if nobody is left, and the claim itself if its pod is done. */
async function syncClaim(context: ControllerContext, caches: Caches, claim: ResourceClaim): Promise<void> {
  const { client } = context;
  const kept: ConsumerReference[] = [];
  for (const one of claim.status?.reservedFor ?? []) if (await isStillUsing(context, caches, namespaceOf(claim), one)) kept.push(one);
  const status = statusWith(claim, kept);
  const current = status === undefined ? claim : await client.updateStatus(types.resourceclaims, { ...claim, status });
  if (isReleased(current, status !== undefined)) await client.update(types.resourceclaims, withoutFinalizer(current));
  if (kept.length > 0 || isDeleting(claim)) return;
  const owner = controllerOf(claim);
  if (owner?.kind !== 'Pod' || owner.apiVersion !== 'v1') return;
  const pod = caches.pods.lister.get({ namespace: namespaceOf(claim), name: owner.name });
  // Of a pod that is not there the garbage collector knows.
  if (pod === undefined || (uidOf(pod) === owner.uid && !isPodDone(pod))) return;
  await client.delete(types.resourceclaims, objectKey(claim)).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
}

/** Claims of devices: made from the templates of pods, and given back when their pods are done. */
export const resourceClaimController: Controller = {
  name, account: 'resource-claim-controller', eventSource: 'resource_claim', feature: 'DynamicResourceAllocation',
  start: (context) => {
    const caches: Caches = { pods: context.informers.informer(resources.pods), claims: context.informers.informer(types.resourceclaims), templates: context.informers.informer(types.resourceclaimtemplates) };
    const { pods, claims, templates } = caches;
    for (const informer of [claims, templates]) informer.mayBeAbsent('pods wait for claims of devices until the API server serves resource.k8s.io/v1beta1 (--runtime-config=resource.k8s.io/v1beta1=true)');
    pods.addIndex(byClaim, claimKeysOf);
    claims.addIndex(byOwner, (claim) => [ownerUidOf(claim) ?? '']);
    const loop = newLoop(context, name);
    const podClaimsOf = new PodClaims(context, caches);
    const add = (what: 'pod' | 'claim', key: string): void => loop.queue.add(`${what}:${key}`);
    const enqueuePod = (pod: Pod): void => {
      if (podClaims(pod).length === 0) return;
      if (isPodDone(pod)) for (const key of claimKeysOf(pod)) add('claim', key);
      if (!isDeleting(pod)) add('pod', keyOfObject(pod));
    };
    const enqueueClaim = (claim: ResourceClaim): void => {
      podClaimsOf.seen(claim);
      add('claim', keyOfObject(claim));
      for (const pod of pods.lister.byIndex(byClaim, keyOfObject(claim))) enqueuePod(pod);
    };
    pods.addHandler({ added: enqueuePod, updated: (_before, pod) => enqueuePod(pod), deleted: (pod) => { for (const key of claimKeysOf(pod)) add('claim', key); } });
    claims.addHandler({ added: enqueueClaim, updated: (_before, claim) => enqueueClaim(claim), deleted: enqueueClaim });
    // Upstream waits for its back-off; the pods that wait for a template need not.
    templates.addHandler({ added: ({ metadata }) => { for (const pod of pods.lister.list({ namespace: metadata?.namespace ?? '' })) if (podClaims(pod).some(({ resourceClaimTemplateName }) => resourceClaimTemplateName === metadata?.name)) enqueuePod(pod); } });

    return runLoop(context, name, loop, async (key): Promise<SyncResult> => {
      const at = splitKey(key.slice(key.indexOf(':') + 1));
      if (key.startsWith('claim:')) {
        const claim = claims.lister.get(at);
        if (claim !== undefined) await syncClaim(context, caches, claim);
        return done;
      }
      const pod = pods.lister.get(at);
      if (pod !== undefined && !isDeleting(pod)) await podClaimsOf.sync(pod);
      return done;
    }, workers);
  },
};
