import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import { equalJson, isObject } from '../patch/values.ts';
import { compareQuantity, quantityValue } from '../quantity/index.ts';
import { entries, get, has, obj, objects, str, strings, withoutKeys } from './access.ts';
import { positiveQuantity, validateAccessModes, validateClaimSpec, validateClassName } from './claims.ts';
import { duplicate, eachInvalid, forbiddenField, goText, invalidValue, notSupported, quote, required, type GoText } from './errors.ts';
import { each, immutable, immutableText, isNegativeQuantity, labelName, quantityText, requireOneOf } from './common.ts';
import { dns1123Label, dns1123Subdomain, qualifiedNameProblems } from './formats.ts';
import { goPointerTo, goQuantity } from './go-value.ts';
import { validateNodeSelectorTerms } from './pod/placement.ts';
import { noBacksteps } from './pod/files.ts';
import {
  azureDisk, cephFs, csiDriverName, fibreChannel, flexVolume, flocker, hostPath, iscsi, isIscsiNameTooLong, iscsiTooLong, needs, nfs, partitioned, quobyte, rbd, secretRef, storageOs,
  type SourceCheck,
} from './pod/volume-sources.ts';
import { isNative, resourceQuantity } from './resources.ts';
import type { Validator } from './validator.ts';

const claimText = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
const gateText = 'update is forbidden when the VolumeAttributesClass feature gate is disabled';

/** What a bound claim may still change, and what an unbound one may set for the first time, is taken out of the comparison. */
function claimSpecDiffers(spec: JsonObject, before: JsonObject, isBound: boolean): boolean {
  const loose = [
    ...(str(before, 'volumeName') === '' ? ['volumeName'] : []), ...(has(before, 'storageClassName') || !has(spec, 'storageClassName') ? [] : ['storageClassName']),
    ...(isBound && has(spec, 'volumeAttributesClassName') ? ['volumeAttributesClassName'] : []),
  ];
  const cut = (one: JsonObject): JsonObject => {
    const resources = obj(one, 'resources') ?? {};
    const requests = isBound ? withoutKeys(obj(resources, 'requests') ?? {}, 'storage') : obj(resources, 'requests') ?? {};
    return { ...withoutKeys(one, ...loose), resources: { ...resources, requests } };
  };
  return !equalJson(cut(spec), cut(before));
}

function claimUpdate(claim: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(claim, 'spec') ?? {};
  const before = obj(old, 'spec') ?? {};
  // Upstream looks at it twice, and says twice what it finds.
  const errors = [...validateClaimSpec(spec, 'spec'), ...validateClaimSpec(spec, 'spec')];
  if (claimSpecDiffers(spec, before, str(obj(claim, 'status'), 'phase') === 'Bound')) errors.push(forbiddenField('spec', claimText));
  const now = get(obj(obj(spec, 'resources'), 'requests'), 'storage') ?? '0';
  const was = get(obj(obj(before, 'resources'), 'requests'), 'storage') ?? '0';
  const held = get(obj(obj(old, 'status'), 'capacity'), 'storage') ?? '0';
  if (compareQuantity(quantityText(now), quantityText(was)) < 0 && compareQuantity(quantityText(now), quantityText(held)) <= 0) {
    errors.push(forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  }
  append(errors, immutable(spec, before, 'volumeMode', '').map((error) => ({ ...error, field: 'volumeMode' })));
  if (get(spec, 'volumeAttributesClassName') !== get(before, 'volumeAttributesClassName')) errors.push(forbiddenField('spec.volumeAttributesClassName', gateText));
  return errors;
}

const resizeStates = ['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizeInProgress', 'NodeResizeInfeasible', 'NodeResizePending'];

function claimResourceKey(key: string, field: string): FieldError[] {
  const errors = eachInvalid(field, key, qualifiedNameProblems(key));
  return errors.length === 0 && isNative(key) && key !== 'storage' ? [notSupported(field, key, ['storage'])] : errors;
}

function basicQuantity(value: Json, field: string): FieldError[] {
  return isNegativeQuantity(value) ? [invalidValue(field, quantityValue(quantityText(value)), 'must be a valid resource quantity')] : [];
}

function claimStatusUpdate(claim: JsonObject): FieldError[] {
  const status = obj(claim, 'status');
  const errors = entries(obj(status, 'capacity')).flatMap(([name, value]) => basicQuantity(value, `status.capacity[${name}]`));
  for (const [name, state] of entries(obj(status, 'allocatedResourceStatuses'))) {
    append(errors, claimResourceKey(name, 'status.allocatedResourceStatus'));
    if (!resizeStates.includes(state as string)) errors.push(notSupported('status.allocatedResourceStatus', goText(name), resizeStates));
  }
  for (const [name, value] of entries(obj(status, 'allocatedResources'))) {
    const key = claimResourceKey(name, 'status.allocatedResources');
    append(errors, (key.length > 0 ? key : basicQuantity(value, `status.allocatedResources[${name}]`)));
  }
  return errors;
}

const pairs = (...keys: readonly string[]): SourceCheck => (source, field) => keys.flatMap((key) => {
  const name = str(obj(source, key), 'name');
  const namespace = str(obj(source, key), 'namespace');
  if (!has(source, key)) return [];
  return [
    ...(name === '' ? [required(`${field}.${key}.name`)] : eachInvalid(`${field}.${key}.name`, name, dns1123Subdomain(name))),
    ...(namespace === '' ? [required(`${field}.${key}.namespace`)] : eachInvalid(`${field}.${key}.namespace`, namespace, dns1123Label(namespace))),
  ];
});

const csi: SourceCheck = (source, field) => [
  ...csiDriverName(str(source, 'driver'), `${field}.driver`), ...needs('volumeHandle')(source, field),
  ...pairs('controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef')(source, field),
];

const glusterfs: SourceCheck = (source, field) => {
  const namespace = str(source, 'endpointsNamespace');
  const errors = needs('endpoints', 'path')(source, field);
  if (!has(source, 'endpointsNamespace')) return errors;
  const at = `${field}.endpointsNamespace`;
  return [...errors, ...(namespace === '' ? [invalidValue(at, '', 'if the endpointnamespace is set, it must be a valid namespace name')] : eachInvalid(at, namespace, dns1123Label(namespace)))];
};

/** In the order in which upstream looks at them. */
const sources: readonly (readonly [string, SourceCheck, string?])[] = [
  ['hostPath', hostPath], ['gcePersistentDisk', partitioned('pdName'), 'persistentDisk'], ['awsElasticBlockStore', partitioned('volumeID')], ['glusterfs', glusterfs], ['flocker', flocker],
  ['nfs', nfs], ['rbd', rbd], ['quobyte', quobyte], ['cephfs', cephFs, 'cephfs'], ['iscsi', iscsi('must be valid format', ['name'])],
  ['cinder', (source, field) => [...needs('volumeID')(source, field), ...secretRef('name', 'namespace')(source, field)]], ['fc', fibreChannel], ['flexVolume', flexVolume],
  ['azureFile', (source, field) => [...needs('secretName', 'shareName')(source, field), ...(has(source, 'secretNamespace') ? needs('secretNamespace')(source, field) : [])]],
  ['vsphereVolume', needs('volumePath')], ['photonPersistentDisk', needs('pdID')], ['portworxVolume', needs('volumeID')], ['azureDisk', azureDisk],
  ['scaleIO', needs('gateway', 'system', 'volumeName')],
  ['local', (source, field) => [...needs('path')(source, field), ...noBacksteps(str(source, 'path'), `${field}.path`)]],
  ['storageos', storageOs('name', 'namespace')], ['csi', csi],
];

function volumeSource(spec: JsonObject | undefined, name: string): FieldError[] {
  const present = sources.filter(([key]) => has(spec, key));
  if (present.length === 0) return [required('spec', 'must specify a volume type')];
  return present.flatMap(([key, check, shown], index) => {
    const source = obj(spec, key) ?? {};
    // Upstream forgets to ask here whether another came first.
    if (index > 0 && key !== 'flexVolume') return [forbiddenField(`spec.${key === 'cephfs' ? 'cephFS' : key}`, 'may not specify more than 1 volume type')];
    const errors = check(source, `spec.${shown ?? key}`);
    if (key === 'iscsi' && isIscsiNameTooLong(source, name)) errors.splice(str(source, 'targetPortal') === '' ? 1 : 0, 0, invalidValue('spec.iscsi.targetportal', str(source, 'targetPortal'), iscsiTooLong));
    return key === 'local' && !has(spec, 'nodeAffinity') ? [...errors, required('spec.nodeAffinity', 'Local volume requires node affinity')] : errors;
  });
}

function goResourceList(list: JsonObject | undefined): GoText {
  if (list === undefined) return goText('core.ResourceList(nil)');
  return goText(`core.ResourceList{${entries(list).map(([name, value]) => `${quote(name)}:${goQuantity(value).text}`).join(', ')}}`);
}

function capacity(spec: JsonObject | undefined): FieldError[] {
  const list = obj(spec, 'capacity');
  const errors = entries(list).length === 0 ? [required('spec.capacity')] : [];
  if (get(list, 'storage') === undefined || entries(list).length > 1) errors.push(notSupported('spec.capacity', goResourceList(list), ['storage']));
  return [...errors, ...entries(list).flatMap(([name, value]) => [...resourceQuantity(name, value, `spec.capacity[${name}]`), ...positiveQuantity(value, `spec.capacity[${name}]`)])];
}

/** As Go cleans a path. */
function isRoot(path: string): boolean {
  return path.startsWith('/') && path.split('/').every((part) => part === '' || part === '.' || part === '..');
}

function volumeAffinity(spec: JsonObject | undefined): FieldError[] {
  if (!has(spec, 'nodeAffinity')) return [];
  const affinity = obj(obj(spec, 'nodeAffinity'), 'required');
  return affinity === undefined ? [required('spec.nodeAffinity.required', 'must specify required node constraints')] : validateNodeSelectorTerms(affinity, 'spec.nodeAffinity.required');
}

function persistentVolume(volume: JsonObject): FieldError[] {
  const spec = obj(volume, 'spec');
  const policy = str(spec, 'persistentVolumeReclaimPolicy');
  const errors = strings(spec, 'accessModes').length === 0 ? [required('spec.accessModes')] : [];
  append(errors, [...validateAccessModes(spec, 'spec'), ...capacity(spec)]);
  append(errors, requireOneOf(policy, 'spec.persistentVolumeReclaimPolicy', ['Delete', 'Recycle', 'Retain'], 'allowed'));
  append(errors, [...volumeAffinity(spec), ...volumeSource(spec, str(obj(volume, 'metadata'), 'name'))]);
  const path = str(obj(spec, 'hostPath'), 'path');
  if (isRoot(path) && policy === 'Recycle') errors.push(forbiddenField('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
  append(errors, validateClassName(str(spec, 'storageClassName'), 'spec.storageClassName'));
  return has(spec, 'volumeMode') ? [...errors, ...requireOneOf(str(spec, 'volumeMode'), 'spec.volumeMode', ['Block', 'Filesystem'], 'unsupported')] : errors;
}

/** A driver may get its secret for expanding later. */
function comparedSource(spec: JsonObject | undefined, before: JsonObject | undefined, key: string): Json {
  const source = get(spec, key) ?? null;
  const late = key === 'csi' && has(before, 'csi') && !has(obj(before, 'csi'), 'controllerExpandSecretRef');
  return late && isObject(source) ? withoutKeys(source, 'controllerExpandSecretRef') : source;
}

function persistentVolumeUpdate(volume: JsonObject, old: JsonObject): FieldError[] {
  // Upstream looks at it twice, and says twice what it finds.
  const errors = [...persistentVolume(volume), ...persistentVolume(volume)];
  const spec = obj(volume, 'spec');
  const before = obj(old, 'spec');
  if (sources.some(([name]) => !equalJson(comparedSource(spec, before, name), get(before, name) ?? null))) {
    errors.push(forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
  }
  append(errors, immutable(spec, before, 'volumeMode', '').map((error) => ({ ...error, field: 'volumeMode' })));
  if (has(before, 'nodeAffinity') && !equalJson(get(spec, 'nodeAffinity') ?? null, get(before, 'nodeAffinity') ?? null)) {
    errors.push(invalidValue('nodeAffinity', goPointerTo('io.k8s.api.core.v1.VolumeNodeAffinity', obj(spec, 'nodeAffinity')), has(spec, 'nodeAffinity') ? 'field is immutable, except for updating from beta label to GA' : immutableText));
  }
  return errors;
}

function storageClass(object: JsonObject): FieldError[] {
  const provisioner = str(object, 'provisioner');
  const errors = provisioner === '' ? [required('provisioner', provisioner)] : eachInvalid('provisioner', provisioner.toLowerCase(), qualifiedNameProblems(provisioner.toLowerCase()));
  for (const [key] of entries(obj(object, 'parameters'))) {
    if (key === '') errors.push(invalidValue('parameters', goText(quote(key)), 'field can not be empty.'));
  }
  append(errors, requireOneOf(str(object, 'reclaimPolicy'), 'reclaimPolicy', ['Delete', 'Retain'], 'allowed'));
  const mode = str(object, 'volumeBindingMode');
  append(errors, requireOneOf(mode, 'volumeBindingMode', ['Immediate', 'WaitForFirstConsumer'], 'unsupported'));
  return [...errors, ...allowedTopologies(object)];
}

function topologyRequirement(one: JsonObject, at: string): FieldError[] {
  const values = strings(one, 'values');
  return [
    ...(values.length === 0 ? [required(`${at}.values`)] : []),
    ...each(values, `${at}.values`, (value, where, index) => (values.indexOf(value) < index ? [duplicate(where, value)] : [])), ...labelName(str(one, 'key'), `${at}.key`),
  ];
}

/** Terms are the same if their keys have the same values, in whatever order. */
function topologySign(term: JsonObject): string {
  return [...new Map(objects(term, 'matchLabelExpressions').map((one) => [str(one, 'key'), strings(one, 'values').toSorted()]))].map((pair) => JSON.stringify(pair)).toSorted().join(' ');
}

function allowedTopologies(object: JsonObject): FieldError[] {
  const terms = objects(object, 'allowedTopologies');
  // Upstream compares with as many empty terms as there are terms.
  const seen = terms.map(() => '');
  return each(terms, 'allowedTopologies', (term, at) => {
    const expressions = objects(term, 'matchLabelExpressions');
    const field = `${at}.matchLabelExpressions`;
    const errors = each(expressions, field, (one, where, index) => [
      ...topologyRequirement(one, where), ...(expressions.slice(0, index).some((other) => str(other, 'key') === str(one, 'key')) ? [duplicate(`${where}.key`, str(one, 'key'))] : []),
    ]);
    const sign = topologySign(term);
    append(errors, seen.filter((other) => other === sign).map(() => duplicate(field, '')));
    seen.push(sign);
    return errors;
  });
}

function storageClassUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const errors = storageClass(object);
  if (!equalJson(obj(object, 'parameters') ?? {}, obj(old, 'parameters') ?? {})) errors.push(forbiddenField('parameters', 'updates to parameters are forbidden.'));
  if (str(object, 'provisioner') !== str(old, 'provisioner')) errors.push(forbiddenField('provisioner', 'updates to provisioner are forbidden.'));
  if (str(object, 'reclaimPolicy') !== str(old, 'reclaimPolicy')) errors.push(forbiddenField('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
  return [...errors, ...(str(object, 'volumeBindingMode') === str(old, 'volumeBindingMode') ? [] : [invalidValue('volumeBindingMode', str(object, 'volumeBindingMode'), immutableText)])];
}

export const storageValidators: Readonly<Record<string, Validator>> = {
  persistentvolumes: { create: persistentVolume, update: persistentVolumeUpdate },
  persistentvolumeclaims: { create: (claim) => validateClaimSpec(obj(claim, 'spec'), 'spec'), update: claimUpdate, updateStatus: claimStatusUpdate },
  'storageclasses.storage.k8s.io': { create: storageClass, update: storageClassUpdate },
};
