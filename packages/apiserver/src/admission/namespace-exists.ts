import { notFound } from '@coxswain/api';
import { resources, type Client } from '@coxswain/client';
import type { Namespace } from 'kubernetes-types/core/v1';
import { hasCode, asStatusError, type Lookup } from '../live-lookup.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { refuse } from './attributes.ts';

function needsNamespace(a: AdmissionAttributes): boolean {
  return a.namespace !== '' && !(a.resource.group === '' && a.resource.resource === 'namespaces');
}

export function namespaceExists(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NamespaceExists',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    async validate(a) {
      if (!needsNamespace(a)) return;
      if (await lookup<Namespace>(resources.namespaces, '', a.namespace) === undefined) throw notFound({ group: '', resource: 'namespaces' }, a.namespace);
    },
  };
}

/** Makes the namespace of what is made in it. */
export function namespaceAutoProvision(lookup: Lookup, client: Client): AdmissionPlugin {
  return {
    name: 'NamespaceAutoProvision',
    operations: ['CREATE'],
    async admit(a) {
      if (a.dryRun || !needsNamespace(a) || await lookup<Namespace>(resources.namespaces, '', a.namespace) !== undefined) return;
      try {
        await client.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: a.namespace } });
      } catch (error) {
        if (!hasCode(error, 409)) throw refuse(a, String((asStatusError(error) as Error).message));
      }
    },
  };
}
