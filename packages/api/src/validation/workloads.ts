import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import { equalJson, isObject } from '../patch/values.ts';
import { entries, get, has, num, obj, optionalNumber, str, withoutKeys } from './access.ts';
import { forbiddenField, goText, invalidValue, notSupported, quote, required } from './errors.ts';
import {
  goIntOrString, goSelector, goStringMap, immutableText, isEmptySelector, nonNegative, nonNegativeIntOrPercent, notMoreThan100Percent, percentOf, selectorMatches,
  validateLabelSelector,
} from './common.ts';
import { goStruct } from './go-value.ts';
import { validateAnnotations, validateLabels } from './metadata.ts';
import { validatePodTemplate } from './pod/template.ts';
import type { Validator } from './validator.ts';

export const mismatchText = '`selector` does not match template `labels`';

export function templateLabels(template: JsonObject | undefined): JsonObject | undefined {
  return obj(obj(template, 'metadata'), 'labels');
}

/** A missing selector matches nothing. */
function selectorAndTemplate(spec: JsonObject | undefined, kind: string): FieldError[] {
  const selector = obj(spec, 'selector');
  const template = obj(spec, 'template');
  const matches = selector === undefined ? false : selectorMatches(selector, templateLabels(template));
  if (matches === undefined) return [invalidValue('spec.selector', goSelector(selector), 'invalid label selector')];
  return [
    ...(matches ? [] : [invalidValue('spec.template.metadata.labels', goText(goStringMap(templateLabels(template))), mismatchText)]),
    ...validatePodTemplate(template, 'spec.template'),
    ...alwaysRestarts(template, kind),
  ];
}

function alwaysRestarts(template: JsonObject | undefined, kind: string): FieldError[] {
  const spec = obj(template, 'spec');
  const policy = str(spec, 'restartPolicy');
  return [
    ...(policy === 'Always' ? [] : [notSupported('spec.template.spec.restartPolicy', policy, ['Always'])]),
    ...(has(spec, 'activeDeadlineSeconds') ? [forbiddenField('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${kind} is not Supported`)] : []),
  ];
}

function requiredSelector(spec: JsonObject | undefined, kind: string): FieldError[] {
  const selector = obj(spec, 'selector');
  if (selector === undefined) return [required('spec.selector')];
  return [
    ...validateLabelSelector(selector, 'spec.selector'),
    ...(isEmptySelector(selector) ? [invalidValue('spec.selector', goSelector(selector), `empty selector is invalid for ${kind}`)] : []),
  ];
}

function immutableSelector(object: JsonObject, old: JsonObject): FieldError[] {
  const selector = obj(obj(object, 'spec'), 'selector');
  return equalJson(selector ?? null, obj(obj(old, 'spec'), 'selector') ?? null) ? [] : [invalidValue('spec.selector', goSelector(selector), immutableText)];
}

function nonNegatives(spec: JsonObject | undefined, ...keys: readonly string[]): FieldError[] {
  return keys.flatMap((key) => nonNegative(spec, key, 'spec'));
}

/** As upstream counts: text is a percentage, a number, or nothing. */
function isNone(value: Json | undefined): boolean {
  return isZero(value) || (typeof value === 'string' && !/^([0-9]+%|[+-]?0*[1-9][0-9]*)$/.test(value));
}

function isZero(value: Json | undefined): boolean {
  return value === undefined || value === 0 || percentOf(value) === 0;
}

function deploymentStrategy(spec: JsonObject | undefined): FieldError[] {
  const strategy = obj(spec, 'strategy');
  const type = str(strategy, 'type');
  const rolling = obj(strategy, 'rollingUpdate');
  const field = 'spec.strategy.rollingUpdate';
  switch (type) {
    case 'Recreate': return rolling === undefined ? [] : [forbiddenField(field, "may not be specified when strategy `type` is 'Recreate'")];
    case 'RollingUpdate': {
      if (rolling === undefined) return [required(field, 'this should be defaulted and never be nil')];
      const unavailable = get(rolling, 'maxUnavailable');
      return [
        ...nonNegativeIntOrPercent(unavailable, `${field}.maxUnavailable`),
        ...nonNegativeIntOrPercent(get(rolling, 'maxSurge'), `${field}.maxSurge`),
        ...(isZero(unavailable) && isZero(get(rolling, 'maxSurge')) ? [invalidValue(`${field}.maxUnavailable`, goIntOrString(unavailable ?? 0), 'may not be 0 when `maxSurge` is 0')] : []),
        ...notMoreThan100Percent(unavailable, `${field}.maxUnavailable`),
      ];
    }
    default: {
      const shown = goText(`apps.DeploymentStrategy{Type:${quote(type)}, RollingUpdate:(*apps.RollingUpdateDeployment)${rolling === undefined ? '(nil)' : '(0x0)'}}`);
      return [notSupported('spec.strategy', shown, ['Recreate', 'RollingUpdate'])];
    }
  }
}

function deployment(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const deadline = optionalNumber(spec, 'progressDeadlineSeconds');
  return [
    ...nonNegatives(spec, 'replicas'),
    ...requiredSelector(spec, 'deployment'),
    ...selectorAndTemplate(spec, 'ReplicaSet'),
    ...deploymentStrategy(spec),
    ...nonNegatives(spec, 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'),
    ...(deadline !== undefined && deadline <= num(spec, 'minReadySeconds') ? [invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')] : []),
  ];
}

function replicaSet(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  return [...nonNegatives(spec, 'replicas', 'minReadySeconds'), ...requiredSelector(spec, 'deployment'), ...selectorAndTemplate(spec, 'ReplicaSet')];
}

function replicationController(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const selector = obj(spec, 'selector');
  const template = obj(spec, 'template');
  const errors = nonNegatives(spec, 'minReadySeconds');
  append(errors, [...(entries(selector).length === 0 ? [required('spec.selector')] : []), ...nonNegatives(spec, 'replicas')]);
  if (template === undefined) return [...errors, required('spec.template')];
  if (entries(selector).some(([key, value]) => get(templateLabels(template), key) !== value)) {
    errors.push(invalidValue('spec.template.metadata.labels', goText(goStringMap(templateLabels(template))), mismatchText));
  }
  return [...errors, ...validatePodTemplate(template, 'spec.template'), ...alwaysRestarts(template, 'ReplicationController')];
}

function daemonUpdateStrategy(spec: JsonObject | undefined): FieldError[] {
  const strategy = obj(spec, 'updateStrategy');
  const rolling = obj(strategy, 'rollingUpdate');
  const field = 'spec.updateStrategy.rollingUpdate';
  switch (str(strategy, 'type')) {
    case 'OnDelete': return [];
    case 'RollingUpdate': {
      if (rolling === undefined) return [required(field)];
      const unavailable = get(rolling, 'maxUnavailable');
      const surge = get(rolling, 'maxSurge');
      const errors = [
        ...nonNegativeIntOrPercent(unavailable, `${field}.maxUnavailable`), ...nonNegativeIntOrPercent(surge, `${field}.maxSurge`),
        ...notMoreThan100Percent(unavailable, `${field}.maxUnavailable`), ...notMoreThan100Percent(surge, `${field}.maxSurge`),
      ];
      if (!isNone(unavailable) && !isNone(surge)) errors.push(invalidValue(`${field}.maxSurge`, goIntOrString(surge as Json), 'may not be set when maxUnavailable is non-zero'));
      if (isNone(unavailable) && isNone(surge)) errors.push(required(`${field}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
      return errors;
    }
    default: return [notSupported('spec.updateStrategy', goStruct('io.k8s.api.apps.v1.DaemonSetUpdateStrategy', strategy), ['RollingUpdate', 'OnDelete'])];
  }
}

function daemonSet(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const selector = obj(spec, 'selector');
  const template = obj(spec, 'template');
  const errors = validateLabelSelector(selector, 'spec.selector');
  const matches = selector === undefined ? false : selectorMatches(selector, templateLabels(template));
  if (matches === false) errors.push(invalidValue('spec.template.metadata.labels', goText(goStringMap(templateLabels(template))), mismatchText));
  if (selector !== undefined && isEmptySelector(selector)) errors.push(invalidValue('spec.selector', goSelector(selector), 'empty selector is invalid for daemonset'));
  return [
    ...errors, ...validatePodTemplate(template, 'spec.template'), ...alwaysRestarts(template, 'DaemonSet'),
    ...nonNegatives(spec, 'minReadySeconds'), ...daemonUpdateStrategy(spec), ...nonNegatives(spec, 'revisionHistoryLimit'),
  ];
}

function goUpdateStrategy(strategy: JsonObject | undefined): ReturnType<typeof goText> {
  const rolling = has(strategy, 'rollingUpdate') ? '(0x0)' : '(nil)';
  return goText(`apps.StatefulSetUpdateStrategy{Type:${quote(str(strategy, 'type'))}, RollingUpdate:(*apps.RollingUpdateStatefulSetStrategy)${rolling}}`);
}

function statefulUpdateStrategy(spec: JsonObject | undefined): FieldError[] {
  const strategy = obj(spec, 'updateStrategy');
  const rolling = obj(strategy, 'rollingUpdate');
  const field = 'spec.updateStrategy';
  switch (str(strategy, 'type')) {
    case '': return [required(field)];
    case 'OnDelete': return rolling === undefined ? [] : [invalidValue(`${field}.rollingUpdate`, JSON.stringify(rolling), "only allowed for updateStrategy 'RollingUpdate'")];
    case 'RollingUpdate': {
      const unavailable = get(rolling, 'maxUnavailable');
      return [...nonNegative(rolling, 'partition', `${field}.rollingUpdate`), ...nonNegativeIntOrPercent(unavailable, `${field}.rollingUpdate.maxUnavailable`)];
    }
    default: return [invalidValue(field, goUpdateStrategy(strategy), "must be 'RollingUpdate' or 'OnDelete'")];
  }
}

function statefulSet(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const policy = str(spec, 'podManagementPolicy');
  const retention = obj(spec, 'persistentVolumeClaimRetentionPolicy');
  const errors: FieldError[] = [];
  if (policy === '') errors.push(required('spec.podManagementPolicy'));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') errors.push(invalidValue('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"));
  append(errors, statefulUpdateStrategy(spec));
  for (const key of ['whenDeleted', 'whenScaled']) {
    const value = str(retention, key);
    if (retention !== undefined && value !== 'Retain' && value !== 'Delete') errors.push(notSupported(`spec.persistentVolumeClaimRetentionPolicy.${key}`, value, ['Retain', 'Delete']));
  }
  append(errors, [...nonNegatives(spec, 'replicas', 'minReadySeconds'), ...nonNegative(obj(spec, 'ordinals'), 'start', 'spec.ordinals')]);
  return [...errors, ...requiredSelector(spec, 'statefulset'), ...statefulTemplate(spec)];
}

/** The rest of the template cannot be checked before the pod has its claims: upstream leaves it to the pod. */
function statefulTemplate(spec: JsonObject | undefined): FieldError[] {
  const selector = obj(spec, 'selector');
  const template = obj(spec, 'template');
  const labels = templateLabels(template);
  const matches = selector === undefined ? false : selectorMatches(selector, labels);
  if (matches === undefined) return [invalidValue('spec.selector', goSelector(selector), '')];
  return [
    ...(matches ? [] : [invalidValue('spec.template.metadata.labels', goText(goStringMap(labels)), mismatchText)]),
    ...validateLabels(labels, 'spec.template.labels'),
    ...validateAnnotations(obj(obj(template, 'metadata'), 'annotations'), 'spec.template.annotations'),
    ...alwaysRestarts(template, 'StatefulSet'),
  ];
}

const statefulMutable = ['replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds', 'revisionHistoryLimit'];
const statefulText = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function statefulSetUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const same = equalJson(withoutKeys(obj(object, 'spec') ?? {}, ...statefulMutable), withoutKeys(obj(old, 'spec') ?? {}, ...statefulMutable));
  return [...statefulSet(object), ...(same ? [] : [forbiddenField('spec', statefulText)])];
}

function newControllerRevision(object: JsonObject): FieldError[] {
  const data = get(object, 'data');
  if (data !== undefined && isObject(data)) return controllerRevision(object);
  return [...controllerRevision(object), required('data', data === undefined ? 'data is mandatory' : 'data must be a valid JSON object')];
}

function controllerRevision(object: JsonObject): FieldError[] {
  return num(object, 'revision') < 0 ? [invalidValue('revision', num(object, 'revision'), 'must be greater than or equal to 0')] : [];
}

export const workloadValidators: Readonly<Record<string, Validator>> = {
  'deployments.apps': { create: deployment, update: (object, old) => [...deployment(object), ...immutableSelector(object, old)], updateStatus: replicaStatus('updatedReplicas') },
  // Upstream looks at these twice when they change, and says twice what it finds.
  'replicasets.apps': { create: replicaSet, update: (object, old) => [...replicaSet(object), ...replicaSet(object), ...immutableSelector(object, old)], updateStatus: replicaStatus('fullyLabeledReplicas') },
  'daemonsets.apps': { create: daemonSet, update: (object, old) => [...daemonSet(object), ...daemonSet(object), ...immutableSelector(object, old)], updateStatus: nonNegativeStatus },
  'statefulsets.apps': { create: statefulSet, update: statefulSetUpdate, updateStatus: statefulSetStatus },
  replicationcontrollers: { create: replicationController, update: (object) => [...replicationController(object), ...replicationController(object)], updateStatus: replicaStatus('fullyLabeledReplicas') },
  podtemplates: { create: (object) => validatePodTemplate(obj(object, 'template'), 'template') },
  'controllerrevisions.apps': {
    create: newControllerRevision,
    update: (object, old) => [...controllerRevision(object), ...(equalJson(get(object, 'data') ?? null, get(old, 'data') ?? null) ? [] : [invalidValue('data', has(object, 'data') ? '' : goText('runtime.RawExtension{Raw:[]uint8(nil), Object:runtime.Object(nil)}'), immutableText)])],
  },
};

/** Counts that controllers write. */
function nonNegativeStatus(object: JsonObject): FieldError[] {
  const status = obj(object, 'status');
  return entries(status).flatMap(([key, value]) => (typeof value === 'number' && value < 0 ? [invalidValue(`status.${key}`, value, 'must be greater than or equal to 0')] : []));
}

/** Some of all, and those that have been ready for long among the ready. */
function countsErrors(object: JsonObject, parts: readonly string[], readyName: string): FieldError[] {
  const status = obj(object, 'status');
  const [all, ready, available] = [num(status, 'replicas'), num(status, 'readyReplicas'), num(status, 'availableReplicas')];
  return [
    ...nonNegativeStatus(object),
    ...parts.flatMap((key) => (num(status, key) > all ? [invalidValue(`status.${key}`, num(status, key), 'cannot be greater than status.replicas')] : [])),
    ...(available > ready ? [invalidValue('status.availableReplicas', available, `cannot be greater than ${readyName}`)] : []),
  ];
}

function replicaStatus(special: string): (object: JsonObject) => FieldError[] {
  return (object) => countsErrors(object, [special, 'readyReplicas', 'availableReplicas'], 'readyReplicas');
}

function statefulSetStatus(object: JsonObject, old: JsonObject): FieldError[] {
  const errors = countsErrors(object, ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'], 'status.readyReplicas');
  const [collisions, before] = [num(obj(object, 'status'), 'collisionCount'), optionalNumber(obj(old, 'status'), 'collisionCount')];
  return before !== undefined && collisions < before ? [...errors, invalidValue('status.collisionCount', collisions, 'cannot be decremented')] : errors;
}
