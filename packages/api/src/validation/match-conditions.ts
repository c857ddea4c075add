import { authorizerDecl, boolDecl, celEnvironment, dynDecl, intDecl, listDecl, mapDecl, objectDecl, resourceCheckDecl, stringDecl, timestampDecl, type DeclType, type Environment, type ObjectDeclType } from '@coxswain/cel';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { objects, str } from './access.ts';
import { each } from './common.ts';
import { duplicate, eachInvalid, invalidValue, required, tooMany } from './errors.ts';
import { qualifiedNameProblems } from './formats.ts';

const gvk = objectDecl('kubernetes.GroupVersionKind', { group: stringDecl, version: stringDecl, kind: stringDecl });
const gvr = objectDecl('kubernetes.GroupVersionResource', { group: stringDecl, version: stringDecl, resource: stringDecl });
const userInfo = objectDecl('kubernetes.UserInfo', { username: stringDecl, uid: stringDecl, groups: listDecl(stringDecl), extra: mapDecl(listDecl(stringDecl)) });

/** `request` of admission's expressions. */
export const admissionRequestDecl: DeclType = objectDecl('kubernetes.AdmissionRequest', {
  kind: gvk, resource: gvr, subResource: stringDecl, requestKind: gvk, requestResource: gvr, requestSubResource: stringDecl, name: stringDecl, namespace: stringDecl, operation: stringDecl,
  userInfo, dryRun: boolDecl, options: dynDecl,
});

const namespaceCondition = objectDecl('kubernetes.NamespaceCondition', { status: stringDecl, type: stringDecl, lastTransitionTime: timestampDecl, message: stringDecl, reason: stringDecl });

/** `namespaceObject` of admission's expressions. */
export const admissionNamespaceDecl: ObjectDeclType = objectDecl('kubernetes.Namespace', {
  metadata: objectDecl('kubernetes.NamespaceMetadata', {
    name: stringDecl, generateName: stringDecl, namespace: stringDecl, labels: mapDecl(stringDecl), annotations: mapDecl(stringDecl), UID: stringDecl, creationTimestamp: timestampDecl,
    deletionGracePeriodSeconds: intDecl, deletionTimestamp: timestampDecl, generation: intDecl, resourceVersion: stringDecl, finalizers: listDecl(stringDecl),
  }),
  spec: objectDecl('kubernetes.NamespaceSpec', { finalizers: listDecl(stringDecl) }),
  status: objectDecl('kubernetes.NamespaceStatus', { conditions: listDecl(namespaceCondition), phase: stringDecl }),
});

const environments = new Map<'new' | 'stored', Environment>();

/** What the match conditions of webhooks are compiled in. Made when first needed. */
export function matchConditionEnvironment(expressions: 'new' | 'stored'): Environment {
  const known = environments.get(expressions);
  if (known !== undefined) return known;
  const made = celEnvironment({
    expressions,
    variables: { object: dynDecl, oldObject: dynDecl, namespaceObject: { ...admissionNamespaceDecl, nullable: true }, request: admissionRequestDecl, authorizer: authorizerDecl, 'authorizer.requestResource': resourceCheckDecl },
  });
  environments.set(expressions, made);
  return made;
}

/** Why an expression is no condition; undefined: it is one. */
export function conditionProblem(environment: Environment, expression: string): string | undefined {
  const result = environment.compile(expression);
  if (!result.ok) return `compilation failed: ${result.message}`;
  return result.program.resultType.kind === 'bool' ? undefined : `must evaluate to bool but got ${result.program.resultType.text}`;
}

const maxConditions = 64;

function expressionErrors(given: string, field: string, stored: ReadonlySet<string>): FieldError[] {
  const expression = given.trim();
  if (expression === '') return [required(field)];
  const problem = conditionProblem(matchConditionEnvironment(stored.has(expression) ? 'stored' : 'new'), expression);
  return problem === undefined ? [] : [invalidValue(field, expression, problem)];
}

/** `stored`: expressions that are there already may use what newer servers know. */
export function validateMatchConditions(owner: JsonObject | undefined, field: string, stored: ReadonlySet<string> = new Set()): FieldError[] {
  const conditions = objects(owner, 'matchConditions');
  const names = new Set<string>();
  const errors: FieldError[] = conditions.length > maxConditions ? [tooMany(field, conditions.length, maxConditions)] : [];
  errors.push(...each(conditions, field, (condition, at) => {
    const name = str(condition, 'name');
    const found = expressionErrors(str(condition, 'expression'), `${at}.expression`, stored);
    found.push(...(name === '' ? [required(`${at}.name`)] : eachInvalid(`${at}.name`, name, qualifiedNameProblems(name))));
    if (names.has(name) && name !== '') found.push(duplicate(`${at}.name`, name));
    names.add(name);
    return found;
  }));
  return errors;
}
