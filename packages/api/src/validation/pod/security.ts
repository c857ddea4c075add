import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { bool, get, has, list, num, obj, objects, optionalNumber, str, strings } from '../access.ts';
import { duplicate, invalidValue, notSupported, required, tooLong } from '../errors.ts';
import { each, requireOneOf } from '../common.ts';
import { goStruct } from '../go-value.ts';
import { descendingPath } from './files.ts';
import { validateWindowsOptions } from './windows.ts';

const idText = 'must be between 0 and 2147483647, inclusive';
const sysctlPattern = '([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?';

function id(object: JsonObject | undefined, key: string, field: string): FieldError[] {
  const value = optionalNumber(object, key);
  return value !== undefined && (value < 0 || value > 2_147_483_647) ? [invalidValue(`${field}.${key}`, value, idText)] : [];
}

const seccompType = 'io.k8s.api.core.v1.SeccompProfile';

function seccomp(context: JsonObject | undefined, field: string): FieldError[] {
  const profile = obj(context, 'seccompProfile');
  if (profile === undefined) return [];
  const type = str(profile, 'type');
  const at = `${field}.seccompProfile`;
  const errors = type === '' ? [required(`${at}.type`, 'type is required when seccompProfile is set')] : requireOneOf(type, `${at}.type`, ['Localhost', 'RuntimeDefault', 'Unconfined'], 'unsupported');
  if (type === 'Localhost') append(errors, (has(profile, 'localhostProfile') ? descendingPath(str(profile, 'localhostProfile'), `${at}.localhostProfile`) : [required(`${at}.localhostProfile`, 'must be set when seccomp type is Localhost')]));
  else if (has(profile, 'localhostProfile')) errors.push(invalidValue(`${at}.localhostProfile`, goStruct(seccompType, profile), 'can only be set when seccomp type is Localhost'));
  return errors;
}

const longestPath = 4095;

function appArmor(context: JsonObject | undefined, field: string): FieldError[] {
  const profile = obj(context, 'appArmorProfile');
  if (profile === undefined) return [];
  const at = `${field}.appArmorProfile`;
  const local = str(profile, 'localhostProfile');
  const missing = required(`${at}.localhostProfile`, 'must be set when AppArmor type is Localhost');
  switch (str(profile, 'type')) {
    case 'Localhost':
      if (!has(profile, 'localhostProfile')) return [missing];
      return [
        ...(local !== local.trim() ? [invalidValue(`${at}.localhostProfile`, local, 'must not be padded with whitespace')] : local === '' ? [missing] : []),
        ...(local.length > longestPath ? [tooLong(`${at}.localhostProfile`, longestPath)] : []),
      ];
    case 'RuntimeDefault': case 'Unconfined':
      return has(profile, 'localhostProfile') ? [invalidValue(`${at}.localhostProfile`, local, 'can only be set when AppArmor type is Localhost')] : [];
    case '': return [required(`${at}.type`, 'type is required when appArmorProfile is set')];
    default: return [notSupported(`${at}.type`, str(profile, 'type'), ['Localhost', 'RuntimeDefault', 'Unconfined'])];
  }
}

export function validateSecurityContext(context: JsonObject | undefined, field: string): FieldError[] {
  if (context === undefined) return [];
  const errors = [...id(context, 'runAsUser', field), ...id(context, 'runAsGroup', field)];
  if (has(context, 'procMount')) append(errors, requireOneOf(str(context, 'procMount'), `${field}.procMount`, ['Default', 'Unmasked'], 'unsupported'));
  append(errors, seccomp(context, field));
  if (get(context, 'allowPrivilegeEscalation') === false) {
    const shown = goStruct('io.k8s.api.core.v1.SecurityContext', context);
    if (bool(context, 'privileged')) errors.push(invalidValue(field, shown, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    for (const name of strings(obj(context, 'capabilities'), 'add')) {
      if (name === 'CAP_SYS_ADMIN') errors.push(invalidValue(field, shown, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
    }
  }
  return [...errors, ...validateWindowsOptions(obj(context, 'windowsOptions'), `${field}.windowsOptions`), ...appArmor(context, field)];
}

/** Settings that belong to a namespace which the pod may share with its host. */
function hostSysctl(name: string, shared: SharedNamespaces, field: string): FieldError[] {
  const key = name.includes('.') && (!name.includes('/') || name.indexOf('.') < name.indexOf('/')) ? name : name.replaceAll('/', '.');
  if (shared.net && key.startsWith('net.')) return [invalidValue(field, name, "may not be specified when 'hostNetwork' is true")];
  const isIpc = key.startsWith('kernel.shm') || key.startsWith('kernel.msg') || key === 'kernel.sem' || key.startsWith('fs.mqueue.');
  return shared.ipc && isIpc ? [invalidValue(field, name, "may not be specified when 'hostIPC' is true")] : [];
}

interface SharedNamespaces { readonly net: boolean; readonly ipc: boolean }

function sysctls(context: JsonObject | undefined, field: string, shared: SharedNamespaces): FieldError[] {
  const seen = new Set<string>();
  return each(objects(context, 'sysctls'), `${field}.sysctls`, (sysctl, at) => {
    const name = str(sysctl, 'name');
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(`${at}.name`));
    else if (name.length > 253 || !new RegExp(`^${sysctlPattern}$`).test(name)) {
      errors.push(invalidValue(`${at}.name`, name, `must have at most 253 characters and match regex ^${sysctlPattern}$`));
    } else if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
    seen.add(name);
    return [...errors, ...hostSysctl(name, shared, `${at}.name`)];
  });
}

/** With the host's network a container's port is the host's port; in a template it may still be left out. */
export function validateHostPorts(spec: JsonObject | undefined, field: string, isTemplate: boolean): FieldError[] {
  if (!bool(spec, 'hostNetwork')) return [];
  return each(objects(spec, 'containers'), `${field}.containers`, (container, at) => each(objects(container, 'ports'), `${at}.ports`, (port, portAt) => {
    const host = num(port, 'hostPort');
    if (host === num(port, 'containerPort') || (isTemplate && host === 0)) return [];
    return [invalidValue(`${portAt}.hostPort`, host, 'must match `containerPort` when `hostNetwork` is true')];
  }));
}

export function validatePodSecurityContext(spec: JsonObject | undefined, field: string): FieldError[] {
  const context = obj(spec, 'securityContext');
  const at = `${field}.securityContext`;
  const errors = ['fsGroup', 'runAsUser', 'runAsGroup'].flatMap((key) => id(context, key, at));
  for (const [index, group] of list(context, 'supplementalGroups').entries()) {
    if (Number(group) < 0 || Number(group) > 2_147_483_647) errors.push(invalidValue(`${at}.supplementalGroups[${index}]`, Number(group), idText));
  }
  if (bool(spec, 'shareProcessNamespace') && bool(spec, 'hostPID')) errors.push(invalidValue(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  append(errors, sysctls(context, at, { net: bool(spec, 'hostNetwork'), ipc: bool(spec, 'hostIPC') }));
  if (has(context, 'fsGroupChangePolicy')) append(errors, requireOneOf(str(context, 'fsGroupChangePolicy'), `${at}.fsGroupChangePolicy`, ['Always', 'OnRootMismatch'], 'unsupported'));
  return [...errors, ...seccomp(context, at), ...validateWindowsOptions(obj(context, 'windowsOptions'), `${at}.windowsOptions`), ...appArmor(context, at)];
}
