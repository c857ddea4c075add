import { forbidden, type GroupResource, type StatusError } from '@coxswain/api';
import type { Pod } from 'kubernetes-types/core/v1';
import { typed } from '../typed.ts';
import type { AdmissionAttributes } from '../types.ts';

export function groupResource(a: AdmissionAttributes): GroupResource {
  return { group: a.resource.group, resource: a.resource.resource };
}

export function isResource(a: AdmissionAttributes, group: string, resource: string, subresource = ''): boolean {
  return a.resource.group === group && a.resource.resource === resource && a.subresource === subresource;
}

/** The pod that is being made or changed itself, not through a subresource. */
export function podOf(a: AdmissionAttributes): Pod | undefined {
  return isResource(a, '', 'pods') && a.object !== undefined ? typed<Pod>(a.object) : undefined;
}

/** Objects that have no name yet are spoken of as unknown, as upstream does. */
export function refuse(a: AdmissionAttributes, why: string): StatusError {
  const generateName = (a.object?.['metadata'] as { generateName?: string } | undefined)?.generateName;
  const name = a.name !== '' ? a.name : generateName ?? '';
  return forbidden(groupResource(a), name === '' ? 'Unknown' : name, why);
}
