import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { bool, get, has, obj, objects, str } from '../access.ts';
import { eachInvalid, forbiddenField, invalidValue, notSupported, required } from '../errors.ts';
import { dns1123Subdomain } from '../formats.ts';

const mostSpecBytes = 64 * 1024;
const dnsLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const dnsDomain = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);
const netBios = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;

function userNameProblems(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  if (/\p{Cc}/u.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const domain = parts.length === 2 ? parts[0] as string : undefined;
  const user = parts.at(-1) as string;
  const problems: string[] = [];
  if ((domain ?? '').length >= 256) problems.push("runAsUserName's Domain length must be under 256 characters");
  if (domain !== undefined && !netBios.test(domain) && !dnsDomain.test(domain)) problems.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (user === '') problems.push("runAsUserName's User cannot be empty");
  else if (user.length > 104) problems.push("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) problems.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) problems.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
  return problems;
}

export function validateWindowsOptions(options: JsonObject | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const name = str(options, 'gmsaCredentialSpecName');
  const spec = str(options, 'gmsaCredentialSpec');
  const user = str(options, 'runAsUserName');
  if (has(options, 'gmsaCredentialSpecName')) append(errors, eachInvalid(`${field}.gmsaCredentialSpecName`, name, dns1123Subdomain(name)));
  if (has(options, 'gmsaCredentialSpec') && spec === '') errors.push(invalidValue(`${field}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec cannot be an empty string'));
  if (spec.length > mostSpecBytes) errors.push(invalidValue(`${field}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec size must be under 64 KiB'));
  if (has(options, 'runAsUserName')) append(errors, eachInvalid(`${field}.runAsUserName`, user, userNameProblems(user)));
  return errors;
}

const containerLists = ['initContainers', 'containers', 'ephemeralContainers'];

/** Every container of a pod, with its place; those that run first, first. */
export function containersWithPath(spec: JsonObject | undefined, field: string): readonly (readonly [container: JsonObject, at: string])[] {
  const all: (readonly [JsonObject, string])[] = [];
  for (const key of containerLists) {
    for (const [index, container] of objects(spec, key).entries()) all.push([container, `${field}.${key}[${index}]`]);
  }
  return all;
}

/** As above, where nobody asks for the place. */
export function allContainers(spec: JsonObject | undefined): readonly JsonObject[] {
  const [first, main, late] = [objects(spec, 'initContainers'), objects(spec, 'containers'), objects(spec, 'ephemeralContainers')];
  return first.length + late.length === 0 ? main : [...first, ...main, ...late];
}

/** Containers that run as processes of a Windows host: all of a pod, or none. */
export function validateHostProcess(spec: JsonObject | undefined, field: string): FieldError[] {
  const own = (container: JsonObject | undefined): ReturnType<typeof get> => get(obj(obj(container, 'securityContext'), 'windowsOptions'), 'hostProcess');
  const whole = own(spec);
  if (whole === undefined && !allContainers(spec).some((container) => own(container) !== undefined)) return [];
  const all = containersWithPath(spec, field);
  const errors = all.flatMap(([container, at]) => {
    const mine = own(container);
    if (whole === undefined || mine === undefined || whole === mine) return [];
    return [invalidValue(`${at}.securityContext.windowsOptions.hostProcess`, mine === true, `pod hostProcess value must be identical if both are specified, was ${String(whole === true)}`)];
  });
  const count = all.filter(([container]) => (own(container) ?? whole) === true).length;
  if (count === 0) return errors;
  if (count !== all.length) errors.push(invalidValue(field, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'));
  if (!bool(spec, 'hostNetwork')) errors.push(invalidValue(`${field}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'));
  return errors;
}

const inContext = ['fsGroup', 'fsGroupChangePolicy', 'sysctls'];
const podContext: readonly (readonly [place: 'context' | 'spec', key: string])[] = [
  ['context', 'appArmorProfile'], ['context', 'seLinuxOptions'], ['spec', 'hostUsers'], ['spec', 'hostPID'], ['spec', 'hostIPC'], ['context', 'seccompProfile'],
  ...inContext.map((key) => ['context', key] as const), ['spec', 'shareProcessNamespace'], ['context', 'runAsUser'], ['context', 'runAsGroup'], ['context', 'supplementalGroups'],
  ['context', 'supplementalGroupsPolicy'], ['context', 'seLinuxChangePolicy'],
];
const containerContext = [
  'appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem', 'privileged', 'allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup',
];
const windowsText = 'cannot be set for a windows pod';

function isSaid(object: JsonObject | undefined, key: string): boolean {
  const value = get(object, key);
  if (key === 'hostPID' || key === 'hostIPC') return value === true;
  return value !== undefined && !(key === 'sysctls' && Array.isArray(value) && value.length === 0);
}

function windowsPod(spec: JsonObject | undefined, field: string): FieldError[] {
  const context = obj(spec, 'securityContext');
  const errors = podContext.filter(([place, key]) => isSaid(place === 'spec' ? spec : context, key))
    .map(([place, key]) => forbiddenField(place === 'spec' ? `${field}.${key}` : `${field}.securityContext.${key}`, windowsText));
  return [...errors, ...containersWithPath(spec, field).flatMap(([container, at]) => containerContext
    .filter((key) => has(obj(container, 'securityContext'), key)).map((key) => forbiddenField(`${at}.securityContext.${key}`, windowsText)))];
}

function linuxPod(spec: JsonObject | undefined, field: string): FieldError[] {
  const places = [[obj(spec, 'securityContext'), field] as const, ...containersWithPath(spec, field).map(([container, at]) => [obj(container, 'securityContext'), at] as const)];
  return places.filter(([context]) => has(context, 'windowsOptions')).map(([, at]) => forbiddenField(`${at}.securityContext.windowsOptions`, 'windows options cannot be set for a linux pod'));
}

/** What the pod's OS does not have may not be said. */
export function validateOs(spec: JsonObject | undefined, field: string): FieldError[] {
  if (!has(spec, 'os')) return [];
  switch (str(obj(spec, 'os'), 'name')) {
    case '': return [required(`${field}.os.name`, 'cannot be empty')];
    case 'linux': return linuxPod(spec, field);
    case 'windows': return windowsPod(spec, field);
    default: return [notSupported(`${field}.os`, str(obj(spec, 'os'), 'name'), ['linux', 'windows'])];
  }
}
