import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { compareQuantity } from '../quantity/index.ts';
import { entries, get, has, obj, str, strings, withoutKeys } from './access.ts';
import { eachInvalid, forbiddenField, goText, invalidValue, notSupported, quote, required } from './errors.ts';
import { immutable, immutableText, isPositiveQuantity, quantityText, requireOneOf, validateLabelSelector } from './common.ts';
import { dns1123Subdomain, qualifiedNameProblems } from './formats.ts';
import { validateNodeSelectorTerms } from './pod/placement.ts';
import { hostPath, nfs, noBacksteps } from './pod/volumes.ts';
import type { Validator } from './validator.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const positiveText = 'must be greater than zero';

function checkModes(spec: JsonObject | undefined, field: string, what: string): FieldError[] {
  const modes = strings(spec, 'accessModes');
  if (modes.length === 0) return [required(`${field}.accessModes`, what)];
  const errors = modes.filter((mode) => !accessModes.includes(mode)).map((mode) => notSupported(`${field}.accessModes`, mode, accessModes));
  if (modes.includes('ReadWriteOncePod') && modes.length > 1) errors.push(forbiddenField(`${field}.accessModes`, 'may not use ReadWriteOncePod with other access modes'));
  return errors;
}

export function validateClaimSpec(spec: JsonObject | undefined, field: string): FieldError[] {
  const errors = checkModes(spec, field, 'at least 1 access mode is required');
  errors.push(...validateLabelSelector(obj(spec, 'selector'), `${field}.selector`));
  const storage = get(obj(obj(spec, 'resources'), 'requests'), 'storage');
  if (storage === undefined) errors.push(required(`${field}.resources[storage]`));
  else if (!isPositiveQuantity(storage)) errors.push(invalidValue(`${field}.resources[storage]`, quantityText(storage), positiveText));
  const className = str(spec, 'storageClassName');
  if (className !== '') errors.push(...eachInvalid(`${field}.storageClassName`, className, dns1123Subdomain(className)));
  errors.push(...requireOneOf(str(spec, 'volumeMode'), `${field}.volumeMode`, ['Block', 'Filesystem'], 'allowed'));
  return errors;
}

const claimText = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

function claimUpdate(claim: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(claim, 'spec') ?? {};
  const before = obj(old, 'spec') ?? {};
  const errors = validateClaimSpec(spec, 'spec');
  const binding = str(before, 'volumeName') === '' ? ['volumeName'] : [];
  const loose = [...binding, 'resources', 'volumeAttributesClassName', ...(has(before, 'storageClassName') ? [] : ['storageClassName'])];
  if (!equalJson(withoutKeys(spec, ...loose), withoutKeys(before, ...loose))) errors.push(forbiddenField('spec', claimText));
  const now = get(obj(obj(spec, 'resources'), 'requests'), 'storage');
  const was = get(obj(obj(before, 'resources'), 'requests'), 'storage');
  if (now === undefined || was === undefined) return errors;
  const order = compareQuantity(quantityText(now), quantityText(was));
  if (order < 0) errors.push(forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  else if (order > 0 && str(obj(old, 'status'), 'phase') !== 'Bound') errors.push(forbiddenField('spec', claimText));
  return errors;
}

type Check = (source: JsonObject, field: string) => FieldError[];

const sources: readonly (readonly [string, Check])[] = [
  ['hostPath', hostPath], ['nfs', nfs],
  ['local', (source, field) => (str(source, 'path') === '' ? [required(`${field}.path`)] : noBacksteps(str(source, 'path'), `${field}.path`))],
  ['csi', (source, field) => ['driver', 'volumeHandle'].flatMap((key) => (str(source, key) === '' ? [required(`${field}.${key}`)] : []))],
  ...['gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'flocker', 'rbd', 'quobyte', 'cephfs', 'cinder', 'fc', 'flexVolume', 'azureFile', 'vsphereVolume', 'azureDisk',
    'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'storageos', 'iscsi'].map((name) => [name, (): FieldError[] => []] as const),
];

function volumeSource(spec: JsonObject | undefined): FieldError[] {
  const present = sources.filter(([name]) => has(spec, name));
  if (present.length === 0) return [required('spec', 'must specify a volume type')];
  return present.flatMap(([name, check], index) => (index === 0 ? check(obj(spec, name) ?? {}, `spec.${name}`) : [forbiddenField(`spec.${name}`, 'may not specify more than 1 volume type')]));
}

function capacity(spec: JsonObject | undefined): FieldError[] {
  const list = obj(spec, 'capacity');
  const storage = get(list, 'storage');
  const shown = goText(list === undefined ? 'core.ResourceList(nil)' : 'core.ResourceList{}');
  const errors = entries(list).length === 0 ? [required('spec.capacity')] : [];
  if (storage === undefined || entries(list).length > 1) errors.push(notSupported('spec.capacity', shown, ['storage']));
  return storage !== undefined && !isPositiveQuantity(storage) ? [...errors, invalidValue('spec.capacity[storage]', quantityText(storage), positiveText)] : errors;
}

function persistentVolume(volume: JsonObject): FieldError[] {
  const spec = obj(volume, 'spec');
  const affinity = obj(obj(spec, 'nodeAffinity'), 'required');
  const errors = [...checkModes(spec, 'spec', ''), ...capacity(spec)];
  errors.push(...requireOneOf(str(spec, 'persistentVolumeReclaimPolicy'), 'spec.persistentVolumeReclaimPolicy', ['Delete', 'Recycle', 'Retain'], 'allowed'));
  if (has(spec, 'nodeAffinity')) errors.push(...(affinity === undefined ? [required('spec.nodeAffinity.required', 'must specify required node constraints')] : validateNodeSelectorTerms(affinity, 'spec.nodeAffinity.required')));
  errors.push(...volumeSource(spec));
  if (has(spec, 'local') && !has(spec, 'nodeAffinity')) errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  const path = str(obj(spec, 'hostPath'), 'path');
  if (path === '/' && str(spec, 'persistentVolumeReclaimPolicy') === 'Recycle') errors.push(forbiddenField('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
  const className = str(spec, 'storageClassName');
  if (className !== '') errors.push(...eachInvalid('spec.storageClassName', className, dns1123Subdomain(className)));
  return [...errors, ...requireOneOf(str(spec, 'volumeMode'), 'spec.volumeMode', ['Block', 'Filesystem'], 'allowed')];
}

function persistentVolumeUpdate(volume: JsonObject, old: JsonObject): FieldError[] {
  const errors = persistentVolume(volume);
  const spec = obj(volume, 'spec');
  const before = obj(old, 'spec');
  if (sources.some(([name]) => !equalJson(get(spec, name) ?? null, get(before, name) ?? null))) errors.push(forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
  return [...errors, ...immutable(spec, before, 'volumeMode', 'spec')];
}

function storageClass(object: JsonObject): FieldError[] {
  const provisioner = str(object, 'provisioner');
  const errors = provisioner === '' ? [required('provisioner', provisioner)] : eachInvalid('provisioner', provisioner, qualifiedNameProblems(provisioner.toLowerCase()));
  for (const [key] of entries(obj(object, 'parameters'))) {
    if (key === '') errors.push(invalidValue('parameters', goText(quote(key)), 'field can not be empty.'));
  }
  errors.push(...requireOneOf(str(object, 'reclaimPolicy'), 'reclaimPolicy', ['Delete', 'Retain'], 'unsupported'));
  const mode = str(object, 'volumeBindingMode');
  if (mode === '') errors.push(required('volumeBindingMode'));
  else errors.push(...requireOneOf(mode, 'volumeBindingMode', ['Immediate', 'WaitForFirstConsumer'], 'unsupported'));
  return errors;
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
  persistentvolumeclaims: { create: (claim) => validateClaimSpec(obj(claim, 'spec'), 'spec'), update: claimUpdate },
  'storageclasses.storage.k8s.io': { create: storageClass, update: storageClassUpdate },
};
