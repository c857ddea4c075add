import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { bool, entries, get, has, list, obj, objects, optionalNumber, str, strings } from '../access.ts';
import { eachInvalid, forbiddenField, goStrings, invalidValue, notSupported, required, tooLong } from '../errors.ts';
import { each, isNegativeQuantity, requireOneOf, requireString } from '../common.ts';
import { dns1123Label, dns1123Subdomain } from '../formats.ts';
import { descendingPath, downwardFile, fileMode, items, noBacksteps } from './files.ts';
import { projected } from './projected.ts';

/** What is wrong with one source; `field` names it. */
export type SourceCheck = (source: JsonObject, field: string) => FieldError[];

const byteText = 'must be between 0 and 255, inclusive';
const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

export const needs = (...keys: readonly string[]): SourceCheck => (source, field) => keys.flatMap((key) => requireString(source, key, field));

function both(...checks: readonly SourceCheck[]): SourceCheck {
  return (source, field) => checks.flatMap((check) => check(source, field));
}

/** A reference to a secret, where it is given, names it: and its namespace, where volumes have none. */
export const secretRef = (...keys: readonly string[]): SourceCheck => (source, field) => (has(source, 'secretRef') ? needs(...keys)(obj(source, 'secretRef') ?? {}, `${field}.secretRef`) : []);

function byteRange(source: JsonObject, key: string, field: string): FieldError[] {
  const value = optionalNumber(source, key);
  return value !== undefined && (value < 0 || value > 255) ? [invalidValue(`${field}.${key}`, value, byteText)] : [];
}

export const hostPath: SourceCheck = (source, field) => {
  const path = str(source, 'path');
  if (path === '') return [required(`${field}.path`)];
  return [...noBacksteps(path, `${field}.path`), ...requireOneOf(str(source, 'type'), `${field}.type`, hostPathTypes, 'unsupported')];
};

export const nfs: SourceCheck = (source, field) => [
  ...needs('server', 'path')(source, field),
  ...(str(source, 'path').startsWith('/') ? [] : [invalidValue(`${field}.path`, str(source, 'path'), 'must be an absolute path')]),
];

const iscsiNames: readonly (readonly [string, RegExp])[] = [
  ['iqn', /iqn\.\d{4}-\d{2}\.([a-zA-Z0-9.-]+)(:[^,;*&$|\s]+)$/], ['eui', /^eui.[a-zA-Z0-9]{16}$/], ['naa', /^naa.[a-zA-Z0-9]{32}$/],
];

function iscsiName(name: string, field: string, prefixText: string): FieldError[] {
  const pattern = iscsiNames.find(([prefix]) => name.startsWith(prefix))?.[1];
  if (pattern === undefined) return [invalidValue(field, name, prefixText)];
  return pattern.test(name) ? [] : [invalidValue(field, name, 'must be valid format')];
}

/** Volumes say more of a wrong name than persistent volumes do. */
export function iscsi(prefixText: string, secretKeys: readonly string[]): SourceCheck {
  return (source, field) => {
    const iqn = str(source, 'iqn');
    const errors = needs('targetPortal', 'iqn')(source, field);
    if (iqn !== '') append(errors, iscsiName(iqn, `${field}.iqn`, prefixText));
    append(errors, byteRange(source, 'lun', field));
    if ((bool(source, 'chapAuthDiscovery') || bool(source, 'chapAuthSession')) && !has(source, 'secretRef')) errors.push(required(`${field}.secretRef`));
    append(errors, secretRef(...secretKeys)(source, field));
    if (has(source, 'initiatorName')) append(errors, iscsiName(str(source, 'initiatorName'), `${field}.initiatorname`, prefixText));
    return errors;
  };
}

export const iscsiTooLong = 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';

export function isIscsiNameTooLong(source: JsonObject | undefined, name: string): boolean {
  return has(source, 'initiatorName') && `${name}:${str(source, 'targetPortal')}`.length > 64;
}

export const fibreChannel: SourceCheck = (source, field) => {
  const worldWide = strings(source, 'targetWWNs');
  const ids = strings(source, 'wwids');
  const errors: FieldError[] = [];
  if (worldWide.length === 0 && ids.length === 0) errors.push(required(`${field}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'));
  if (worldWide.length > 0 && ids.length > 0) errors.push(invalidValue(`${field}.targetWWNs`, goStrings('[]string', worldWide), 'targetWWNs and wwids can not be specified simultaneously'));
  if (worldWide.length > 0) append(errors, (has(source, 'lun') ? byteRange(source, 'lun', field) : [required(`${field}.lun`, 'lun is required if targetWWNs is specified')]));
  return errors;
};

/** What upstream says here is not what it checks. */
export const partitioned = (key: string): SourceCheck => both(needs(key), (source, field) => byteRange(source, 'partition', field).map((error) => ({ ...error, message: error.message.replace('between 0', 'between 1') })));

export const flocker: SourceCheck = (source, field) => {
  const name = str(source, 'datasetName');
  const uuid = str(source, 'datasetUUID');
  const errors: FieldError[] = [];
  if (name === '' && uuid === '') errors.push(required(field, 'one of datasetName and datasetUUID is required'));
  if (name !== '' && uuid !== '') errors.push(invalidValue(field, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  if (name.includes('/')) errors.push(invalidValue(`${field}.datasetName`, name, "must not contain '/'"));
  return errors;
};

const registryText = 'must be a host:port pair or multiple pairs separated by commas';

/** As Go splits a host from its port. */
function isHostAndPort(text: string): boolean {
  return /^(\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(text);
}

export const quobyte: SourceCheck = (source, field) => {
  const registry = str(source, 'registry');
  const errors: FieldError[] = [];
  if (registry === '') errors.push(required(`${field}.registry`, registryText));
  else if (str(source, 'tenant').length >= 65) errors.push(required(`${field}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'));
  else append(errors, registry.split(',').filter((pair) => !isHostAndPort(pair)).map(() => invalidValue(`${field}.registry`, registry, registryText)));
  return [...errors, ...needs('volume')(source, field)];
};

const monitors: SourceCheck = (source, field) => (list(source, 'monitors').length === 0 ? [required(`${field}.monitors`)] : []);
export const cephFs = monitors;
export const rbd = both(monitors, needs('image'));

function isReserved(key: string): boolean {
  const parts = key.split('/');
  const namespace = `.${(parts.length > 1 ? parts[0] as string : key).toLowerCase()}`;
  return namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io');
}

export const flexVolume: SourceCheck = (source, field) => [
  ...needs('driver')(source, field),
  ...entries(obj(source, 'options')).filter(([key]) => isReserved(key)).map(([key]) => invalidValue(`${field}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved')),
];

const managedUri = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobUri = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

export const azureDisk: SourceCheck = (source, field) => {
  const uri = str(source, 'diskURI');
  const isManaged = str(source, 'kind') === 'Managed';
  const errors = needs('diskName', 'diskURI')(source, field);
  append(errors, requireOneOf(str(source, 'cachingMode'), `${field}.cachingMode`, ['None', 'ReadOnly', 'ReadWrite'], 'unsupported'));
  append(errors, requireOneOf(str(source, 'kind'), `${field}.kind`, ['Dedicated', 'Managed', 'Shared'], 'unsupported'));
  if (!uri.startsWith(isManaged ? '/subscriptions/' : 'https://')) errors.push(notSupported(`${field}.diskURI`, uri, [isManaged ? managedUri : blobUri]));
  return errors;
};

export function storageOs(...secretKeys: readonly string[]): SourceCheck {
  return (source, field) => {
    const name = str(source, 'volumeName');
    const namespace = str(source, 'volumeNamespace');
    return [
      ...(name === '' ? [required(`${field}.volumeName`)] : eachInvalid(`${field}.volumeName`, name, dns1123Label(name))),
      ...(namespace === '' ? [] : eachInvalid(`${field}.volumeNamespace`, namespace, dns1123Label(namespace))),
      ...secretRef(...secretKeys)(source, field),
    ];
  };
}

export function csiDriverName(name: string, field: string): FieldError[] {
  return [
    ...(name === '' ? [required(field)] : []),
    ...(name.length > 63 ? [tooLong(field, 63)] : []),
    ...eachInvalid(field, name, dns1123Subdomain(name.toLowerCase())),
  ];
}

const csi: SourceCheck = (source, field) => {
  const errors = csiDriverName(str(source, 'driver'), `${field}.driver`);
  if (!has(source, 'nodePublishSecretRef')) return errors;
  const name = str(obj(source, 'nodePublishSecretRef'), 'name');
  return [...errors, ...(name === '' ? [required(`${field}.nodePublishSecretRef.name`)] : eachInvalid(`${field}.name`, name, dns1123Subdomain(name)))];
};

const emptyDir: SourceCheck = (source, field) => {
  const limit = get(source, 'sizeLimit');
  return limit !== undefined && isNegativeQuantity(limit) ? [forbiddenField(`${field}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')] : [];
};

const withItems = (key: string): SourceCheck => (source, field) => [...requireString(source, key, field), ...fileMode(source, 'defaultMode', field), ...items(source, field)];

export interface PodSource {
  readonly key: string;
  readonly check: SourceCheck;
  /** Under what upstream names it in refusals of its content, and of there being two. */
  readonly shown?: string;
  readonly extra?: string;
}

/** In the order in which upstream counts them; the first present one is checked, others are forbidden. */
export const podSources: readonly PodSource[] = [
  { key: 'emptyDir', check: emptyDir },
  { key: 'hostPath', check: hostPath },
  { key: 'gitRepo', check: (source, field) => [...requireString(source, 'repository', field), ...descendingPath(str(source, 'directory'), `${field}.directory`)] },
  { key: 'gcePersistentDisk', check: partitioned('pdName'), shown: 'persistentDisk' },
  { key: 'awsElasticBlockStore', check: partitioned('volumeID') },
  { key: 'secret', check: withItems('secretName') },
  { key: 'nfs', check: nfs },
  { key: 'iscsi', check: iscsi('must be valid format starting with iqn, eui, or naa', []) },
  { key: 'glusterfs', check: needs('endpoints', 'path') },
  { key: 'flocker', check: flocker },
  { key: 'persistentVolumeClaim', check: needs('claimName') },
  { key: 'rbd', check: rbd },
  { key: 'cinder', check: both(needs('volumeID'), secretRef('name')) },
  { key: 'cephfs', check: cephFs, extra: 'cephFS' },
  { key: 'quobyte', check: quobyte },
  { key: 'downwardAPI', check: (source, field) => [...fileMode(source, 'defaultMode', field), ...each(objects(source, 'items'), field, (file) => downwardFile(file, field))], extra: 'downwarAPI' },
  { key: 'fc', check: fibreChannel },
  { key: 'flexVolume', check: flexVolume },
  { key: 'configMap', check: withItems('name') },
  { key: 'azureFile', check: needs('secretName', 'shareName') },
  { key: 'vsphereVolume', check: needs('volumePath') },
  { key: 'photonPersistentDisk', check: needs('pdID') },
  { key: 'portworxVolume', check: needs('volumeID') },
  { key: 'azureDisk', check: azureDisk },
  { key: 'storageos', check: storageOs('name') },
  { key: 'projected', check: projected },
  { key: 'scaleIO', check: needs('gateway', 'system', 'volumeName') },
  { key: 'csi', check: csi },
];

