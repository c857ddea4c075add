import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { has, num, obj, objects, str } from '../access.ts';
import { duplicate, eachInvalid, forbiddenField, invalidValue, notSupported, required } from '../errors.ts';
import { each, portNumber, requireOneOf } from '../common.ts';
import { dns1123Label, portNameProblems } from '../formats.ts';
import { validateResourceRequirements } from '../resources.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import { validateLifecycleAndProbes } from './probes.ts';
import { validateSecurityContext } from './security.ts';
import { validateDevices, validateMounts, volumeNames } from './volumes.ts';

export interface PodRules {
  /** A template may name an image with spaces around it; a pod may not. */
  readonly isTemplate: boolean;
}

const sidecarOnly = 'may not be set for init containers without restartPolicy=Always';

function validatePorts(container: JsonObject, field: string): FieldError[] {
  const names = new Set<string>();
  return each(objects(container, 'ports'), `${field}.ports`, (port, at) => {
    const name = str(port, 'name');
    const errors: FieldError[] = [];
    if (name !== '') {
      const problems = portNameProblems(name);
      if (problems.length > 0) errors.push(...eachInvalid(`${at}.name`, name, problems));
      else if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    if (num(port, 'containerPort') === 0) errors.push(required(`${at}.containerPort`));
    else errors.push(...portNumber(num(port, 'containerPort'), `${at}.containerPort`));
    if (num(port, 'hostPort') !== 0) errors.push(...portNumber(num(port, 'hostPort'), `${at}.hostPort`));
    return [...errors, ...requireOneOf(str(port, 'protocol'), `${at}.protocol`, ['SCTP', 'TCP', 'UDP'], 'required')];
  });
}

function hostPortConflicts(containers: readonly JsonObject[], field: (index: number) => string): FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap((container, index) => each(objects(container, 'ports'), `${field(index)}.ports`, (port, at) => {
    if (num(port, 'hostPort') === 0) return [];
    const key = `${str(port, 'protocol')}/${str(port, 'hostIP')}/${num(port, 'hostPort')}`;
    const errors = taken.has(key) ? [duplicate(`${at}.hostPort`, key)] : [];
    taken.add(key);
    return errors;
  }));
}

function validateCommon(container: JsonObject, field: string, volumes: ReadonlySet<string>, rules: PodRules): FieldError[] {
  const name = str(container, 'name');
  const image = str(container, 'image');
  const errors = name === '' ? [required(`${field}.name`)] : eachInvalid(`${field}.name`, name, dns1123Label(name));
  if (image === '') errors.push(required(`${field}.image`));
  else if (!rules.isTemplate && image !== image.trim()) errors.push(invalidValue(`${field}.image`, image, 'must not have leading or trailing whitespace'));
  errors.push(...requireOneOf(str(container, 'terminationMessagePolicy'), `${field}.terminationMessagePolicy`, ['FallbackToLogsOnError', 'File'], 'required'));
  return [
    ...errors,
    ...validatePorts(container, field),
    ...validateEnv(container, field), ...validateEnvFrom(container, field),
    ...validateMounts(container, field, volumes), ...validateDevices(container, field, volumes),
    ...requireOneOf(str(container, 'imagePullPolicy'), `${field}.imagePullPolicy`, ['Always', 'IfNotPresent', 'Never'], 'required'),
    ...validateResourceRequirements(obj(container, 'resources'), `${field}.resources`),
    ...validateSecurityContext(obj(container, 'securityContext'), `${field}.securityContext`),
  ];
}

export function validateContainers(spec: JsonObject | undefined, field: string, graceSeconds: number, rules: PodRules): FieldError[] {
  const containers = objects(spec, 'containers');
  if (containers.length === 0) return [required(`${field}.containers`)];
  const volumes = volumeNames(spec);
  const names = new Set<string>();
  return [
    ...each(containers, `${field}.containers`, (container, at) => {
      const name = str(container, 'name');
      const errors = validateCommon(container, at, volumes, rules);
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
      errors.push(...validateLifecycleAndProbes(container, at, graceSeconds));
      if (has(container, 'restartPolicy')) errors.push(forbiddenField(`${at}.restartPolicy`, 'may not be set for non-init containers'));
      return errors;
    }),
    ...hostPortConflicts(containers, (index) => `${field}.containers[${index}]`),
  ];
}

function initSpecific(container: JsonObject, field: string, graceSeconds: number): FieldError[] {
  const policy = str(container, 'restartPolicy');
  const errors = has(container, 'restartPolicy') && policy !== 'Always' ? [notSupported(`${field}.restartPolicy`, policy, ['Always'])] : [];
  if (policy === 'Always') return [...errors, ...validateLifecycleAndProbes(container, field, graceSeconds)];
  for (const key of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (has(container, key)) errors.push(forbiddenField(`${field}.${key}`, sidecarOnly));
  }
  return errors;
}

export function validateInitContainers(spec: JsonObject | undefined, field: string, graceSeconds: number, rules: PodRules): FieldError[] {
  const names = new Set(objects(spec, 'containers').map((container) => str(container, 'name')));
  const volumes = volumeNames(spec);
  return each(objects(spec, 'initContainers'), `${field}.initContainers`, (container, at) => {
    const name = str(container, 'name');
    const errors = validateCommon(container, at, volumes, rules);
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return [...errors, ...hostPortConflicts([container], () => at), ...initSpecific(container, at, graceSeconds)];
  });
}

const ephemeralForbidden = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resources', 'resizePolicy', 'restartPolicy'];

function isSet(container: JsonObject, key: string): boolean {
  const value = obj(container, key);
  return has(container, key) && !(value !== undefined && Object.keys(value).length === 0) && !(objects(container, key).length === 0 && Array.isArray(container[key]));
}

export function validateEphemeralContainers(spec: JsonObject | undefined, field: string, rules: PodRules): FieldError[] {
  const names = new Set([...objects(spec, 'containers'), ...objects(spec, 'initContainers')].map((container) => str(container, 'name')));
  const targets = new Set(objects(spec, 'containers').map((container) => str(container, 'name')));
  const volumes = volumeNames(spec);
  return each(objects(spec, 'ephemeralContainers'), `${field}.ephemeralContainers`, (container, at) => {
    const name = str(container, 'name');
    const target = str(container, 'targetContainerName');
    const errors = validateCommon(container, at, volumes, rules);
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (target !== '' && !targets.has(target)) errors.push({ type: 'NotFound', field: `${at}.targetContainerName`, message: `Not found: ${JSON.stringify(target)}` });
    for (const key of ephemeralForbidden) {
      if (isSet(container, key)) errors.push(forbiddenField(`${at}.${key}`, 'cannot be set for an Ephemeral Container'));
    }
    return errors;
  });
}
