import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { get, has, obj, objects, optionalNumber, str, strings } from './access.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, invalidValue, notSupported, required, tooLong } from './errors.ts';
import { each, goSelector, immutable, immutableText, isNegativeQuantity, nonNegative, nonNegativeText, quantityText, requireOneOf, validateLabelSelector } from './common.ts';
import { dns1123Subdomain, qualifiedNameProblems } from './formats.ts';
import { goStruct } from './go-value.ts';
import { csiDriverName } from './pod/volume-sources.ts';
import type { Validator } from './validator.ts';

function tokenRequests(spec: JsonObject | undefined): FieldError[] {
  const audiences = new Set<string>();
  return each(objects(spec, 'tokenRequests'), 'spec.tokenRequests', (one, at) => {
    const audience = str(one, 'audience');
    if (audiences.has(audience)) return [duplicate(`${at}.audience`, audience)];
    audiences.add(audience);
    const seconds = optionalNumber(one, 'expirationSeconds');
    const field = `${at}.expirationSeconds`;
    if (seconds === undefined) return [];
    if (seconds > 2 ** 32) return [invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds')];
    return seconds < 600 ? [invalidValue(field, seconds, 'may not specify a duration less than 10 minutes')] : [];
  });
}

const lifecycles = ['Persistent', 'Ephemeral'];

function driver(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const errors = ([['attachRequired', 'attachedRequired'], ['podInfoOnMount', 'podInfoOnMount'], ['storageCapacity', 'storageCapacity']] as const)
    .flatMap(([key, shown]) => (has(spec, key) ? [] : [required(`spec.${shown}`)]));
  if (has(spec, 'fsGroupPolicy')) append(errors, requireOneOf(str(spec, 'fsGroupPolicy'), 'spec.fsGroupPolicy', ['File', 'None', 'ReadWriteOnceWithFSType'], 'unsupported'));
  append(errors, tokenRequests(spec));
  for (const mode of strings(spec, 'volumeLifecycleModes')) if (!lifecycles.includes(mode)) errors.push(notSupported('spec.volumeLifecycleModes', mode, lifecycles));
  return errors;
}

function driverUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const before = obj(old, 'spec');
  const errors = driver(object);
  append(errors, immutable(spec, before, 'attachRequired', 'spec').map((error) => ({ ...error, field: 'spec.attachedRequired' })));
  return [...errors, ...immutable(spec, before, 'volumeLifecycleModes', 'spec', goStrings('[]storage.VolumeLifecycleMode', strings(spec, 'volumeLifecycleModes')))];
}

function topologyKeys(one: JsonObject, at: string): FieldError[] {
  const seen = new Set<string>();
  return strings(one, 'topologyKeys').flatMap((key) => {
    const errors = [...(key === '' ? [required(at, key)] : []), ...(seen.has(key) ? [duplicate(at, key)] : []), ...eachInvalid(at, key, qualifiedNameProblems(key))];
    seen.add(key);
    return errors;
  });
}

const longestNodeId = 256;

function node(object: JsonObject): FieldError[] {
  const names = new Set<string>();
  return each(objects(obj(object, 'spec'), 'drivers'), 'spec.drivers', (one, at) => {
    const name = str(one, 'name');
    const id = str(one, 'nodeID');
    const errors = csiDriverName(name, `${at}.name`);
    if (id === '') errors.push(required(`${at}.nodeID`));
    if (id.length > longestNodeId) errors.push(invalidValue(`${at}.nodeID`, id, `must be ${longestNodeId} characters or less`));
    append(errors, nonNegative(obj(one, 'allocatable'), 'count', `${at}.allocatable`));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return [...errors, ...topologyKeys(one, at)];
  });
}

/** A driver may come and go, but what it says of its node stays. */
function nodeUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const now = objects(obj(object, 'spec'), 'drivers');
  // Upstream looks at it twice, and says twice what it finds.
  return [...node(object), ...node(object), ...objects(obj(old, 'spec'), 'drivers').flatMap((before) => now.filter((one) => str(one, 'name') === str(before, 'name') && !equalJson(one, before))
    .map((one) => invalidValue('CSINodeDriver', goStruct('io.k8s.api.storage.v1.CSINodeDriver', one), immutableText)))];
}

function storageCapacity(object: JsonObject): FieldError[] {
  const name = str(object, 'storageClassName');
  const errors = [...validateLabelSelector(obj(object, 'nodeTopology'), 'nodeTopology'), ...eachInvalid('storageClassName', name, dns1123Subdomain(name))];
  const value = get(object, 'capacity');
  return value !== undefined && isNegativeQuantity(value) ? [...errors, invalidValue('capacity', quantityText(value), nonNegativeText)] : errors;
}

function storageCapacityUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const topology = obj(object, 'nodeTopology');
  return [...storageCapacity(object), ...immutable(object, old, 'nodeTopology', '', topology === undefined ? undefined : goSelector(topology)), ...sameClass(object, old)];
}

function sameClass(object: JsonObject, old: JsonObject): FieldError[] {
  const name = str(object, 'storageClassName');
  return name === str(old, 'storageClassName') ? [] : [invalidValue('storageClassName', name, immutableText)];
}

const oneOfText = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

function attachmentSource(spec: JsonObject | undefined): FieldError[] {
  const source = obj(spec, 'source');
  const named = has(source, 'persistentVolumeName');
  const inline = has(source, 'inlineVolumeSpec');
  if (!named && !inline) return [required('spec.source', oneOfText)];
  if (named && inline) return [forbiddenField('spec.source', oneOfText)];
  return named && str(source, 'persistentVolumeName') === '' ? [required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName')] : [];
}

const mostMetadataBytes = 256 * 1024;
const mostErrorBytes = 1016;

function attachmentStatus(object: JsonObject): FieldError[] {
  const status = obj(object, 'status');
  const metadata = Object.entries(obj(status, 'attachmentMetadata') ?? {});
  const errors = metadata.reduce((sum, [key, value]) => sum + key.length + String(value as string).length, 0) > mostMetadataBytes ? [tooLong('status.attachmentMetadata', mostMetadataBytes)] : [];
  for (const key of ['attachError', 'detachError']) if (str(obj(status, key), 'message').length > mostErrorBytes) errors.push(tooLong(`status.${key}.message`, mostMetadataBytes));
  return errors;
}

function attachment(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const attacher = str(spec, 'attacher');
  const nodeName = str(spec, 'nodeName');
  const volume = str(obj(spec, 'source'), 'persistentVolumeName');
  return [
    ...(attacher === '' ? [required('spec.attacher')] : []), ...attachmentSource(spec),
    ...eachInvalid('spec.nodeName', nodeName, dns1123Subdomain(nodeName)), ...attachmentStatus(object),
    ...csiDriverName(attacher, 'spec.attacher'),
    ...(has(obj(spec, 'source'), 'persistentVolumeName') ? eachInvalid('spec.source.persistentVolumeName', volume, dns1123Subdomain(volume)) : []),
  ];
}

function attachmentUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const once = attachment(object).filter((error) => error.type === 'Required' || !['spec.attacher', 'spec.source.persistentVolumeName'].includes(error.field));
  // Upstream looks at it twice, and says twice what it finds.
  const errors = [...once, ...once];
  if (equalJson(spec ?? null, obj(old, 'spec') ?? null)) return errors;
  return [...errors, invalidValue('spec', goStruct('io.k8s.api.storage.v1.VolumeAttachmentSpec', spec), immutableText)];
}

export const csiValidators: Readonly<Record<string, Validator>> = {
  'csidrivers.storage.k8s.io': { create: driver, update: driverUpdate },
  'csinodes.storage.k8s.io': { create: node, update: nodeUpdate },
  'csistoragecapacities.storage.k8s.io': { create: storageCapacity, update: storageCapacityUpdate },
  'volumeattachments.storage.k8s.io': { create: attachment, update: attachmentUpdate, updateStatus: attachmentStatus },
};
