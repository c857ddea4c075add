import { forbidden, notFound, StatusError } from '@coxswain/api';
import type { Namespace } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import { resources } from '@coxswain/client';
import { typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, CacheReader } from '../types.ts';
import { groupResource, isResource } from './attributes.ts';

const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

function refuseImmortalDeletion(a: AdmissionAttributes): void {
  if (a.operation !== 'DELETE' || !isResource(a, '', 'namespaces') || !immortal.has(a.name)) return;
  throw forbidden(groupResource(a), a.name, 'this namespace may not be deleted');
}

/** Reviews inform about a namespace that may not exist. */
function isAccessReview(a: AdmissionAttributes): boolean {
  return isResource(a, 'authorization.k8s.io', 'localsubjectaccessreviews');
}

function terminating(a: AdmissionAttributes, name: string): StatusError {
  const refusal = forbidden(groupResource(a), a.name, `unable to create new content in namespace ${name} because it is being terminated`);
  const causes = [{ reason: 'NamespaceTerminating', message: `namespace ${name} is being terminated`, field: 'metadata.namespace' }];
  return new StatusError('Forbidden', refusal.message, { ...refusal.status.details, causes });
}

/** Nothing is made in a namespace that does not exist or is going; the three that a cluster needs stay. */
export function namespaceLifecycle(lookup: Lookup, cache: CacheReader): AdmissionPlugin {
  const requireLiving = async (a: AdmissionAttributes): Promise<void> => {
    const namespace = await lookup<Namespace>(resources.namespaces, '', a.namespace);
    if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, a.namespace);
    if (isGoing(namespace)) throw terminating(a, a.namespace);
  };
  return {
    name: 'NamespaceLifecycle',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    admit(a) {
      refuseImmortalDeletion(a);
      if (a.operation !== 'CREATE' || a.namespace === '' || a.resource.resource === 'namespaces' || isAccessReview(a)) return undefined;
      const known = typedOrNone<Namespace>(cache.get('', 'namespaces', '', a.namespace));
      return known !== undefined && !isGoing(known) ? undefined : requireLiving(a);
    },
  };
}

function isGoing({ status, metadata }: Namespace): boolean {
  return status?.phase === 'Terminating' || metadata?.deletionTimestamp !== undefined;
}
