import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { num, obj, objects, str, strings } from './access.ts';
import { duplicate, eachInvalid, invalidValue, required } from './errors.ts';
import { each, immutableText, requireOneOf, requireString, validateSelectorLabels } from './common.ts';
import { dns1035Label, dns1123Label, dns1123Subdomain, portNumberProblems, qualifiedNameProblems } from './formats.ts';
import { goStruct } from './go-value.ts';
import { validateTolerations } from './pod/placement.ts';
import { validateResourceRequirements } from './resources.ts';
import type { Validator } from './validator.ts';
import { webhookConfigurationRules } from './webhooks.ts';

function finalizerName(name: string, at: string): FieldError[] {
  return [
    ...eachInvalid(at, name, qualifiedNameProblems(name)),
    ...(name.includes('/') || ['kubernetes', 'orphan', 'foregroundDeletion'].includes(name) ? [] : [invalidValue(at, name, 'name is neither a standard finalizer name nor is it fully qualified')]),
  ];
}

function namespace(object: JsonObject): FieldError[] {
  return strings(obj(object, 'spec'), 'finalizers').flatMap((name) => finalizerName(name, 'spec.finalizers'));
}

/** Only the subresource finalize changes them; there the original says which. */
function namespaceUpdate(object: JsonObject): FieldError[] {
  return each(strings(obj(object, 'spec'), 'finalizers'), 'spec.finalizers', finalizerName);
}

function namespaceStatus(object: JsonObject): FieldError[] {
  const phase = str(obj(object, 'status'), 'phase');
  const deleted = str(obj(object, 'metadata'), 'deletionTimestamp') !== '';
  if (phase === (deleted ? 'Terminating' : 'Active')) return [];
  return [invalidValue('status.Phase', phase, deleted ? "may only be 'Terminating' if `deletionTimestamp` is not empty" : "may only be 'Active' if `deletionTimestamp` is empty")];
}

function apiService(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const [group, version] = [str(spec, 'group'), str(spec, 'version')];
  const errors: FieldError[] = [];
  if (group === '' && version !== 'v1') errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  if (group !== '') append(errors, eachInvalid('spec.group', group, dns1123Subdomain(group)));
  append(errors, eachInvalid('spec.version', version, dns1035Label(version)));
  const [minimum, priority] = [num(spec, 'groupPriorityMinimum'), num(spec, 'versionPriority')];
  if (minimum <= 0 || minimum > 20_000) errors.push(invalidValue('spec.groupPriorityMinimum', minimum, 'must be positive and less than 20000'));
  if (priority <= 0 || priority > 1000) errors.push(invalidValue('spec.versionPriority', priority, 'must be positive and less than 1000'));
  return [...errors, ...apiServiceTarget(spec)];
}

function apiServiceTarget(spec: JsonObject | undefined): FieldError[] {
  const service = obj(spec, 'service');
  const bundle = str(spec, 'caBundle');
  const skips = spec?.['insecureSkipTLSVerify'] === true;
  if (service === undefined) {
    return [
      ...(bundle === '' ? [] : [invalidValue('spec.caBundle', `${Uint8Array.fromBase64(bundle).length} bytes`, 'local APIServices may not have a caBundle')]),
      ...(skips ? [invalidValue('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify')] : []),
    ];
  }
  const port = num(service, 'port');
  return [
    ...['namespace', 'name'].flatMap((key) => requireString(service, key, 'spec.service')),
    ...portNumberProblems(port).map((why) => invalidValue('spec.service.port', port, `port is not valid: ${why}`)),
    ...(skips && bundle !== '' ? [invalidValue('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present')] : []),
  ];
}

/** Of its conditions only the answers are checked. */
function apiServiceStatus(object: JsonObject): FieldError[] {
  const answers = ['True', 'False', 'Unknown'];
  return each(objects(obj(object, 'status'), 'conditions'), 'status.conditions', (one, at) => requireOneOf(str(one, 'status'), `${at}.status`, answers, 'unsupported'));
}

function runtimeClass(object: JsonObject): FieldError[] {
  const handler = str(object, 'handler');
  const overhead = obj(object, 'overhead');
  const scheduling = obj(object, 'scheduling');
  return [
    ...eachInvalid('handler', handler, dns1123Label(handler)),
    ...(overhead === undefined ? [] : validateResourceRequirements({ limits: obj(overhead, 'podFixed') ?? {} }, 'overhead')),
    ...validateSelectorLabels(obj(scheduling, 'nodeSelector'), 'scheduling.nodeSelector'),
    ...uniqueTolerations(objects(scheduling, 'tolerations')),
  ];
}

function uniqueTolerations(tolerations: readonly JsonObject[]): FieldError[] {
  const errors = validateTolerations(tolerations, 'scheduling.tolerations.tolerations');
  const repeated = tolerations.flatMap((one, index) => (tolerations.slice(0, index).some((other) => equalJson(other, one))
    ? [duplicate(`scheduling.tolerations[${index}]`, goStruct('io.k8s.api.core.v1.Toleration', one))] : []));
  return [...repeated, ...errors];
}

export const clusterValidators: Readonly<Record<string, Validator>> = {
  namespaces: { create: namespace, update: namespaceUpdate, updateStatus: namespaceStatus },
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfigurationRules,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfigurationRules,
  'apiservices.apiregistration.k8s.io': { create: apiService, updateStatus: apiServiceStatus },
  'runtimeclasses.node.k8s.io': {
    create: runtimeClass,
    update: (object, old) => [...runtimeClass(object), ...(str(object, 'handler') === str(old, 'handler') ? [] : [invalidValue('handler', str(object, 'handler'), immutableText)])],
  },
};
