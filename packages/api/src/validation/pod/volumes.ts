import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, has, num, obj, objects, optionalNumber, str } from '../access.ts';
import { duplicate, eachInvalid, forbiddenField, invalidValue, notFoundValue, required } from '../errors.ts';
import { each, isNegativeQuantity, requireOneOf, requireString } from '../common.ts';
import { dns1123Label } from '../formats.ts';
import { validateFieldRef, validateResourceFieldRef, volumeFields } from './field-refs.ts';

const modeText = 'must be a number between 0 and 0777 (octal), both inclusive';

export function noBacksteps(path: string, field: string): FieldError[] {
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : [];
}

export function descendingPath(path: string, field: string): FieldError[] {
  return [...(path.startsWith('/') ? [invalidValue(field, path, 'must be a relative path')] : []), ...noBacksteps(path, field)];
}

function nonReservedPath(path: string, field: string): FieldError[] {
  const errors = descendingPath(path, field);
  if (path.startsWith('..') && !path.startsWith('../')) errors.push(invalidValue(field, path, "must not start with '..'"));
  return errors;
}

function fileMode(object: JsonObject, key: string, field: string): FieldError[] {
  const mode = optionalNumber(object, key);
  return mode !== undefined && (mode < 0 || mode > 0o777) ? [invalidValue(`${field}.${key}`, mode, modeText)] : [];
}

function keyToPath(item: JsonObject, field: string): FieldError[] {
  return [
    ...requireString(item, 'key', field),
    ...(str(item, 'path') === '' ? [required(`${field}.path`)] : nonReservedPath(str(item, 'path'), `${field}.path`)),
    ...fileMode(item, 'mode', field),
  ];
}

function items(source: JsonObject, field: string): FieldError[] {
  return each(objects(source, 'items'), `${field}.items`, keyToPath);
}

function downwardFile(file: JsonObject, field: string): FieldError[] {
  const reference = obj(file, 'fieldRef');
  const resource = obj(file, 'resourceFieldRef');
  const errors = str(file, 'path') === '' ? [required(`${field}.path`)] : nonReservedPath(str(file, 'path'), `${field}.path`);
  if (reference !== undefined) {
    errors.push(...validateFieldRef(reference, `${field}.fieldRef`, volumeFields));
    if (resource !== undefined) errors.push(invalidValue(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (resource !== undefined) errors.push(...validateResourceFieldRef(resource, `${field}.resourceFieldRef`, true));
  else errors.push(required(field, 'one of fieldRef and resourceFieldRef is required'));
  return [...errors, ...fileMode(file, 'mode', field)];
}

function tokenSource(token: JsonObject, field: string): FieldError[] {
  const seconds = num(token, 'expirationSeconds');
  const errors: FieldError[] = [];
  if (seconds < 600) errors.push(invalidValue(`${field}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > 2 ** 32) errors.push(invalidValue(`${field}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
  return [...errors, ...(str(token, 'path') === '' ? [required(`${field}.path`)] : nonReservedPath(str(token, 'path'), `${field}.path`))];
}

const projections: readonly (readonly [string, Check])[] = [
  ['secret', (source, field) => [...requireString(source, 'name', field), ...items(source, field)]],
  ['configMap', (source, field) => [...requireString(source, 'name', field), ...items(source, field)]],
  ['downwardAPI', (source, field) => each(objects(source, 'items'), field, downwardFile)],
  ['serviceAccountToken', tokenSource],
  ['clusterTrustBundle', (source, field) => requireString(source, 'path', field)],
];

function projected(source: JsonObject, field: string): FieldError[] {
  const errors = fileMode(source, 'defaultMode', field);
  errors.push(...each(objects(source, 'sources'), `${field}.sources`, (one, at) => {
    const present = projections.filter(([name]) => has(one, name));
    if (present.length === 0) return [required(at, 'must specify one source')];
    return present.flatMap(([name, check], index) => (index === 0
      ? check(obj(one, name) ?? {}, `${at}.${name}`) : [forbiddenField(`${at}.${name}`, 'may not specify more than 1 volume type')]));
  }));
  return errors;
}

type Check = (source: JsonObject, field: string) => FieldError[];

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

export const hostPath: Check = (source, field) => {
  const path = str(source, 'path');
  if (path === '') return [required(`${field}.path`)];
  return [...noBacksteps(path, `${field}.path`), ...requireOneOf(str(source, 'type'), `${field}.type`, hostPathTypes, 'allowed')];
};

export const nfs: Check = (source, field) => [
  ...requireString(source, 'server', field), ...requireString(source, 'path', field),
  ...(str(source, 'path') !== '' && !str(source, 'path').startsWith('/') ? [invalidValue(`${field}.path`, str(source, 'path'), 'must be an absolute path')] : []),
];

const needs = (...keys: readonly string[]): Check => (source, field) => keys.flatMap((key) => requireString(source, key, field));

/** In the order in which upstream counts them. */
const sources: readonly (readonly [string, Check])[] = [
  ['emptyDir', (source, field) => {
    const limit = get(source, 'sizeLimit');
    return limit !== undefined && isNegativeQuantity(limit) ? [forbiddenField(`${field}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')] : [];
  }],
  ['hostPath', hostPath],
  ['gitRepo', (source, field) => [...requireString(source, 'repository', field), ...descendingPath(str(source, 'directory'), `${field}.directory`)]],
  ['gcePersistentDisk', needs('pdName')],
  ['awsElasticBlockStore', needs('volumeID')],
  ['secret', (source, field) => [...requireString(source, 'secretName', field), ...fileMode(source, 'defaultMode', field), ...items(source, field)]],
  ['nfs', nfs],
  ['iscsi', needs('targetPortal', 'iqn')],
  ['glusterfs', needs('endpoints', 'path')],
  ['flocker', () => []],
  ['persistentVolumeClaim', needs('claimName')],
  ['rbd', needs('image')],
  ['cinder', needs('volumeID')],
  ['cephfs', () => []],
  ['quobyte', needs('registry', 'volume')],
  ['downwardAPI', (source, field) => [...fileMode(source, 'defaultMode', field), ...each(objects(source, 'items'), field, downwardFile)]],
  ['fc', () => []],
  ['configMap', (source, field) => [...requireString(source, 'name', field), ...fileMode(source, 'defaultMode', field), ...items(source, field)]],
  ['azureFile', needs('secretName', 'shareName')],
  ['flexVolume', needs('driver')],
  ['vsphereVolume', needs('volumePath')],
  ['photonPersistentDisk', needs('pdID')],
  ['portworxVolume', needs('volumeID')],
  ['azureDisk', needs('diskName', 'diskURI')],
  ['storageos', needs('volumeName')],
  ['projected', projected],
  ['scaleIO', needs('gateway', 'system', 'volumeName')],
  ['csi', needs('driver')],
  ['ephemeral', (source, field) => (has(source, 'volumeClaimTemplate') ? [] : [required(`${field}.volumeClaimTemplate`)])],
  ['image', () => []],
];

function validateSource(volume: JsonObject, field: string): FieldError[] {
  const present = sources.filter(([name]) => has(volume, name));
  if (present.length === 0) return [required(field, 'must specify a volume type')];
  return present.flatMap(([name, check], index) => (index === 0
    ? check(obj(volume, name) ?? {}, `${field}.${name}`) : [forbiddenField(`${field}.${name}`, 'may not specify more than 1 volume type')]));
}

export function validateVolumes(spec: JsonObject | undefined, field: string): FieldError[] {
  const names = new Set<string>();
  return each(objects(spec, 'volumes'), `${field}.volumes`, (volume, at) => {
    const name = str(volume, 'name');
    const errors = validateSource(volume, at);
    if (name === '') errors.push(required(`${at}.name`));
    else errors.push(...eachInvalid(`${at}.name`, name, dns1123Label(name)));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return errors;
  });
}

function validateMount(mount: JsonObject, at: string, volumes: ReadonlySet<string>, paths: Set<string>, list: string): FieldError[] {
  const name = str(mount, 'name');
  const path = str(mount, 'mountPath');
  const errors: FieldError[] = name === '' ? [required(`${at}.name`)] : [];
  if (!volumes.has(name)) errors.push(notFoundValue(`${at}.name`, name));
  if (path === '') errors.push(required(`${at}.mountPath`));
  if (paths.has(path)) errors.push(invalidValue(`${at}.mountPath`, path, 'must be unique'));
  paths.add(path);
  // Upstream leaves out the index here.
  if (str(mount, 'subPath') !== '') errors.push(...descendingPath(str(mount, 'subPath'), `${list}.subPath`));
  if (str(mount, 'subPathExpr') !== '') {
    if (str(mount, 'subPath') !== '') errors.push(invalidValue(`${list}.subPathExpr`, str(mount, 'subPathExpr'), 'subPathExpr and subPath are mutually exclusive'));
    errors.push(...descendingPath(str(mount, 'subPathExpr'), `${list}.subPathExpr`));
  }
  errors.push(...requireOneOf(str(mount, 'mountPropagation'), `${list}.mountPropagation`, ['Bidirectional', 'HostToContainer', 'None'], 'allowed'));
  return errors;
}

export function validateMounts(container: JsonObject, field: string, volumes: ReadonlySet<string>): FieldError[] {
  const paths = new Set<string>();
  const list = `${field}.volumeMounts`;
  return each(objects(container, 'volumeMounts'), list, (mount, at) => validateMount(mount, at, volumes, paths, list));
}

export function validateDevices(container: JsonObject, field: string, volumes: ReadonlySet<string>): FieldError[] {
  const paths = new Set<string>();
  return each(objects(container, 'volumeDevices'), `${field}.volumeDevices`, (device, at) => {
    const errors = requireString(device, 'name', at);
    const path = str(device, 'devicePath');
    if (!volumes.has(str(device, 'name'))) errors.push(notFoundValue(`${at}.name`, str(device, 'name')));
    if (path === '') errors.push(required(`${at}.devicePath`));
    else errors.push(...noBacksteps(path, `${at}.devicePath`));
    if (paths.has(path)) errors.push(invalidValue(`${at}.devicePath`, path, 'must be unique'));
    paths.add(path);
    return errors;
  });
}

export function volumeNames(spec: JsonObject | undefined): ReadonlySet<string> {
  return new Set(objects(spec, 'volumes').map((volume) => str(volume, 'name')));
}
