import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, has, list, num, obj, objects, optionalNumber, str } from '../access.ts';
import { eachInvalid, forbiddenField, invalidValue, required } from '../errors.ts';
import { each, nonNegative, portNumber, portNumberOrName, requireOneOf, requireString } from '../common.ts';
import { httpHeaderNameProblems } from '../formats.ts';

type Check = (handler: JsonObject, field: string, graceSeconds: number | undefined) => FieldError[];

const handlers: readonly (readonly [string, Check])[] = [
  ['exec', (handler, field) => (list(handler, 'command').length === 0 ? [required(`${field}.command`)] : [])],
  ['httpGet', (handler, field) => [
    ...requireString(handler, 'path', field),
    ...portNumberOrName(get(handler, 'port'), `${field}.port`),
    ...requireOneOf(str(handler, 'scheme'), `${field}.scheme`, ['HTTP', 'HTTPS'], 'unsupported'),
    ...each(objects(handler, 'httpHeaders'), `${field}.httpHeaders`, (one, at) => eachInvalid(at.replace(/\[\d+\]$/, ''), str(one, 'name'), httpHeaderNameProblems(str(one, 'name')))),
  ]],
  ['tcpSocket', (handler, field) => portNumberOrName(get(handler, 'port'), `${field}.port`)],
  ['grpc', (handler, field) => portNumber(num(handler, 'port'), `${field}.port`)],
  ['sleep', (handler, field, graceSeconds) => {
    const seconds = num(handler, 'seconds');
    if (graceSeconds === undefined || (seconds > 0 && seconds <= graceSeconds)) return [];
    return [invalidValue(field, seconds, `must be greater than 0 and less than terminationGracePeriodSeconds (${graceSeconds}). Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep.`)];
  }],
];

function validateHandler(handler: JsonObject, field: string, graceSeconds: number | undefined): FieldError[] {
  const errors: FieldError[] = [];
  let count = 0;
  for (const [name, check] of handlers) {
    const value = obj(handler, name);
    if (value === undefined) continue;
    if (count > 0) errors.push(forbiddenField(`${field}.${name}`, 'may not specify more than 1 handler type'));
    else append(errors, check(value, `${field}.${name}`, graceSeconds));
    count += 1;
  }
  if (count === 0) errors.push(required(field, 'must specify a handler type'));
  return errors;
}

function validateProbe(probe: JsonObject | undefined, field: string, graceSeconds: number | undefined): FieldError[] {
  if (probe === undefined) return [];
  const errors = validateHandler(probe, field, graceSeconds);
  for (const key of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold']) append(errors, nonNegative(probe, key, field));
  const grace = optionalNumber(probe, 'terminationGracePeriodSeconds');
  if (grace !== undefined && grace <= 0) errors.push(invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  return errors;
}

function mustBeOne(probe: JsonObject | undefined, field: string): FieldError[] {
  const value = num(probe, 'successThreshold');
  return probe !== undefined && value !== 1 ? [invalidValue(`${field}.successThreshold`, value, 'must be 1')] : [];
}

/** Lifecycle hooks and the three probes, in upstream's order. */
export function validateLifecycleAndProbes(container: JsonObject, field: string, graceSeconds: number | undefined): FieldError[] {
  const lifecycle = obj(container, 'lifecycle');
  const errors: FieldError[] = [];
  for (const hook of ['postStart', 'preStop']) {
    const handler = obj(lifecycle, hook);
    if (handler !== undefined) append(errors, validateHandler(handler, `${field}.lifecycle.${hook}`, graceSeconds));
  }
  const liveness = obj(container, 'livenessProbe');
  const readiness = obj(container, 'readinessProbe');
  const startup = obj(container, 'startupProbe');
  append(errors, [...validateProbe(liveness, `${field}.livenessProbe`, graceSeconds), ...mustBeOne(liveness, `${field}.livenessProbe`)]);
  append(errors, validateProbe(readiness, `${field}.readinessProbe`, graceSeconds));
  if (has(readiness, 'terminationGracePeriodSeconds')) {
    errors.push(invalidValue(`${field}.readinessProbe.terminationGracePeriodSeconds`, num(readiness, 'terminationGracePeriodSeconds'), 'must not be set for readinessProbes'));
  }
  append(errors, [...validateProbe(startup, `${field}.startupProbe`, graceSeconds), ...mustBeOne(startup, `${field}.startupProbe`)]);
  return errors;
}
