import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { bool, has, list, num, obj, objects, str, strings } from './access.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, goText, invalidValue, notSupported, required } from './errors.ts';
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
  append(errors, (level === '' ? [required(at, 'must reference a priority level')] : eachInvalid(at, level, dns1123Subdomain(level))));
  return [...errors, ...each(objects(spec, 'rules'), 'spec.rules', policyRule)];
}

// Priority levels -----------------------------------------------------------------------------------------------------

const maxQueues = 10_000_000;
const maxEntropyBits = 60;

/** Bits that dealing a hand takes: of a deck one smaller for each card. */
function entropyBits(deckSize: number, handSize: number): number {
  let choices = 1;
  for (let card = 0; card < handSize; card += 1) choices *= deckSize - card;
  return Math.ceil(Math.log2(choices));
}

function handErrors(hand: number, queues: number, field: string): FieldError[] {
  if (hand <= 0) return [invalidValue(field, hand, 'must be positive')];
  if (hand > queues) return [invalidValue(field, hand, `should not be greater than queues (${queues})`)];
  if (entropyBits(queues, hand) <= maxEntropyBits) return [];
  return [invalidValue(field, hand, `required entropy bits of deckSize ${queues} and handSize ${hand} should not be greater than ${maxEntropyBits}`)];
}

function queuingErrors(queuing: JsonObject, at: string): FieldError[] {
  const [limit, queues] = [num(queuing, 'queueLengthLimit'), num(queuing, 'queues')];
  const errors = limit <= 0 ? [invalidValue(`${at}.queueLengthLimit`, limit, 'must be positive')] : [];
  if (queues <= 0) errors.push(invalidValue(`${at}.queues`, queues, 'must be positive'));
  else if (queues > maxQueues) errors.push(invalidValue(`${at}.queues`, queues, `must not be greater than ${maxQueues}`));
  return [...errors, ...handErrors(num(queuing, 'handSize'), queues, `${at}.handSize`)];
}

function responseErrors(response: JsonObject | undefined, at: string): FieldError[] {
  const type = str(response, 'type');
  const queuing = obj(response, 'queuing');
  const when = 'if limited.limitResponse.type is';
  switch (type) {
    case 'Reject': return queuing === undefined ? [] : [forbiddenField(`${at}.queuing`, `must be nil ${when} not Limited`)];
    case 'Queue': return queuing === undefined ? [required(`${at}.queuing`, `must not be empty ${when} Limited`)] : queuingErrors(queuing, `${at}.queuing`);
    default: return [notSupported(`${at}.type`, type, ['Queue', 'Reject'])];
  }
}

function sharesErrors(level: JsonObject | undefined, at: string): FieldError[] {
  const shares = num(level, 'nominalConcurrencyShares');
  return shares < 0 ? [invalidValue(`${at}.nominalConcurrencyShares`, shares, 'must be a non-negative integer')] : [];
}

function lendableErrors(level: JsonObject | undefined, at: string): FieldError[] {
  const percent = num(level, 'lendablePercent');
  return percent < 0 || percent > 100 ? [invalidValue(`${at}.lendablePercent`, percent, 'must be between 0 and 100, inclusive')] : [];
}

function limitedErrors(level: JsonObject, at: string): FieldError[] {
  const borrowed = num(level, 'borrowingLimitPercent');
  return [
    ...sharesErrors(level, at), ...responseErrors(obj(level, 'limitResponse'), `${at}.limitResponse`), ...lendableErrors(level, at),
    ...(borrowed < 0 ? [invalidValue(`${at}.borrowingLimitPercent`, borrowed, 'if specified, must be a non-negative integer')] : []),
  ];
}

function levelSpecErrors(spec: JsonObject | undefined): FieldError[] {
  const [type, limited, exempt] = [str(spec, 'type'), obj(spec, 'limited'), obj(spec, 'exempt')];
  switch (type) {
    case 'Exempt':
      return [...(limited === undefined ? [] : [forbiddenField('spec.limited', 'must be nil if the type is not Limited')]), ...sharesErrors(exempt, 'spec.exempt'), ...lendableErrors(exempt, 'spec.exempt')];
    case 'Limited':
      return [
        ...(exempt === undefined ? [] : [forbiddenField('spec.exempt', 'must be nil if the type is Limited')]),
        ...(limited === undefined ? [required('spec.limited', 'must not be empty when type is Limited')] : limitedErrors(limited, 'spec.limited')),
      ];
    default: return [notSupported('spec.type', type, ['Exempt', 'Limited'])];
  }
}

function priorityLevel(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const type = str(spec, 'type');
  const fits = (str(obj(object, 'metadata'), 'name') === 'exempt') === (type === 'Exempt');
  return [...(fits ? [] : [invalidValue('spec.type', type, "type must be 'Exempt' if and only if name is 'exempt'")]), ...levelSpecErrors(spec)];
}

function priorityLevelStatus(object: JsonObject): FieldError[] {
  const seen = new Set<string>();
  return each(objects(obj(object, 'status'), 'conditions'), 'status.conditions', (one, at) => {
    const type = str(one, 'type');
    const errors = seen.has(type) ? [duplicate(`${at}.type`, type)] : [];
    seen.add(type);
    return type === '' ? [...errors, required(`${at}.type`, 'must not be empty')] : errors;
  });
}

export const flowControlValidators: Readonly<Record<string, Validator>> = {
  'flowschemas.flowcontrol.apiserver.k8s.io': { create: flowSchema },
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': { create: priorityLevel, updateStatus: priorityLevelStatus },
};
