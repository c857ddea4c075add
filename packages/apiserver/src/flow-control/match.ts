import { parseServiceAccountName } from '../authn/users.ts';
import type { Json, JsonObject } from '@coxswain/api';
import { at, isObject, strings, text } from '../registry/object.ts';
import type { RequestInfo, UserInfo } from '../types.ts';

export interface Asking {
  readonly info: RequestInfo;
  readonly user: UserInfo;
}

type Matches = (asking: Asking) => boolean;

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** `*` counts only if it stands alone, as upstream reads it. */
function oneOf(list: readonly string[]): (value: string) => boolean {
  if (list.length === 1 && list[0] === '*') return () => true;
  const values = new Set(list);
  return (value) => values.has(value);
}

function serviceAccountMatches(subject: JsonObject): Matches {
  const name = text(subject, 'name');
  const namespace = text(subject, 'namespace');
  return ({ user }) => {
    if (!user.name.startsWith('system:serviceaccount:')) return false;
    const account = parseServiceAccountName(user.name);
    return account !== undefined && account.namespace === namespace && (name === '*' || account.name === name);
  };
}

function subjectMatches(subject: JsonObject): Matches {
  const of = (field: string): JsonObject => {
    const value = subject[field];
    return isObject(value) ? value : {};
  };
  switch (subject['kind']) {
    case 'User': {
      const name = text(of('user'), 'name');
      return name === '*' ? () => true : ({ user }) => user.name === name;
    }
    case 'Group': {
      const name = text(of('group'), 'name');
      return name === '*' ? () => true : ({ user }) => user.groups.includes(name);
    }
    case 'ServiceAccount': return serviceAccountMatches(of('serviceAccount'));
    default: return () => false;
  }
}

function resourceRuleMatches(rule: JsonObject): Matches {
  const [verb, group, resource, namespace] = ['verbs', 'apiGroups', 'resources', 'namespaces'].map((field) => oneOf(strings(rule, field))) as [(value: string) => boolean, (value: string) => boolean, (value: string) => boolean, (value: string) => boolean];
  const clusterScope = rule['clusterScope'] === true;
  return ({ info }) => verb(info.verb) && group(info.group) && resource(info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`)
    && (info.namespace === '' ? clusterScope : namespace(info.namespace));
}

function pathMatches(rule: string): (path: string) => boolean {
  if (rule === '*') return () => true;
  const stem = rule.endsWith('*') ? rule.slice(0, -1) : rule;
  const prefix = stem.endsWith('/') ? stem : `${stem}/`;
  return (path) => path === rule || path.startsWith(prefix);
}

function nonResourceRuleMatches(rule: JsonObject): Matches {
  const verb = oneOf(strings(rule, 'verbs'));
  const paths = strings(rule, 'nonResourceURLs').map(pathMatches);
  return ({ info }) => verb(info.verb) && paths.some((matches) => matches(info.path));
}

function ruleMatches(rule: JsonObject): Matches {
  const subjects = objects(rule['subjects']).map(subjectMatches);
  const resourceRules = objects(rule['resourceRules']).map(resourceRuleMatches);
  const otherRules = objects(rule['nonResourceRules']).map(nonResourceRuleMatches);
  return (asking) => subjects.some((matches) => matches(asking)) && (asking.info.isResourceRequest ? resourceRules : otherRules).some((matches) => matches(asking));
}

/** A FlowSchema, read once. */
export interface Schema {
  readonly name: string;
  readonly uid: string;
  readonly level: string;
  readonly precedence: number;
  matches(asking: Asking): boolean;
  /** What tells the flows of this schema apart. */
  distinguisher(asking: Asking): string;
}

export function schemaOf(object: JsonObject): Schema {
  const rules = objects(at(object, 'spec', 'rules')).map(ruleMatches);
  const method = at(object, 'spec', 'distinguisherMethod', 'type');
  const precedence = at(object, 'spec', 'matchingPrecedence');
  const metadata = isObject(object['metadata']) ? object['metadata'] : {};
  const level = at(object, 'spec', 'priorityLevelConfiguration', 'name');
  return {
    name: text(metadata, 'name'), uid: text(metadata, 'uid'), level: typeof level === 'string' ? level : '', precedence: typeof precedence === 'number' ? precedence : 1000,
    matches: (asking) => rules.some((matches) => matches(asking)),
    distinguisher: ({ info, user }) => (method === 'ByUser' ? user.name : method === 'ByNamespace' ? info.namespace : ''),
  };
}

/** In the order in which they are tried. */
export function inOrder(schemas: readonly Schema[]): readonly Schema[] {
  return schemas.toSorted((a, b) => a.precedence - b.precedence || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
