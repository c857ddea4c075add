import type { ApiResource } from '../resource.ts';
import { knownResources } from '../description/resources.ts';
import { FieldSet, fieldSetOf } from './field-set.ts';

type Paths = readonly (readonly string[])[];

/** What a writer of this (sub)resource cannot change, and so never owns. Kinds that differ from the rule below. */
const special: Readonly<Record<string, Paths>> = {
  'pods/status': [['spec'], ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']],
  'pods/ephemeralcontainers': [['spec'], ['status']],
  'deployments/status': [['spec'], ['metadata', 'labels']],
  'certificatesigningrequests/': [['spec'], ['status']],
  'certificatesigningrequests/approval': [['spec'], ['status', 'certificate']],
  'customresourcedefinitions/status': [['spec'], ['metadata']],
  'flowschemas/status': [['spec'], ['metadata']],
  'prioritylevelconfigurations/status': [['spec'], ['metadata']],
  'volumeattachments/status': [['spec'], ['metadata']],
  'validatingadmissionpolicies/status': [['spec'], ['metadata']],
  'apiservices/status': [['spec'], ['metadata']],
  'namespaces/finalize': [['status']],
};

const empty = new FieldSet();

/** Of a custom kind: its status subresource writes nothing of the metadata either. */
export function customResetFields(withStatus: boolean, subresource: string): FieldSet {
  if (!withStatus) return empty;
  return fieldSetOf(subresource === 'status' ? [['spec'], ['metadata']] : [['status']]);
}

function isStatusKept(resource: ApiResource): boolean {
  return resource.subresources.some((one) => one.name === 'status');
}

const made = new Map<string, FieldSet>();

export function resetFieldsOf(typeName: string, subresource: string): FieldSet {
  const key = `${typeName}/${subresource}`;
  const known = made.get(key) ?? make(typeName, subresource);
  made.set(key, known);
  return known;
}

function make(typeName: string, subresource: string): FieldSet {
  const resource = knownResources.find((one) => one.typeName === typeName);
  if (resource === undefined) return empty;
  const own = special[`${resource.resource}/${subresource}`];
  if (own !== undefined) return fieldSetOf(own);
  if (!isStatusKept(resource)) return empty;
  return fieldSetOf(subresource === 'status' ? [['spec']] : [['status']]);
}
