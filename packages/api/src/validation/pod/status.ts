import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, has, num, obj, objects, str } from '../access.ts';
import { ipText, parseIp } from '../addresses.ts';
import { duplicate, eachInvalid, forbiddenField, invalidValue } from '../errors.ts';
import { each, immutableText } from '../common.ts';
import { dns1123Subdomain, qualifiedNameProblems } from '../formats.ts';
import { goStruct, goStructs } from '../go-value.ts';
import { validatePodAnnotationUpdate } from './annotations.ts';

const oneAFamily = 'may specify no more than one IP for each IP family';

function addresses(status: JsonObject | undefined, key: 'podIPs' | 'hostIPs', type: string): FieldError[] {
  const all = objects(status, key);
  const field = `status.${key}`;
  const errors = all.flatMap((one, index) => (parseIp(str(one, 'ip')) === undefined ? [invalidValue(`${field}[${index}]`, str(one, 'ip'), ipText)] : []));
  if (all.length < 2) return errors;
  const seen = new Set<string>();
  const repeats = all.flatMap((one, index) => {
    const again = seen.has(str(one, 'ip'));
    seen.add(str(one, 'ip'));
    return again ? [duplicate(`${field}[${index}]`, goStruct(type, one))] : [];
  });
  const parsed = all.map((one) => parseIp(str(one, 'ip'))?.family);
  const isDual = parsed.includes(4) && parsed.includes(6);
  const mixed: FieldError[] = [];
  const bad = parsed.indexOf(undefined);
  if (bad >= 0) mixed.push({ type: 'InternalError', field, message: `Internal error: failed to check for dual stack with error:invalid IP[${bad}]: ${str(all[bad], 'ip')}` });
  if (!isDual || bad >= 0 || all.length > 2) mixed.push(invalidValue(field, goStructs(type, all), oneAFamily));
  return key === 'podIPs' ? [...errors, ...mixed, ...repeats] : [...errors, ...repeats, ...mixed];
}

function isRestartable(spec: JsonObject | undefined, name: string): boolean {
  return objects(spec, 'initContainers').some((container) => str(container, 'name') === name && str(container, 'restartPolicy') === 'Always');
}

/** What has ended stays so, unless its restart policy may start it again. */
function transitions(status: JsonObject | undefined, old: JsonObject | undefined, key: string, policy: string, spec?: JsonObject): FieldError[] {
  if (policy === 'Always') return [];
  const now = objects(status, key);
  return objects(old, key).flatMap((before, index) => {
    const terminated = obj(obj(before, 'state'), 'terminated');
    const name = str(before, 'name');
    if (terminated === undefined || (num(terminated, 'exitCode') !== 0 && policy === 'OnFailure') || isRestartable(spec, name)) return [];
    return now.filter((one) => str(one, 'name') === name && !has(obj(one, 'state'), 'terminated')).map(() => forbiddenField(`status.${key}[${index}].state`, 'may not be transitioned to non-terminated state'));
  });
}

const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);

function conditions(status: JsonObject | undefined): FieldError[] {
  return each(objects(status, 'conditions'), 'metadata.conditions', (one, at) => (systemConditions.has(str(one, 'type')) ? [] : eachInvalid(`${at}.Type`, str(one, 'type'), qualifiedNameProblems(str(one, 'type')))));
}

function claimStatuses(status: JsonObject | undefined, spec: JsonObject | undefined): FieldError[] {
  const claims = objects(spec, 'resourceClaims').map((claim) => str(claim, 'name'));
  const seen = new Set<string>();
  return each(objects(status, 'resourceClaimStatuses'), 'status.resourceClaimStatuses', (one, at) => {
    const name = str(one, 'name');
    const errors = claims.includes(name) ? [] : [invalidValue(`${at}.name`, name, 'must match the name of an entry in `spec.resourceClaims`')];
    if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
    seen.add(name);
    const claim = get(one, 'resourceClaimName');
    return typeof claim === 'string' ? [...errors, ...eachInvalid(`${at}.name`, claim, dns1123Subdomain(claim))] : errors;
  });
}

export function validatePodStatusUpdate(pod: JsonObject, old: JsonObject): FieldError[] {
  const status = obj(pod, 'status');
  const before = obj(old, 'status');
  const spec = obj(old, 'spec');
  const policy = str(spec, 'restartPolicy');
  const nominated = str(status, 'nominatedNodeName');
  const hosts = objects(status, 'hostIPs');
  const errors = [...validatePodAnnotationUpdate(pod, old), ...conditions(status)];
  if (nominated !== '' && str(before, 'nominatedNodeName') !== nominated) append(errors, eachInvalid('status.nominatedNodeName', nominated, dns1123Subdomain(nominated)));
  if (str(status, 'qosClass') !== str(before, 'qosClass')) errors.push(invalidValue('status.qosClass', str(status, 'qosClass'), immutableText));
  append(errors, [...transitions(status, before, 'containerStatuses', policy), ...transitions(status, before, 'initContainerStatuses', policy, spec), ...transitions(status, before, 'ephemeralContainerStatuses', 'Never')]);
  append(errors, [...claimStatuses(status, spec), ...addresses(status, 'podIPs', 'io.k8s.api.core.v1.PodIP')]);
  if (hosts.length > 0 && str(hosts[0], 'ip') !== str(status, 'hostIP')) errors.push(invalidValue('status.hostIPs[0].ip', str(hosts[0], 'ip'), 'must be equal to `hostIP`'));
  append(errors, addresses(status, 'hostIPs', 'io.k8s.api.core.v1.HostIP'));
  return errors;
}
