import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { bool, has, obj, objects, str } from '../access.ts';
import { duplicate, eachInvalid, forbiddenField, invalidValue, notFoundValue, required } from '../errors.ts';
import { each, requireOneOf, requireString } from '../common.ts';
import { dns1123Label, dns1123Subdomain } from '../formats.ts';
import { validateClaimTemplate } from '../claims.ts';
import { descendingPath, noBacksteps } from './files.ts';
import { isIscsiNameTooLong, iscsiTooLong, podSources } from './volume-sources.ts';

/** Volumes that are right, by name: only these may be mounted. */
export type Volumes = ReadonlyMap<string, JsonObject>;

function ephemeral(volume: JsonObject, at: string, podName: string): FieldError[] {
  const source = obj(volume, 'ephemeral');
  const field = `${at}.ephemeral`;
  const template = obj(source, 'volumeClaimTemplate');
  const errors = template === undefined ? [required(`${field}.volumeClaimTemplate`)] : validateClaimTemplate(template, `${field}.volumeClaimTemplate`);
  const name = str(volume, 'name');
  if (podName === '' || name === '') return errors;
  const claim = `${podName}-${name}`;
  return [...errors, ...dns1123Subdomain(claim).map((text) => invalidValue(`${at}.name`, name, `PVC name ${JSON.stringify(claim)}: ${text}`))];
}

function validateSource(volume: JsonObject, at: string, podName: string): FieldError[] {
  const errors: FieldError[] = [];
  let count = 0;
  for (const { key, check, shown, extra } of podSources) {
    if (!has(volume, key)) continue;
    if (count > 0) errors.push(forbiddenField(`${at}.${extra ?? key}`, 'may not specify more than 1 volume type'));
    else append(errors, check(obj(volume, key) ?? {}, `${at}.${shown ?? key}`));
    if (key === 'iscsi' && isIscsiNameTooLong(obj(volume, key), str(volume, 'name'))) errors.push(invalidValue(`${at}.name`, str(volume, 'name'), iscsiTooLong));
    count += 1;
  }
  if (has(volume, 'ephemeral')) {
    append(errors, (count > 0 ? [forbiddenField(`${at}.ephemeral`, 'may not specify more than 1 volume type')] : ephemeral(volume, at, podName)));
    count += 1;
  }
  return count === 0 ? [...errors, required(at, 'must specify a volume type')] : errors;
}

/** `podName` is '' in a template. */
export function validateVolumes(spec: JsonObject | undefined, field: string, podName: string): { readonly errors: FieldError[]; readonly volumes: Volumes } {
  const volumes = new Map<string, JsonObject>();
  const all = objects(spec, 'volumes');
  const made = new Set(podName === '' ? [] : all.filter((volume) => has(volume, 'ephemeral')).map((volume) => `${podName}-${str(volume, 'name')}`));
  const errors = each(all, `${field}.volumes`, (volume, at) => {
    const name = str(volume, 'name');
    const claim = str(obj(volume, 'persistentVolumeClaim'), 'claimName');
    const found = validateSource(volume, at, podName);
    if (name === '') found.push(required(`${at}.name`));
    else append(found, eachInvalid(`${at}.name`, name, dns1123Label(name)));
    if (volumes.has(name)) found.push(duplicate(`${at}.name`, name));
    if (found.length === 0) volumes.set(name, volume);
    if (made.has(claim)) found.push(invalidValue(`${at}.persistentVolumeClaim.claimName`, claim, 'must not reference a PVC that gets created for an ephemeral volume'));
    return found;
  });
  return { errors, volumes };
}

function isPrivileged(container: JsonObject): boolean {
  return bool(obj(container, 'securityContext'), 'privileged');
}

/** Upstream leaves out the index of the mount here. */
function mountPath(mount: JsonObject, at: string, list: string): FieldError[] {
  const path = str(mount, 'subPath');
  const expression = str(mount, 'subPathExpr');
  const errors = path === '' ? [] : descendingPath(path, `${list}.subPath`);
  if (expression === '') return errors;
  if (path !== '') errors.push(invalidValue(`${at}.subPathExpr`, expression, 'subPathExpr and subPath are mutually exclusive'));
  return [...errors, ...descendingPath(expression, `${list}.subPathExpr`)];
}

function mountModes(mount: JsonObject, list: string, container: JsonObject): FieldError[] {
  const propagation = str(mount, 'mountPropagation');
  const errors = has(mount, 'mountPropagation') ? requireOneOf(propagation, `${list}.mountPropagation`, ['Bidirectional', 'HostToContainer', 'None'], 'unsupported') : [];
  if (propagation === 'Bidirectional' && !isPrivileged(container)) errors.push(forbiddenField(`${list}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers'));
  const recursive = str(mount, 'recursiveReadOnly');
  const field = `${list}.recursiveReadOnly`;
  if (!has(mount, 'recursiveReadOnly') || recursive === 'Disabled') return errors;
  if (recursive !== 'Enabled' && recursive !== 'IfPossible') return [...errors, ...requireOneOf(recursive, field, ['Disabled', 'Enabled', 'IfPossible'], 'unsupported')];
  if (!bool(mount, 'readOnly')) errors.push(forbiddenField(field, 'may only be specified when readOnly is true'));
  if (has(mount, 'mountPropagation') && propagation !== 'None') errors.push(forbiddenField(field, 'may only be specified when mountPropagation is None or not specified'));
  return errors;
}

export function validateMounts(container: JsonObject, field: string, volumes: Volumes): FieldError[] {
  const paths = new Set<string>();
  const list = `${field}.volumeMounts`;
  const devices = objects(container, 'volumeDevices');
  return each(objects(container, 'volumeMounts'), list, (mount, at) => {
    const name = str(mount, 'name');
    const path = str(mount, 'mountPath');
    const errors = requireString(mount, 'name', at);
    if (!volumes.has(name)) errors.push(notFoundValue(`${at}.name`, name));
    append(errors, requireString(mount, 'mountPath', at));
    if (paths.has(path)) errors.push(invalidValue(`${at}.mountPath`, path, 'must be unique'));
    paths.add(path);
    if (devices.some((device) => str(device, 'name') === name)) errors.push(invalidValue(`${at}.name`, name, 'must not already exist in volumeDevices'));
    if (devices.some((device) => str(device, 'devicePath') === path)) errors.push(invalidValue(`${at}.mountPath`, path, 'must not already exist as a path in volumeDevices'));
    return [...errors, ...mountPath(mount, at, list), ...mountModes(mount, list, container)];
  });
}

export function validateDevices(container: JsonObject, field: string, volumes: Volumes): FieldError[] {
  const paths = new Set<string>();
  const names = new Set<string>();
  const mounts = objects(container, 'volumeMounts');
  return each(objects(container, 'volumeDevices'), `${field}.volumeDevices`, (device, at) => {
    const name = str(device, 'name');
    const path = str(device, 'devicePath');
    const volume = volumes.get(name);
    const errors = requireString(device, 'name', at);
    if (names.has(name)) errors.push(invalidValue(`${at}.name`, name, 'must be unique'));
    if (volume === undefined) errors.push(notFoundValue(`${at}.name`, name));
    else if (!has(volume, 'persistentVolumeClaim') && !has(volume, 'ephemeral')) errors.push(invalidValue(`${at}.name`, name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'));
    append(errors, requireString(device, 'devicePath', at));
    if (paths.has(path)) errors.push(invalidValue(`${at}.devicePath`, path, 'must be unique'));
    if (noBacksteps(path, '').length > 0) errors.push(invalidValue(`${at}.devicePath`, path, "can not contain backsteps ('..')"));
    else paths.add(path);
    if (mounts.some((mount) => str(mount, 'name') === name)) errors.push(invalidValue(`${at}.name`, name, 'must not already exist in volumeMounts'));
    if (mounts.some((mount) => str(mount, 'mountPath') === path)) errors.push(invalidValue(`${at}.devicePath`, path, 'must not already exist as a path in volumeMounts'));
    if (name !== '') names.add(name);
    return errors;
  });
}
