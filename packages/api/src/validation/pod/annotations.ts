import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { entries, get, has, obj, str } from '../access.ts';
import { forbiddenField, invalidValue, quote } from '../errors.ts';
import { descendingPath } from './files.ts';
import { containersWithPath } from './windows.ts';

export const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const mirror = 'kubernetes.io/config.mirror';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';

/** A whole number of 32 bits, in the only way to write it. */
function isDeletionCost(text: string): boolean {
  return /^(0|-?[1-9][0-9]*)$/.test(text) && Math.abs(Number(text)) <= 2_147_483_648 && Number(text) < 2_147_483_648;
}

function seccompProfile(profile: string, field: string): FieldError[] {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return [];
  return profile.startsWith('localhost/') ? descendingPath(profile.slice('localhost/'.length), field) : [invalidValue(field, profile, 'must be a valid seccomp profile')];
}

function isAppArmorProfile(profile: string): boolean {
  return ['', 'runtime/default', 'unconfined'].includes(profile) || profile.startsWith('localhost/');
}

function appArmor(key: string, profile: string, names: ReadonlySet<string>): FieldError[] {
  const name = key.slice(appArmorPrefix.length);
  const field = `metadata.annotations[${key}]`;
  return [
    ...(names.has(name) ? [] : [invalidValue(field, name, 'container not found')]),
    ...(isAppArmorProfile(profile) ? [] : [invalidValue(field, profile, `invalid AppArmor profile name: ${quote(profile)}`)]),
  ];
}

/** Annotations that mean something to the server. */
export function validatePodAnnotations(pod: JsonObject): FieldError[] {
  const spec = obj(pod, 'spec');
  const annotations = obj(obj(pod, 'metadata'), 'annotations');
  const names = new Set(containersWithPath(spec, 'spec').map(([container]) => str(container, 'name')));
  const errors: FieldError[] = [];
  const cost = get(annotations, deletionCost);
  if (has(annotations, mirror) && str(spec, 'nodeName') === '') errors.push(invalidValue(`metadata.annotations[${mirror}]`, str(annotations, mirror), 'must set spec.nodeName if mirror pod annotation is set'));
  if (cost !== undefined && !isDeletionCost(str(annotations, deletionCost))) errors.push(invalidValue(`metadata.annotations[${deletionCost}]`, str(annotations, deletionCost), 'must be a 32bit integer'));
  for (const [key, value] of entries(annotations)) {
    if (key === seccompPod || key.startsWith(seccompContainer)) append(errors, seccompProfile(value as string, `metadata.annotations.${key}`));
  }
  for (const [key, value] of entries(annotations)) if (key.startsWith(appArmorPrefix)) append(errors, appArmor(key, value as string, names));
  return errors;
}

/** These are for the creator to say, once. */
export function validatePodAnnotationUpdate(pod: JsonObject, old: JsonObject): FieldError[] {
  const now = obj(obj(pod, 'metadata'), 'annotations');
  const before = obj(obj(old, 'metadata'), 'annotations');
  const errors: FieldError[] = [];
  const tell = (key: string, armor: string, mirrored: string): void => {
    if (key.startsWith(appArmorPrefix)) errors.push(forbiddenField(`metadata.annotations[${key}]`, armor));
    if (key === mirror) errors.push(forbiddenField(`metadata.annotations[${key}]`, mirrored));
  };
  for (const [key, value] of entries(before)) if (get(now, key) !== value) tell(key, 'may not remove or update AppArmor annotations', 'may not remove or update mirror pod annotation');
  for (const [key] of entries(now)) if (!has(before, key)) tell(key, 'may not add AppArmor annotations', 'may not add mirror pod annotation');
  return [...errors, ...validatePodAnnotations(pod)];
}

function profileAgrees(profile: JsonObject, annotation: string): 'yes' | 'type' | 'localhostProfile' {
  switch (str(profile, 'type')) {
    case 'Unconfined': return annotation === 'unconfined' ? 'yes' : 'type';
    case 'RuntimeDefault': return annotation === 'runtime/default' ? 'yes' : 'type';
    case 'Localhost':
      if (!annotation.startsWith('localhost/')) return 'type';
      return has(profile, 'localhostProfile') && annotation === `localhost/${str(profile, 'localhostProfile')}` ? 'yes' : 'localhostProfile';
    default: return 'yes';
  }
}

const differences = { type: 'apparmor type in annotation and field must match', localhostProfile: 'apparmor profile in annotation and field must match' } as const;

/** The old annotation and the new field may both be there, if they say the same. */
export function validateProfilesAgree(pod: JsonObject): FieldError[] {
  const spec = obj(pod, 'spec');
  const annotations = obj(obj(pod, 'metadata'), 'annotations');
  if (str(obj(spec, 'os'), 'name') === 'windows') return [];
  return containersWithPath(spec, 'spec').flatMap(([container, at]) => {
    const profile = obj(obj(container, 'securityContext'), 'appArmorProfile') ?? obj(obj(spec, 'securityContext'), 'appArmorProfile');
    const key = `${appArmorPrefix}${str(container, 'name')}`;
    if (profile === undefined || !has(annotations, key)) return [];
    const found = profileAgrees(profile, str(annotations, key));
    return found === 'yes' ? [] : [forbiddenField(`${at}.securityContext.appArmorProfile.${found}`, differences[found])];
  });
}
