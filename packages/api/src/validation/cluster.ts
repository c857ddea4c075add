import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { get, has, num, obj, objects, optionalNumber, str, strings } from './access.ts';
import { cidrText, parseCidr } from './addresses.ts';
import { duplicate, eachInvalid, forbiddenField, goText, invalidValue, notSupported, required } from './errors.ts';
import { each, immutableText, labelName, requireOneOf, requireString, validateSelectorLabels } from './common.ts';
import { dns1123Label, dns1123Subdomain, fullyQualifiedDomainNameProblems, labelValueProblems, qualifiedNameProblems } from './formats.ts';
import { goStruct } from './go-value.ts';
import { taintEffect, validateTolerations } from './pod/placement.ts';
import { validateResourceRequirements } from './resources.ts';
import type { Validator } from './validator.ts';
import { webhookConfigurationRules } from './webhooks.ts';

function namespace(object: JsonObject): FieldError[] {
  return strings(obj(object, 'spec'), 'finalizers').flatMap((name) => [
    ...eachInvalid('spec.finalizers', name, qualifiedNameProblems(name)),
    ...(name.includes('/') || ['kubernetes', 'orphan', 'foregroundDeletion'].includes(name) ? [] : [invalidValue('spec.finalizers', name, 'name is neither a standard finalizer name nor is it fully qualified')]),
  ]);
}

function taints(spec: JsonObject | undefined): FieldError[] {
  const seen = new Set<string>();
  return each(objects(spec, 'taints'), 'spec.taints', (taint, at) => {
    const key = str(taint, 'key');
    const errors = labelName(key, `${at}.key`);
    errors.push(...eachInvalid(`${at}.value`, str(taint, 'value'), labelValueProblems(str(taint, 'value'))), ...taintEffect(str(taint, 'effect'), `${at}.effect`));
    const id = `${key}:${str(taint, 'effect')}`;
    if (seen.has(id)) errors.push({ ...duplicate(at, goText(id)), message: `Duplicate value: ${id}: taints must be unique by key and effect pair` });
    seen.add(id);
    return errors;
  });
}

function node(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const errors = taints(spec);
  for (const [index, range] of strings(spec, 'podCIDRs').entries()) {
    if (parseCidr(range) === undefined) errors.push(invalidValue(`spec.podCIDRs[${index}]`, range, cidrText));
  }
  return errors;
}

/** What was unset may be set once. */
function setOnce(spec: JsonObject | undefined, old: JsonObject | undefined, key: string): FieldError[] {
  const before = get(old, key);
  const empty = before === undefined || before === '' || (Array.isArray(before) && before.length === 0);
  if (empty || equalJson(before, get(spec, key) ?? null)) return [];
  return [forbiddenField(`spec.${key}`, `node updates may not change ${key} except from "" to valid`)];
}

function nodeUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const before = obj(old, 'spec');
  return [...node(object), ...setOnce(spec, before, 'podCIDRs').map((error) => ({ ...error, message: 'Forbidden: node updates may not change podCIDR except from "" to valid' })), ...setOnce(spec, before, 'providerID')];
}

// Certificates --------------------------------------------------------------------------------------------------------

function certificateSigningRequest(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const request = str(spec, 'request');
  const signer = str(spec, 'signerName');
  const errors: FieldError[] = [];
  const text = request === '' ? '' : new TextDecoder().decode(Uint8Array.fromBase64(request));
  if (!/-----BEGIN CERTIFICATE REQUEST-----[\s\S]+-----END CERTIFICATE REQUEST-----/.test(text)) {
    errors.push(invalidValue('spec.request', goText('[]byte{…}'), 'PEM block type must be CERTIFICATE REQUEST'));
  }
  if (strings(spec, 'usages').length === 0) errors.push(required('spec.usages'));
  const seen = new Set<string>();
  for (const [index, usage] of strings(spec, 'usages').entries()) {
    if (!keyUsages.includes(usage)) errors.push(notSupported(`spec.usages[${index}]`, usage, keyUsages));
    if (seen.has(usage)) errors.push(duplicate(`spec.usages[${index}]`, usage));
    seen.add(usage);
  }
  errors.push(...signerName(signer));
  const seconds = optionalNumber(spec, 'expirationSeconds');
  if (seconds !== undefined && seconds < 600) errors.push(invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  return errors;
}

const keyUsages: readonly string[] = [
  'any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only', 'digital signature', 'email protection', 'encipher only',
  'ipsec end system', 'ipsec tunnel', 'ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping',
];

function signerName(name: string): FieldError[] {
  if (name === '') return [required('spec.signerName')];
  const [domain = '', path, ...rest] = name.split('/');
  if (path === undefined || rest.length > 0) return [invalidValue('spec.signerName', name, 'must be a fully qualified domain and path of the form "example.com/signer-name"')];
  return eachInvalid('spec.signerName', domain, [...fullyQualifiedDomainNameProblems(domain), ...dns1123Subdomain(path)]);
}

function certificateUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const errors = certificateSigningRequest(object);
  const conditions = objects(obj(object, 'status'), 'conditions');
  const types = new Set(conditions.map((one) => str(one, 'type')));
  for (const [index, one] of conditions.entries()) {
    if (str(one, 'type') === '') errors.push(required(`status.conditions[${index}].type`));
    if (['Approved', 'Denied', 'Failed'].includes(str(one, 'type')) && str(one, 'status') !== 'True') errors.push(notSupported(`status.conditions[${index}].status`, str(one, 'status'), ['True']));
  }
  if (types.has('Approved') && types.has('Denied')) errors.push(invalidValue('status.conditions', 'Denied', 'Approved and Denied conditions are mutually exclusive'));
  for (const one of objects(obj(old, 'status'), 'conditions')) {
    if (['Approved', 'Denied', 'Failed'].includes(str(one, 'type')) && !types.has(str(one, 'type'))) errors.push(forbiddenField('status.conditions', `updates may not remove a condition of type ${JSON.stringify(str(one, 'type'))}`));
  }
  return errors;
}

// Extensions ----------------------------------------------------------------------------------------------------------

function apiService(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const name = str(obj(object, 'metadata'), 'name');
  const wanted = `${str(spec, 'version')}.${str(spec, 'group')}`;
  const errors: FieldError[] = name === '' || name === wanted ? [] : [invalidValue('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`)];
  const group = num(spec, 'groupPriorityMinimum');
  const version = num(spec, 'versionPriority');
  if (group <= 0 || group > 20000) errors.push(invalidValue('spec.groupPriorityMinimum', group, 'must be positive and less than 20000'));
  if (version <= 0 || version > 1000) errors.push(invalidValue('spec.versionPriority', version, 'must be positive and less than 1000'));
  const service = obj(spec, 'service');
  if (service === undefined) {
    if (has(spec, 'caBundle')) errors.push(invalidValue('spec.caBundle', goText('[]byte{…}'), 'local APIServices may not have a caBundle'));
    return errors;
  }
  errors.push(...['namespace', 'name'].flatMap((key) => requireString(service, key, 'spec.service')));
  if (spec?.['insecureSkipTLSVerify'] === true && has(spec, 'caBundle')) errors.push(invalidValue('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  return errors;
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


const levelTypes = ['Exempt', 'Limited'];

function priorityLevel(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const type = str(spec, 'type');
  const limited = obj(spec, 'limited');
  const errors = requireOneOf(type, 'spec.type', levelTypes, 'unsupported');
  if (type === 'Limited' && limited === undefined) errors.push(required('spec.limited', 'must not be empty when type is Limited'));
  if (type === 'Exempt' && limited !== undefined) errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'));
  const response = obj(limited, 'limitResponse');
  if (type === 'Limited' && limited !== undefined) {
    errors.push(...requireOneOf(str(response, 'type'), 'spec.limited.limitResponse.type', ['Queue', 'Reject'], 'unsupported'));
    if (str(response, 'type') === 'Queue' && !has(response, 'queuing')) errors.push(required('spec.limited.limitResponse.queuing', 'must not be empty if limitResponse.type is Limited'));
  }
  return errors;
}


/** An event lives where its object lives; what has no namespace tells of itself in `default`. */
function event(object: JsonObject): FieldError[] {
  const namespace = str(obj(object, 'metadata'), 'namespace');
  const about = str(obj(object, 'involvedObject') ?? obj(object, 'regarding'), 'namespace');
  const fits = about === '' ? ['', 'default', 'kube-system'].includes(namespace) : about === namespace;
  return fits ? [] : [invalidValue('involvedObject.namespace', about, 'does not match event.namespace')];
}

export const clusterValidators: Readonly<Record<string, Validator>> = {
  namespaces: { create: namespace },
  events: { create: event },
  'events.events.k8s.io': { create: event },
  nodes: { create: node, update: nodeUpdate },
  'certificatesigningrequests.certificates.k8s.io': { create: certificateSigningRequest, update: certificateUpdate, updateStatus: certificateUpdate },
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfigurationRules,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfigurationRules,
  'apiservices.apiregistration.k8s.io': { create: apiService },
  'runtimeclasses.node.k8s.io': {
    create: runtimeClass,
    update: (object, old) => [...runtimeClass(object), ...(str(object, 'handler') === str(old, 'handler') ? [] : [invalidValue('handler', str(object, 'handler'), immutableText)])],
  },
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': { create: priorityLevel },
};
