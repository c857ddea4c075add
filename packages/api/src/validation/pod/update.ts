import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { equalJson } from '../../patch/values.ts';
import { get, list, obj, objects, optionalNumber, str, withoutKeys } from '../access.ts';
import { forbiddenField, invalidValue } from '../errors.ts';
import { each } from '../common.ts';
import { validatePod } from './pod.ts';

const immutableSpecText = 'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,'
  + '`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

function imagesOf(spec: JsonObject | undefined, key: string): string[] {
  return objects(spec, key).map((container) => str(container, 'image'));
}

function withImages(spec: JsonObject, key: string, images: readonly string[]): JsonObject {
  const containers = objects(spec, key);
  return containers.length === 0 ? spec : { ...spec, [key]: containers.map((container, index) => ({ ...container, image: images[index] ?? '' })) };
}

/** The new spec with what may change as it was; what still differs then may not. */
function withAllowedFrom(spec: JsonObject, old: JsonObject): JsonObject {
  let result = withoutKeys(spec, 'activeDeadlineSeconds', 'tolerations', 'schedulingGates', 'terminationGracePeriodSeconds', 'ephemeralContainers');
  for (const key of ['containers', 'initContainers']) result = withImages(result, key, imagesOf(old, key));
  for (const key of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates', 'ephemeralContainers']) {
    const value = get(old, key);
    if (value !== undefined) result[key] = value;
  }
  const seconds = optionalNumber(old, 'terminationGracePeriodSeconds');
  const now = optionalNumber(spec, 'terminationGracePeriodSeconds');
  const mended = seconds !== undefined && seconds < 0 && now === 1 ? seconds : now;
  if (mended !== undefined) result['terminationGracePeriodSeconds'] = mended;
  return result;
}

function activeDeadline(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const before = optionalNumber(old, 'activeDeadlineSeconds');
  const now = optionalNumber(spec, 'activeDeadlineSeconds');
  const field = 'spec.activeDeadlineSeconds';
  if (before === undefined || before === now) return [];
  if (now === undefined) return [invalidValue(field, null, 'must not update from a positive integer to nil value')];
  return now > before ? [invalidValue(field, now, 'must be less than or equal to previous value')] : [];
}

function onlyAddedTolerations(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const now = objects(spec, 'tolerations');
  const kept = objects(old, 'tolerations').every((before) => now.some((one) => equalJson(withoutKeys(one, 'tolerationSeconds'), withoutKeys(before, 'tolerationSeconds'))));
  return kept ? [] : [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

function onlyRemovedGates(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const before = objects(old, 'schedulingGates').map((gate) => str(gate, 'name'));
  return each(objects(spec, 'schedulingGates'), 'spec.schedulingGates', (gate, at) => (before.includes(str(gate, 'name')) ? [] : [forbiddenField(at, 'only deletion is allowed, but found new scheduling gate')]));
}

function containerCount(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  return ['containers', 'initContainers'].flatMap((key) => (list(spec, key).length === list(old, key).length ? [] : [forbiddenField(`spec.${key}`, 'pod updates may not add or remove containers')]));
}

export function validatePodUpdate(pod: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(pod, 'spec');
  const before = obj(old, 'spec');
  const errors = validatePod(pod);
  const counts = containerCount(spec, before);
  if (counts.length > 0) return [...errors, ...counts];
  errors.push(...activeDeadline(spec, before), ...onlyAddedTolerations(spec, before), ...onlyRemovedGates(spec, before));
  if (spec !== undefined && before !== undefined && !equalJson(withAllowedFrom(spec, before), before)) errors.push(forbiddenField('spec', immutableSpecText));
  return errors;
}

/** Containers and what is known of them only grow: ephemeral ones are added, never changed. */
export function validateEphemeralUpdate(pod: JsonObject, old: JsonObject): FieldError[] {
  const now = objects(obj(pod, 'spec'), 'ephemeralContainers');
  const errors = validatePod(pod);
  for (const before of objects(obj(old, 'spec'), 'ephemeralContainers')) {
    const same = now.find((one) => str(one, 'name') === str(before, 'name'));
    if (same === undefined) errors.push(forbiddenField('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(str(before, 'name'))} may not be removed\n`));
    else if (!equalJson(same, before)) errors.push(forbiddenField('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(str(before, 'name'))} may not be changed\n`));
  }
  return errors;
}

export function validatePodStatusUpdate(pod: JsonObject, old: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const status = obj(pod, 'status');
  const before = obj(old, 'status');
  const nominated = str(status, 'nominatedNodeName');
  if (nominated !== '' && str(before, 'nominatedNodeName') !== nominated && !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(nominated)) {
    errors.push(invalidValue('status.nominatedNodeName', nominated, 'must be the name of a node'));
  }
  if (str(status, 'qosClass') !== str(before, 'qosClass') && str(before, 'qosClass') !== '') errors.push(invalidValue('status.qosClass', str(status, 'qosClass'), 'field is immutable'));
  return errors;
}
