import { forbidden, notFound, StatusError } from '@coxswain/api';
import type { Namespace } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import { resources } from '@coxswain/client';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
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
export function namespaceLifecycle(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    async admit(a) {
      refuseImmortalDeletion(a);
      if (a.operation !== 'CREATE' || a.namespace === '' || a.resource.resource === 'namespaces' || isAccessReview(a)) return;
      const namespace = await lookup<Namespace>(resources.namespaces, '', a.namespace);
      if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, a.namespace);
      if (namespace.status?.phase === 'Terminating' || namespace.metadata?.deletionTimestamp !== undefined) throw terminating(a, a.namespace);
    },
  };
}
