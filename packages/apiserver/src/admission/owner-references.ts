import type { ApiResource } from '@coxswain/api';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import type { KubeObject } from '@coxswain/client';
import { typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, AuthorizationAttributes, Authorizer } from '../types.ts';
import { isResource, refuse } from './attributes.ts';

/** Resources that are served now, custom ones included. */
export type ResourcesNow = () => readonly ApiResource[];

function ownersOf(object: AdmissionAttributes['object']): readonly OwnerReference[] {
  return typedOrNone<KubeObject>(object)?.metadata?.ownerReferences ?? [];
}

function sameOwners(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
  const key = ({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }: OwnerReference): string => JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion]);
  return a.length === b.length && a.every((owner, i) => key(owner) === key(b[i] as OwnerReference));
}

/** Owners whose deletion this object holds up from now on. */
function newlyBlocked(a: AdmissionAttributes): OwnerReference[] {
  const before = new Map(ownersOf(a.oldObject).map((owner) => [owner.uid, owner]));
  return ownersOf(a.object).filter((owner) => owner.blockOwnerDeletion === true && before.get(owner.uid)?.blockOwnerDeletion !== true);
}

/** Nobody hands to the garbage collector what they may not delete, nor holds up the deletion of what they may not change. */
export function ownerReferencesPermissionEnforcement(authorizer: Authorizer, resourcesNow: ResourcesNow): AdmissionPlugin {
  async function require(a: AdmissionAttributes, asked: Partial<AuthorizationAttributes> & { readonly verb: string }, why: string): Promise<void> {
    const { group, resource, version } = a.resource;
    const { decision, reason } = await authorizer.authorize({
      user: a.user, isResourceRequest: true, path: '', group, version, resource, subresource: a.subresource, namespace: a.namespace, name: a.name, ...asked,
    });
    if (decision !== 'allow') throw refuse(a, `${why}: ${reason}, <nil>`);
  }

  async function mayFinalizeAnything(a: AdmissionAttributes): Promise<boolean> {
    const { decision } = await authorizer.authorize({
      user: a.user, verb: 'update', isResourceRequest: true, path: '', group: '*', version: '*', resource: '*', subresource: 'finalizers', namespace: '', name: '*',
    });
    return decision === 'allow';
  }

  async function requireFinalizers(a: AdmissionAttributes, owner: OwnerReference): Promise<void> {
    const [version = '', group = ''] = owner.apiVersion.split('/').toReversed();
    const found = resourcesNow().filter((one) => one.group === group && one.version === version && one.kind === owner.kind);
    if (found.length === 0) {
      throw refuse(a, `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${owner.apiVersion} Kind ${owner.kind}: no matches for kind ${JSON.stringify(owner.kind)} in version ${JSON.stringify(owner.apiVersion)}`);
    }
    for (const { resource, namespaced } of found) {
      await require(a, { verb: 'update', group, version, resource, subresource: 'finalizers', name: owner.name, namespace: namespaced ? a.namespace : '' },
        'cannot set blockOwnerDeletion if an ownerReference refers to a resource you can\'t set finalizers on');
    }
  }

  return {
    name: 'OwnerReferencesPermissionEnforcement',
    operations: ['CREATE', 'UPDATE'],
    async validate(a) {
      if (a.object === undefined || isResource(a, '', 'pods', 'status') || sameOwners(ownersOf(a.object), ownersOf(a.oldObject))) return;
      if (a.operation !== 'CREATE') await require(a, { verb: 'delete' }, 'cannot set an ownerRef on a resource you can\'t delete');
      const blocked = newlyBlocked(a);
      if (blocked.length === 0 || await mayFinalizeAnything(a)) return;
      for (const owner of blocked) await requireFinalizers(a, owner);
    },
  };
}
