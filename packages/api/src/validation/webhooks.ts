/** Mutating- and ValidatingWebhookConfiguration. */
import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { get, has, list, num, obj, objects, optionalNumber, str, strings } from './access.ts';
import { each, oneOfIfGiven, validateLabelSelector } from './common.ts';
import { duplicate, eachInvalid, goStrings, invalidValue, notSupported, required } from './errors.ts';
import { dns1035Label, dns1123Subdomain, portNumberProblems } from './formats.ts';
import { validateMatchConditions } from './match-conditions.ts';

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const reviewVersions = ['v1', 'v1beta1'];

/** Patterns that say twice the same thing are refused. */
function resourceErrors(resources: readonly string[], field: string): FieldError[] {
  if (resources.length === 0) return [required(field)];
  const allOf = new Set<string>();
  const everywhere = new Set<string>();
  const errors = each(resources, field, (pattern, at) => {
    if (pattern === '') return [required(at)];
    const slash = pattern.indexOf('/');
    if (slash === -1) return [];
    const [resource, sub] = [pattern.slice(0, slash), pattern.slice(slash + 1)];
    const found: FieldError[] = [];
    if (allOf.has(resource)) found.push(invalidValue(at, pattern, `if '${resource}/*' is present, must not specify ${pattern}`));
    if (everywhere.has(sub)) found.push(invalidValue(at, pattern, `if '*/${sub}' is present, must not specify ${pattern}`));
    if (sub === '*') allOf.add(resource);
    if (resource === '*') everywhere.add(sub);
    return found;
  });
  const plain = resources.findLast((pattern) => pattern !== '' && !pattern.includes('/'));
  if (resources.length > 1 && resources.includes('*/*')) errors.push(invalidValue(field, goStrings('[]string', resources), "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && plain !== undefined && plain !== '*') errors.push(invalidValue(field, goStrings('[]string', resources), "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

function wildcardErrors(items: readonly string[], field: string, what: string, type = '[]string'): FieldError[] {
  if (items.length === 0) return [required(field)];
  return items.length > 1 && items.includes('*') ? [invalidValue(field, goStrings(type, items), `if '*' is present, must not specify other ${what}`)] : [];
}

export function ruleErrors(rule: JsonObject, field: string): FieldError[] {
  const versions = strings(rule, 'apiVersions');
  const asked = strings(rule, 'operations');
  return [
    ...wildcardErrors(asked, `${field}.operations`, 'operations', '[]admissionregistration.OperationType'),
    ...each(asked, `${field}.operations`, (operation, at) => (operations.includes(operation) ? [] : [notSupported(at, operation, operations)])),
    ...wildcardErrors(strings(rule, 'apiGroups'), `${field}.apiGroups`, 'API groups'),
    ...wildcardErrors(versions, `${field}.apiVersions`, 'API versions'),
    ...each(versions, `${field}.apiVersions`, (version, at) => (version === '' ? [required(at)] : [])),
    ...resourceErrors(strings(rule, 'resources'), `${field}.resources`),
    ...oneOfIfGiven(rule, 'scope', field, ['*', 'Cluster', 'Namespaced']),
  ];
}

const form = '; desired format: https://host[/path]';

/** For webhooks of admission and of conversion. */
function webhookUrlErrors(text: string, field: string): FieldError[] {
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  const [, scheme = '', authority = '', , query = '', fragment = ''] = match ?? [];
  const at = authority.lastIndexOf('@');
  const errors: FieldError[] = [];
  if (scheme.toLowerCase() !== 'https') errors.push(invalidValue(field, scheme, `'https' is the only allowed URL scheme${form}`));
  if (authority.slice(at + 1) === '') errors.push(invalidValue(field, '', `host must be specified${form}`));
  if (at !== -1) errors.push(invalidValue(field, authority.slice(0, at), 'user information is not permitted in the URL'));
  if (fragment !== '') errors.push(invalidValue(field, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(invalidValue(field, query, 'query parameters are not permitted in the URL'));
  return errors;
}

function servicePathErrors(path: string, field: string): FieldError[] {
  if (path === '' || path === '/') return [];
  if (path === '//') return [invalidValue(field, path, 'segment[0] may not be empty')];
  const errors = path.startsWith('/') ? [] : [invalidValue(field, path, "must start with a '/'")];
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  return [...errors, ...steps.flatMap((step, index) => eachInvalid(field, path, step === '' ? [`segment[${index}] may not be empty`] : dns1123Subdomain(step).map((why) => `segment[${index}]: ${why}`)))];
}

function webhookServiceErrors(service: JsonObject, field: string): FieldError[] {
  const port = num(service, 'port');
  return [
    // Upstream mixes the two up.
    ...(str(service, 'namespace') === '' ? [required(`${field}.name`, 'service name is required')] : []),
    ...(str(service, 'name') === '' ? [required(`${field}.namespace`, 'service namespace is required')] : []),
    ...portNumberProblems(port).map((why) => invalidValue(`${field}.port`, port, `port is not valid: ${why}`)),
    ...servicePathErrors(str(service, 'path'), `${field}.path`),
  ];
}

function clientConfigErrors(config: JsonObject | undefined, field: string): FieldError[] {
  const service = obj(config, 'service');
  if (has(config, 'url') === (service !== undefined)) return [required(field, 'exactly one of url or service is required')];
  return service === undefined ? webhookUrlErrors(str(config, 'url'), `${field}.url`) : webhookServiceErrors(service, `${field}.service`);
}

function nameErrors(name: string, field: string): FieldError[] {
  if (name === '') return [required(field)];
  const problems = dns1123Subdomain(name);
  if (problems.length > 0) return [invalidValue(field, name, problems.join(','))];
  return name.split('.').length < 3 ? [invalidValue(field, name, 'should be a domain with at least three segments separated by dots')] : [];
}

/** An update may keep what was not refused when it was written. */
interface Kept {
  readonly anySideEffects: boolean;
  readonly anyReviewVersion: boolean;
  readonly anyNames: boolean;
  readonly conditions: boolean;
  readonly expressions: ReadonlySet<string>;
}

const nothingKept: Kept = { anySideEffects: false, anyReviewVersion: false, anyNames: false, conditions: false, expressions: new Set() };

function webhookErrors(one: JsonObject, field: string, kept: Kept): FieldError[] {
  const timeout = optionalNumber(one, 'timeoutSeconds');
  const effects = kept.anySideEffects ? ['None', 'NoneOnDryRun', 'Some', 'Unknown'] : ['None', 'NoneOnDryRun'];
  const errors = [
    ...nameErrors(str(one, 'name'), `${field}.name`),
    ...each(objects(one, 'rules'), `${field}.rules`, ruleErrors),
    ...oneOfIfGiven(one, 'failurePolicy', field, ['Fail', 'Ignore']),
    ...oneOfIfGiven(one, 'matchPolicy', field, ['Equivalent', 'Exact']),
    ...(has(one, 'sideEffects') ? (effects.includes(str(one, 'sideEffects')) ? [] : [notSupported(`${field}.sideEffects`, str(one, 'sideEffects'), effects)]) : [required(`${field}.sideEffects`, `must specify one of ${effects.join(', ')}`)]),
  ];
  if (timeout !== undefined && (timeout < 1 || timeout > 30)) errors.push(invalidValue(`${field}.timeoutSeconds`, timeout, 'the timeout value must be between 1 and 30 seconds'));
  append(errors, [...validateLabelSelector(obj(one, 'namespaceSelector'), `${field}.namespaceSelector`), ...validateLabelSelector(obj(one, 'objectSelector'), `${field}.objectSelector`)]);
  append(errors, [...oneOfIfGiven(one, 'reinvocationPolicy', field, ['IfNeeded', 'Never']), ...clientConfigErrors(obj(one, 'clientConfig'), `${field}.clientConfig`)]);
  if (!kept.conditions) append(errors, validateMatchConditions(one, `${field}.matchConditions`, kept.expressions));
  return errors;
}

function reviewVersionErrors(one: JsonObject, field: string, kept: Kept): FieldError[] {
  const versions = strings(one, 'admissionReviewVersions');
  if (versions.length === 0) return [required(field, `must specify one of ${reviewVersions.join(', ')}`)];
  const seen = new Set<string>();
  const errors = each(versions, field, (version, at) => {
    if (seen.has(version)) return [invalidValue(at, version, 'duplicate version')];
    seen.add(version);
    return eachInvalid(at, version, dns1035Label(version));
  });
  const known = versions.some((version) => reviewVersions.includes(version));
  if (!known && !kept.anyReviewVersion) errors.push(invalidValue(field, goStrings('[]string', versions), `must include at least one of ${reviewVersions.join(', ')}`));
  return errors;
}

function validate(object: JsonObject, kept: Kept): FieldError[] {
  const names = new Set<string>();
  return each(objects(object, 'webhooks'), 'webhooks', (one, at) => {
    const name = str(one, 'name');
    const errors = [...webhookErrors(one, at, kept), ...reviewVersionErrors(one, `${at}.admissionReviewVersions`, kept)];
    if (!kept.anyNames && name !== '' && names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return errors;
  });
}

function hasUniqueNames(webhooks: readonly JsonObject[]): boolean {
  return new Set(webhooks.map((one) => str(one, 'name'))).size === webhooks.length;
}

function keptFrom(object: JsonObject, old: JsonObject): Kept {
  const [now, before] = [objects(object, 'webhooks'), objects(old, 'webhooks')];
  return {
    anySideEffects: !before.every((one) => ['None', 'NoneOnDryRun'].includes(str(one, 'sideEffects'))),
    anyReviewVersion: !before.every((one) => list(one, 'admissionReviewVersions').length === 0 || strings(one, 'admissionReviewVersions').some((version) => reviewVersions.includes(version))),
    anyNames: !hasUniqueNames(before),
    conditions: now.length === before.length && now.every((one, index) => equalJson(get(one, 'matchConditions') ?? null, get(before[index], 'matchConditions') ?? null)),
    expressions: new Set(before.flatMap((one) => objects(one, 'matchConditions').map((condition) => str(condition, 'expression')))),
  };
}

export const webhookConfigurationRules = {
  create: (object: JsonObject): FieldError[] => validate(object, nothingKept),
  update: (object: JsonObject, old: JsonObject): FieldError[] => validate(object, keptFrom(object, old)),
};
