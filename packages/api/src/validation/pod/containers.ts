import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { has, num, obj, objects, str } from '../access.ts';
import { duplicate, eachInvalid, forbiddenField, invalidValue, notFoundValue, required } from '../errors.ts';
import { each, portNumber, requireOneOf, requireString } from '../common.ts';
import { dns1123Label, portNameProblems } from '../formats.ts';
import { goStructs } from '../go-value.ts';
import { validateResourceRequirements } from '../resources.ts';
import { validateContainerClaims } from './claims.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import { validateLifecycleAndProbes } from './probes.ts';
import { validateSecurityContext } from './security.ts';
import { validateDevices, validateMounts, type Volumes } from './volumes.ts';

export interface PodRules {
  /** A template may name an image with spaces around it; a pod may not. */
  readonly isTemplate: boolean;
  /** Only volumes that are right can be mounted. */
  readonly volumes: Volumes;
  /** Names of the pod's resource claims. */
  readonly claims: ReadonlySet<string>;
  readonly graceSeconds: number | undefined;
  readonly restartPolicy: string;
}

const sidecarOnly = 'may not be set for init containers without restartPolicy=Always';

function validatePorts(container: JsonObject, field: string): FieldError[] {
  const names = new Set<string>();
  return each(objects(container, 'ports'), `${field}.ports`, (port, at) => {
    const name = str(port, 'name');
    const errors: FieldError[] = [];
    if (name !== '') {
      const problems = portNameProblems(name);
      if (problems.length > 0) append(errors, eachInvalid(`${at}.name`, name, problems));
      else if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    if (num(port, 'containerPort') === 0) errors.push(required(`${at}.containerPort`));
    else append(errors, portNumber(num(port, 'containerPort'), `${at}.containerPort`));
    if (num(port, 'hostPort') !== 0) append(errors, portNumber(num(port, 'hostPort'), `${at}.hostPort`));
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

function resizePolicy(container: JsonObject, at: string, restartPolicy: string): FieldError[] {
  const seen = new Set<string>();
  const field = `${at}.resizePolicy`;
  return each(objects(container, 'resizePolicy'), field, (one, itemAt) => {
    const name = str(one, 'resourceName');
    const policy = str(one, 'restartPolicy');
    const errors = seen.has(name) ? [duplicate(itemAt, name)] : [];
    seen.add(name);
    append(errors, [...requireOneOf(name, field, ['cpu', 'memory'], 'required'), ...requireOneOf(policy, field, ['NotRequired', 'RestartContainer'], 'required')]);
    if (restartPolicy === 'Never' && policy !== 'NotRequired') errors.push(invalidValue(field, policy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    return errors;
  });
}

function validateCommon(container: JsonObject, field: string, rules: PodRules): FieldError[] {
  const name = str(container, 'name');
  return [
    ...(name === '' ? [required(`${field}.name`)] : eachInvalid(`${field}.name`, name, dns1123Label(name))),
    ...requireString(container, 'image', field),
    ...requireOneOf(str(container, 'terminationMessagePolicy'), `${field}.terminationMessagePolicy`, ['File', 'FallbackToLogsOnError'], 'required'),
    ...validatePorts(container, field),
    ...validateEnv(container, field), ...validateEnvFrom(container, field),
    ...validateMounts(container, field, rules.volumes), ...validateDevices(container, field, rules.volumes),
    ...requireOneOf(str(container, 'imagePullPolicy'), `${field}.imagePullPolicy`, ['Always', 'IfNotPresent', 'Never'], 'required'),
    ...validateResourceRequirements(obj(container, 'resources'), `${field}.resources`), ...validateContainerClaims(container, `${field}.resources.claims`, rules.claims),
    ...resizePolicy(container, field, rules.restartPolicy),
    ...validateSecurityContext(obj(container, 'securityContext'), `${field}.securityContext`),
  ];
}

/** A pod's images may not have spaces around them; those of a template may. */
export function validateImageSpaces(container: JsonObject, field: string): FieldError[] {
  const image = str(container, 'image');
  return image === image.trim() ? [] : [invalidValue(`${field}.image`, image, 'must not have leading or trailing whitespace')];
}

export function validateContainers(spec: JsonObject | undefined, field: string, rules: PodRules): FieldError[] {
  const containers = objects(spec, 'containers');
  if (containers.length === 0) return [required(`${field}.containers`)];
  const names = new Set<string>();
  return [
    ...each(containers, `${field}.containers`, (container, at) => {
      const name = str(container, 'name');
      const errors = validateCommon(container, at, rules);
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
      append(errors, validateLifecycleAndProbes(container, at, rules.graceSeconds));
      if (has(container, 'restartPolicy')) errors.push(forbiddenField(`${at}.restartPolicy`, 'may not be set for non-init containers'));
      return errors;
    }),
    ...hostPortConflicts(containers, (index) => `${field}.containers[${index}]`),
  ];
}

function initSpecific(container: JsonObject, field: string, rules: PodRules): FieldError[] {
  if (str(container, 'restartPolicy') === 'Always') return validateLifecycleAndProbes(container, field, rules.graceSeconds);
  const errors: FieldError[] = [];
  for (const key of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (has(container, key)) errors.push(forbiddenField(`${field}.${key}`, sidecarOnly));
  }
  return errors;
}

export function validateInitContainers(spec: JsonObject | undefined, field: string, rules: PodRules): FieldError[] {
  const names = new Set(objects(spec, 'containers').map((container) => str(container, 'name')));
  return each(objects(spec, 'initContainers'), `${field}.initContainers`, (container, at) => {
    const name = str(container, 'name');
    const errors = validateCommon(container, at, rules);
    if (has(container, 'restartPolicy')) append(errors, requireOneOf(str(container, 'restartPolicy'), `${at}.restartPolicy`, ['Always'], 'unsupported'));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    else if (name !== '') names.add(name);
    // Upstream counts the ports of one container at a time, and so names the first.
    append(errors, [...hostPortConflicts([container], () => `${field}.initContainers[0]`), ...initSpecific(container, at, rules)]);
    if (objects(container, 'resizePolicy').length > 0) errors.push(invalidValue(`${at}.resizePolicy`, goStructs('io.k8s.api.core.v1.ContainerResizePolicy', objects(container, 'resizePolicy')), 'must not be set for init containers'));
    return errors;
  });
}

const ephemeralForbidden = ['ports', 'resources', 'resizePolicy', 'restartPolicy', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'];

/** An empty object is something behind a pointer, and nothing where there is none. */
function isSet(container: JsonObject, key: string): boolean {
  const value = container[key];
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return false;
  return key !== 'resources' || Object.keys(obj(container, key) ?? {}).length > 0;
}

function ephemeralMounts(container: JsonObject, at: string): FieldError[] {
  return each(objects(container, 'volumeMounts'), `${at}.volumeMounts`, (mount, mountAt) => ['subPath', 'subPathExpr'].flatMap((key) => (
    str(mount, key) === '' ? [] : [forbiddenField(`${mountAt}.${key}`, 'cannot be set for an Ephemeral Container')])));
}

export function validateEphemeralContainers(spec: JsonObject | undefined, field: string, rules: PodRules): FieldError[] {
  const targets = new Set([...objects(spec, 'containers'), ...objects(spec, 'initContainers')].map((container) => str(container, 'name')));
  const names = new Set(targets);
  return each(objects(spec, 'ephemeralContainers'), `${field}.ephemeralContainers`, (container, at) => {
    const name = str(container, 'name');
    const target = str(container, 'targetContainerName');
    const errors = [...validateCommon(container, at, rules), ...validateImageSpaces(container, at)];
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (target !== '' && !targets.has(target)) errors.push(notFoundValue(`${at}.targetContainerName`, target));
    for (const key of ephemeralForbidden) {
      if (isSet(container, key)) errors.push(forbiddenField(`${at}.${key}`, 'cannot be set for an Ephemeral Container'));
    }
    return [...errors, ...ephemeralMounts(container, at)];
  });
}
