import type { FieldError } from '../../field-error.ts';
import type { Json, JsonObject } from '../../resource.ts';
import { bool, get, has, list, obj, objects, optionalNumber, str, strings } from '../access.ts';
import { duplicate, forbiddenField, goText, invalidValue, required } from '../errors.ts';
import { each, requireOneOf, requireString } from '../common.ts';

const idText = 'must be between 0 and 2147483647, inclusive';
const sysctlPattern = '([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?';

function id(object: JsonObject | undefined, key: string, field: string): FieldError[] {
  const value = optionalNumber(object, key);
  return value !== undefined && (value < 0 || value > 2_147_483_647) ? [invalidValue(`${field}.${key}`, value, idText)] : [];
}

function seccomp(context: JsonObject | undefined, field: string): FieldError[] {
  const profile = obj(context, 'seccompProfile');
  if (profile === undefined) return [];
  const type = str(profile, 'type');
  const local = str(profile, 'localhostProfile');
  const at = `${field}.seccompProfile`;
  const errors = requireOneOf(type, `${at}.type`, ['Localhost', 'RuntimeDefault', 'Unconfined'], 'unsupported');
  if (type === 'Localhost' && !has(profile, 'localhostProfile')) errors.push(required(`${at}.localhostProfile`, 'must be set when seccomp type is Localhost'));
  if (type !== 'Localhost' && local !== '') errors.push(invalidValue(`${at}.localhostProfile`, local, 'can only be set when seccomp type is Localhost'));
  return errors;
}

function goPointer(object: JsonObject | undefined, key: string, type: string): string {
  return has(object, key) ? `(${type})(0x0)` : `(${type})(nil)`;
}

/** Go prints addresses here, which nobody can compare. */
function goSecurityContext(context: JsonObject): ReturnType<typeof goText> {
  const fields = [
    ['Capabilities', 'capabilities', '*core.Capabilities'], ['Privileged', 'privileged', '*bool'], ['SELinuxOptions', 'seLinuxOptions', '*core.SELinuxOptions'],
    ['WindowsOptions', 'windowsOptions', '*core.WindowsSecurityContextOptions'], ['RunAsUser', 'runAsUser', '*int64'], ['RunAsGroup', 'runAsGroup', '*int64'],
    ['RunAsNonRoot', 'runAsNonRoot', '*bool'], ['ReadOnlyRootFilesystem', 'readOnlyRootFilesystem', '*bool'], ['AllowPrivilegeEscalation', 'allowPrivilegeEscalation', '*bool'],
    ['ProcMount', 'procMount', '*core.ProcMountType'], ['SeccompProfile', 'seccompProfile', '*core.SeccompProfile'], ['AppArmorProfile', 'appArmorProfile', '*core.AppArmorProfile'],
  ] as const;
  return goText(`core.SecurityContext{${fields.map(([name, key, type]) => `${name}:${goPointer(context, key, type)}`).join(', ')}}`);
}

export function validateSecurityContext(context: JsonObject | undefined, field: string): FieldError[] {
  if (context === undefined) return [];
  const errors = [...id(context, 'runAsUser', field), ...id(context, 'runAsGroup', field)];
  errors.push(...requireOneOf(str(context, 'procMount'), `${field}.procMount`, ['Default', 'Unmasked'], 'allowed'));
  errors.push(...seccomp(context, field));
  if (get(context, 'allowPrivilegeEscalation') === false) {
    const shown = goSecurityContext(context);
    if (bool(context, 'privileged')) errors.push(invalidValue(field, shown, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if (strings(obj(context, 'capabilities'), 'add').includes('CAP_SYS_ADMIN')) {
      errors.push(invalidValue(field, shown, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
    }
  }
  return errors;
}

function sysctls(context: JsonObject | undefined, field: string): FieldError[] {
  const seen = new Set<string>();
  return each(objects(context, 'sysctls'), `${field}.sysctls`, (sysctl, at) => {
    const name = str(sysctl, 'name');
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(`${at}.name`));
    else if (name.length > 253 || !new RegExp(`^${sysctlPattern}$`).test(name)) {
      errors.push(invalidValue(`${at}.name`, name, `must have at most 253 characters and match regex ^${sysctlPattern}$`));
    } else if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
    seen.add(name);
    return errors;
  });
}

/** With the host's network a container's port is the host's port; in a template it may still be left out. */
function hostPorts(spec: JsonObject | undefined, field: string, isTemplate: boolean): FieldError[] {
  return ['containers', 'initContainers'].flatMap((key) => each(objects(spec, key), `${field}.${key}`, (container, at) => each(objects(container, 'ports'), `${at}.ports`, (port, portAt) => {
    const host = optionalNumber(port, 'hostPort') ?? 0;
    if (host === (optionalNumber(port, 'containerPort') ?? 0) || (isTemplate && host === 0)) return [];
    return [invalidValue(`${portAt}.hostPort`, host, 'must match `containerPort` when `hostNetwork` is true')];
  })));
}

export function validatePodSecurityContext(spec: JsonObject | undefined, field: string, isTemplate: boolean): FieldError[] {
  const context = obj(spec, 'securityContext');
  const at = `${field}.securityContext`;
  const errors = bool(spec, 'hostNetwork') ? hostPorts(spec, field, isTemplate) : [];
  if (bool(spec, 'shareProcessNamespace') && bool(spec, 'hostPID')) {
    errors.push(invalidValue(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  }
  for (const key of ['fsGroup', 'runAsUser', 'runAsGroup']) errors.push(...id(context, key, at));
  for (const [index, group] of list(context, 'supplementalGroups').entries()) {
    if (Number(group) < 0 || Number(group) > 2_147_483_647) errors.push(invalidValue(`${at}.supplementalGroups[${index}]`, Number(group), idText));
  }
  errors.push(...sysctls(context, at));
  errors.push(...requireOneOf(str(context, 'fsGroupChangePolicy'), `${at}.fsGroupChangePolicy`, ['Always', 'OnRootMismatch'], 'allowed'));
  return [...errors, ...seccomp(context, at)];
}

export function validateImagePullSecrets(spec: JsonObject | undefined, field: string): FieldError[] {
  return each(objects(spec, 'imagePullSecrets'), `${field}.imagePullSecrets`, (one, at) => requireString(one, 'name', at));
}

/** Keys of the pod's OS that the other OS does not have. */
export function validateOs(spec: JsonObject | undefined, field: string): FieldError[] {
  const os = obj(spec, 'os');
  if (os === undefined) return [];
  const name = str(os, 'name');
  if (name === '') return [required(`${field}.os.name`)];
  const errors = requireOneOf(name, `${field}.os`, ['linux', 'windows'], 'unsupported');
  const forbidden: readonly (readonly [string, Json | undefined])[] = name === 'windows'
    ? ['hostPID', 'hostIPC'].map((key) => [key, get(spec, key)] as const) : [['windowsOptions', get(obj(spec, 'securityContext'), 'windowsOptions')]];
  for (const [key, value] of forbidden) {
    if (value !== undefined && value !== false) errors.push(forbiddenField(`${field}.securityContext.${key}`, `${key} cannot be set for a ${name} pod`));
  }
  return errors;
}
