import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { bool, has, list, num, obj, objects, str, strings } from './access.ts';
import { eachInvalid, forbiddenField, goStrings, goText, invalidValue, notSupported, required } from './errors.ts';
import { each, requireString } from './common.ts';
import { dns1123Label, dns1123Subdomain } from './formats.ts';
import { goStruct } from './go-value.ts';
import type { Validator } from './validator.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const subjectKinds = ['Group', 'ServiceAccount', 'User'];
const subjectFields: Readonly<Record<string, string>> = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' };

function serviceAccount(one: JsonObject, at: string): FieldError[] {
  const name = str(one, 'name');
  const namespace = str(one, 'namespace');
  return [
    ...(name === '' ? [required(`${at}.name`)] : name === '*' ? [] : eachInvalid(`${at}.name`, name, dns1123Subdomain(name))),
    ...(namespace === '' ? [required(`${at}.namespace`, 'must specify namespace for service account')] : eachInvalid(`${at}.namespace`, namespace, dns1123Label(namespace))),
  ];
}

/** Says who is meant in the one field that its kind names. */
function subject(one: JsonObject, at: string): FieldError[] {
  const kind = str(one, 'kind');
  const field = subjectFields[kind];
  if (field === undefined) return [notSupported(`${at}.kind`, kind, subjectKinds)];
  const own = obj(one, field);
  const errors = own === undefined ? [required(`${at}.${field}`, `${field} is required when subject kind is '${kind}'`)]
    : kind === 'ServiceAccount' ? serviceAccount(own, `${at}.${field}`) : requireString(own, 'name', `${at}.${field}`);
  const others = (['ServiceAccount', 'User', 'Group'] as const).filter((other) => other !== kind && has(one, subjectFields[other] as string));
  return [...errors, ...others.map((other) => forbiddenField(`${at}.${subjectFields[other] as string}`, `${subjectFields[other] as string} is forbidden when subject kind is not '${other}'`))];
}

function alone(rule: JsonObject, key: string, at: string, words: string): FieldError[] {
  const all = strings(rule, key);
  return all.length > 1 && all.includes('*') ? [invalidValue(`${at}.${key}`, goStrings('[]string', all), `if '*' is present, must not specify other ${words}`)] : [];
}

function ruleVerbs(rule: JsonObject, at: string): FieldError[] {
  const all = strings(rule, 'verbs');
  if (all.length === 0) return [required(`${at}.verbs`, 'verbs must contain at least one value')];
  if (all.includes('*')) return alone(rule, 'verbs', at, 'verbs');
  return all.every((verb) => verbs.includes(verb)) ? [] : [notSupported(`${at}.verbs`, goStrings('[]string', all), verbs)];
}

function namespaces(rule: JsonObject, at: string): FieldError[] {
  const all = strings(rule, 'namespaces');
  const field = `${at}.namespaces`;
  if (all.length === 0 && !bool(rule, 'clusterScope')) return [required(field, 'resource rules that are not cluster scoped must supply at least one namespace')];
  if (all.includes('*')) return alone(rule, 'namespaces', at, 'namespaces');
  return all.flatMap((name, index) => eachInvalid(`${field}[${index}]`, name, dns1123Label(name).map((text) => `each member of this list must be '*' or a DNS-1123 label; ${text}`)));
}

function resourceRule(rule: JsonObject, at: string): FieldError[] {
  const named = (key: string, missing: string, words: string): FieldError[] => (strings(rule, key).length === 0 ? [required(`${at}.${key}`, `resource rules must supply at least one ${missing}`)] : alone(rule, key, at, words));
  return [...ruleVerbs(rule, at), ...named('apiGroups', 'api group', 'api groups'), ...named('resources', 'resource', 'resources'), ...namespaces(rule, at)];
}

/** A path, or a path and all below it. */
function urlPath(path: string, field: string): FieldError[] {
  if (path === '') return [invalidValue(field, path, 'must not be empty')];
  if (path === '/') return [];
  if (!path.startsWith('/')) return [invalidValue(field, path, 'must start with slash')];
  if (path.includes(' ')) return [invalidValue(field, path, 'must not contain white-space')];
  if (path.includes('//')) return [invalidValue(field, path, 'must not contain double slash')];
  const star = path.indexOf('*');
  return star >= 0 && (star !== path.length - 1 || path[star - 1] !== '/') ? [invalidValue(field, path, 'wildcard can only do suffix matching')] : [];
}

function pathRule(rule: JsonObject, at: string): FieldError[] {
  const paths = strings(rule, 'nonResourceURLs');
  const field = `${at}.nonResourceURLs`;
  if (paths.length === 0) return [...ruleVerbs(rule, at), required(field, 'nonResourceURLs must contain at least one value')];
  if (paths.includes('*')) return [...ruleVerbs(rule, at), ...alone(rule, 'nonResourceURLs', at, 'non-resource URLs')];
  return [...ruleVerbs(rule, at), ...paths.flatMap((path, index) => urlPath(path, `${field}[${index}]`))];
}

function policyRule(rule: JsonObject, at: string): FieldError[] {
  const subjects = objects(rule, 'subjects');
  const none = list(rule, 'resourceRules').length === 0 && list(rule, 'nonResourceRules').length === 0;
  return [
    ...(subjects.length === 0 ? [required(`${at}.subjects`, 'subjects must contain at least one value')] : each(subjects, `${at}.subjects`, subject)),
    ...(none ? [required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty')] : []),
    ...each(objects(rule, 'resourceRules'), `${at}.resourceRules`, resourceRule), ...each(objects(rule, 'nonResourceRules'), `${at}.nonResourceRules`, pathRule),
  ];
}

function flowSchema(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const precedence = num(spec, 'matchingPrecedence');
  const level = str(obj(spec, 'priorityLevelConfiguration'), 'name');
  const method = obj(spec, 'distinguisherMethod');
  const field = 'spec.matchingPrecedence';
  const errors: FieldError[] = [];
  if (precedence <= 0) errors.push(invalidValue(field, precedence, 'must be a positive value'));
  if (precedence > 10_000) errors.push(invalidValue(field, precedence, 'must not be greater than 10000'));
  if (precedence === 1 && str(obj(object, 'metadata'), 'name') !== 'exempt') errors.push(invalidValue(field, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  if (method !== undefined && !['ByNamespace', 'ByUser'].includes(str(method, 'type'))) {
    errors.push(notSupported('spec.distinguisherMethod.type', goText(goStruct('io.k8s.api.flowcontrol.v1.FlowDistinguisherMethod', method).text), ['ByNamespace', 'ByUser']));
  }
  const at = 'spec.priorityLevelConfiguration.name';
  errors.push(...(level === '' ? [required(at, 'must reference a priority level')] : eachInvalid(at, level, dns1123Subdomain(level))));
  return [...errors, ...each(objects(spec, 'rules'), 'spec.rules', policyRule)];
}

export const flowControlValidators: Readonly<Record<string, Validator>> = { 'flowschemas.flowcontrol.apiserver.k8s.io': { create: flowSchema } };
