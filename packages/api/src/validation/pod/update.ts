import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { equalJson } from '../../patch/values.ts';
import { entries, get, list, obj, objects, optionalNumber, str, withoutKeys } from '../access.ts';
import { forbiddenField, goText, invalidValue } from '../errors.ts';
import { each, goStringMap, requireString } from '../common.ts';
import { goStruct, goStructs } from '../go-value.ts';
import { validatePodAnnotations, validatePodAnnotationUpdate } from './annotations.ts';
import { validateImageSpaces } from './containers.ts';
import { validateTolerations } from './placement.ts';
import { validatePodRules } from './pod.ts';

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
  let result = withoutKeys(spec, 'activeDeadlineSeconds', 'tolerations', 'schedulingGates', 'terminationGracePeriodSeconds');
  for (const key of ['containers', 'initContainers']) result = withImages(result, key, imagesOf(old, key));
  for (const key of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates']) {
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
  if (now === undefined) return before === undefined ? [] : [invalidValue(field, null, 'must not update from a positive integer to nil value')];
  const errors = now < 0 || now > 2_147_483_647 ? [invalidValue(field, now, 'must be between 0 and 2147483647, inclusive')] : [];
  if (before !== undefined && now > before) errors.push(invalidValue(field, now, 'must be less than or equal to previous value'));
  return errors;
}

function onlyAddedTolerations(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const now = objects(spec, 'tolerations');
  const isKept = objects(old, 'tolerations').every((before) => now.some((one) => equalJson(withoutKeys(one, 'tolerationSeconds'), withoutKeys(before, 'tolerationSeconds'))));
  return isKept ? validateTolerations(now, 'spec.tolerations') : [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

function onlyRemovedGates(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const before = objects(old, 'schedulingGates').map((gate) => str(gate, 'name'));
  const added = new Map(objects(spec, 'schedulingGates').map((gate, index) => [str(gate, 'name'), index]));
  return [...added].filter(([name]) => !before.includes(name))
    .map(([name, index]) => forbiddenField(`spec.schedulingGates[${index}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`));
}

/** Fewer or more containers end the comparison: nothing after them could be compared. */
function containerChanges(spec: JsonObject | undefined, old: JsonObject | undefined): { readonly errors: FieldError[]; readonly stop: boolean } {
  const errors: FieldError[] = [];
  for (const key of ['containers', 'initContainers']) {
    if (list(spec, key).length !== list(old, key).length) return { errors: [...errors, forbiddenField(`spec.${key}`, 'pod updates may not add or remove containers')], stop: true };
    append(errors, each(objects(spec, key), `spec.${key}`, (container, at) => [...requireString(container, 'image', at), ...validateImageSpaces(container, at)]));
  }
  return { errors, stop: false };
}

const termType = 'io.k8s.api.core.v1.NodeSelectorTerm';
const termsPath = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';

function termsOf(spec: JsonObject | undefined): readonly JsonObject[] | undefined {
  const wanted = obj(obj(obj(spec, 'affinity'), 'nodeAffinity'), 'requiredDuringSchedulingIgnoredDuringExecution');
  return wanted === undefined ? undefined : objects(wanted, 'nodeSelectorTerms');
}

function onlyAdds(now: JsonObject, before: JsonObject): boolean {
  const keys = ['matchExpressions', 'matchFields'];
  if (keys.every((key) => list(before, key).length === 0) && keys.some((key) => list(now, key).length > 0)) return false;
  return keys.every((key) => equalJson(list(now, key).slice(0, list(before, key).length), [...list(before, key)]));
}

/** While gates hold a pod back, who opens them may still narrow where it may run. */
function narrowed(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const selector = obj(spec, 'nodeSelector');
  const errors = entries(obj(old, 'nodeSelector')).some(([key, value]) => get(selector, key) !== value)
    ? [invalidValue('spec.nodeSelector', goText(goStringMap(selector)), 'only additions to spec.nodeSelector are allowed (no mutations or deletions)')] : [];
  const before = termsOf(old);
  if (before === undefined || equalJson(get(obj(spec, 'affinity'), 'nodeAffinity') ?? null, get(obj(old, 'affinity'), 'nodeAffinity') ?? null)) return errors;
  const now = termsOf(spec);
  if (before.length > 0 && before.length !== (now ?? []).length) {
    return [...errors, invalidValue(termsPath, goStructs(termType, now), 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')];
  }
  return [...errors, ...before.flatMap((term, index) => (onlyAdds(now?.[index] ?? {}, term)
    ? [] : [invalidValue(`${termsPath}[${index}]`, goStruct(termType, now?.[index]), 'only additions are allowed (no mutations or deletions)')]))];
}

/** The spec as far as a gated pod may not change it. */
function withoutNarrowed(spec: JsonObject): JsonObject {
  const affinity = withoutKeys(obj(spec, 'affinity') ?? {}, 'nodeAffinity');
  return { ...withoutKeys(spec, 'nodeSelector', 'affinity'), ...(Object.keys(affinity).length === 0 ? {} : { affinity }) };
}

/** `specIsValid`: it is the old one, of which the rules that look at nothing else are known to say nothing. */
export function validatePodUpdate(pod: JsonObject, old: JsonObject, specIsValid = false): FieldError[] {
  if (specIsValid) return [...validatePodAnnotations(pod), ...validatePodAnnotationUpdate(pod, old)];
  const spec = obj(pod, 'spec') ?? {};
  const before = obj(old, 'spec') ?? {};
  const changes = containerChanges(spec, before);
  const errors = [...validatePodRules(pod), ...validatePodAnnotationUpdate(pod, old), ...changes.errors];
  if (changes.stop) return errors;
  append(errors, [...activeDeadline(spec, before), ...onlyAddedTolerations(spec, before), ...onlyRemovedGates(spec, before)]);
  const isGated = list(before, 'schedulingGates').length > 0;
  if (isGated) append(errors, narrowed(spec, before));
  const compared = isGated ? withoutNarrowed : (one: JsonObject): JsonObject => one;
  if (!equalJson(compared(withAllowedFrom(spec, before)), compared(before))) errors.push(forbiddenField('spec', immutableSpecText));
  return errors;
}

/** Containers and what is known of them only grow: ephemeral ones are added, never changed. */
export function validateEphemeralUpdate(pod: JsonObject, old: JsonObject): FieldError[] {
  const now = objects(obj(pod, 'spec'), 'ephemeralContainers');
  const errors = [...validatePodRules(pod), ...validatePodAnnotationUpdate(pod, old)];
  for (const before of objects(obj(old, 'spec'), 'ephemeralContainers')) {
    const same = now.find((one) => str(one, 'name') === str(before, 'name'));
    if (same === undefined) errors.push(forbiddenField('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(str(before, 'name'))} may not be removed\n`));
    else if (!equalJson(same, before)) errors.push(forbiddenField('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(str(before, 'name'))} may not be changed\n`));
  }
  return errors;
}
