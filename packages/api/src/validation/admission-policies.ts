import { append } from '@coxswain/host';
import { admissionEnvironment, compileReturning, dynDecl, objectDecl, type DeclType, type Environment, type ReturnKind } from '@coxswain/cel';
import type { FieldError } from '../field-error.ts';
import { equalJson } from '../patch/values.ts';
import type { JsonObject } from '../resource.ts';
import { get, has, list, obj, objects, str, strings } from './access.ts';
import { each, requireOneOf, validateLabelSelector } from './common.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, goText, invalidValue, notSupported, required, tooMany } from './errors.ts';
import { dns1035Label, dns1123Subdomain, pathSegmentProblems, qualifiedNameProblems } from './formats.ts';
import type { Validator } from './validator.ts';
import { ruleErrors as operationRule } from './webhooks.ts';

/** Admission policies and their bindings: their expressions are compiled as they are written. */

const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const reserved: ReadonlySet<string> = new Set([
  'true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while',
]);
const maxConditions = 64;
const maxAuditAnnotations = 20;
const maxValueExpressionBytes = 5 * 1024;
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];

interface Scope {
  readonly hasParams: boolean;
  /** Expressions that the stored object has too: they may use what only stored ones may. */
  readonly known: ReadonlySet<string>;
  /** The variables above the one that is compiled, by name. */
  readonly variables: ReadonlyMap<string, DeclType>;
}

interface Place {
  /** Default true. */
  readonly authorizer?: boolean;
  /** It makes a patch. Default false. */
  readonly patchTypes?: boolean;
}

function environment(scope: Scope, expression: string, { authorizer = true, patchTypes = false }: Place = {}): Environment {
  const base = admissionEnvironment({ params: scope.hasParams, authorizer, expressions: scope.known.has(expression) ? 'stored' : 'new', patchTypes });
  return scope.variables.size === 0 ? base : base.extend({ variables: { variables: objectDecl('kubernetes.variables', Object.fromEntries(scope.variables)) } });
}

function compile(scope: Scope, expression: string, returns: readonly ReturnKind[], field: string, place?: Place): FieldError[] {
  const compiled = compileReturning(environment(scope, expression, place), expression, returns);
  if (compiled.ok) return [];
  return compiled.internal ? [{ type: 'InternalError', field, message: `Internal error: ${compiled.message}` }] : [invalidValue(field, expression, compiled.message)];
}

function namedRule(rule: JsonObject, field: string): FieldError[] {
  const seen = new Set<string>();
  const names = strings(rule, 'resourceNames').flatMap((name, index) => {
    const errors = eachInvalid(`${field}.resourceNames[${index}]`, name, pathSegmentProblems(name));
    if (seen.has(name)) errors.push(duplicate(`${field}.resourceNames[${index}]`, name));
    seen.add(name);
    return errors;
  });
  return [...names, ...operationRule(rule, field)];
}

function matchResources(resources: JsonObject, field: string): FieldError[] {
  const errors = requireOneOf(str(resources, 'matchPolicy'), `${field}.matchPolicy`, ['Equivalent', 'Exact'], 'required');
  for (const key of ['namespaceSelector', 'objectSelector']) {
    append(errors, (has(resources, key) ? validateLabelSelector(obj(resources, key), `${field}.${key}`) : [required(`${field}.${key}`)]));
  }
  for (const key of ['resourceRules', 'excludeResourceRules']) append(errors, each(objects(resources, key), `${field}.${key}`, namedRule));
  return errors;
}

function matchConditionErrors(conditions: readonly JsonObject[], hasParams: boolean, known: ReadonlySet<string>, field: string): FieldError[] {
  const scope: Scope = { hasParams, known, variables: new Map() };
  const seen = new Set<string>();
  const errors = conditions.length > maxConditions ? [tooMany(field, conditions.length, maxConditions)] : [];
  return [...errors, ...each(conditions, field, (one, at) => {
    const expression = str(one, 'expression').trim();
    const name = str(one, 'name');
    const found = expression === '' ? [required(`${at}.expression`)] : compile(scope, expression, ['bool'], `${at}.expression`);
    append(found, (name === '' ? [required(`${at}.name`)] : eachInvalid(`${at}.name`, name, qualifiedNameProblems(name))));
    if (name !== '' && seen.has(name)) found.push(duplicate(`${at}.name`, name));
    seen.add(name);
    return found;
  })];
}

function paramKind(kind: JsonObject, field: string): FieldError[] {
  const apiVersion = str(kind, 'apiVersion');
  const name = str(kind, 'kind');
  const errors: FieldError[] = [];
  const parts = apiVersion.split('/');
  if (apiVersion === '') errors.push(required(`${field}.apiVersion`));
  else if (parts.length > 2) errors.push(invalidValue(`${field}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const version = parts.at(-1) as string;
    const group = parts.length === 2 ? parts[0] as string : '';
    const groupProblems = group === '' ? [] : dns1123Subdomain(group);
    if (groupProblems.length > 0) errors.push(invalidValue(`${field}.apiVersion`, group, groupProblems.join(',')));
    const versionProblems = version === '' ? [] : dns1035Label(version);
    if (version === '') errors.push(invalidValue(`${field}.apiVersion`, apiVersion, 'version must be specified'));
    else if (versionProblems.length > 0) errors.push(invalidValue(`${field}.apiVersion`, version, versionProblems.join(',')));
  }
  const kindProblems = name === '' ? [] : dns1035Label(name.toLowerCase());
  if (name === '') errors.push(required(`${field}.kind`));
  else if (kindProblems.length > 0) errors.push(invalidValue(`${field}.kind`, name, `may have mixed case, but should otherwise match: ${kindProblems.join(',')}`));
  return errors;
}

/** Each variable may use those above it. */
function policyVariables(variables: readonly JsonObject[], scope: Scope, declared: Map<string, DeclType>, field: string): FieldError[] {
  return each(variables, field, (one, at) => {
    const name = str(one, 'name');
    const expression = str(one, 'expression');
    const errors: FieldError[] = [];
    if (name.trim() === '') errors.push(required(`${at}.name`, 'name is not specified'));
    else if (!identifier.test(name) || reserved.has(name)) errors.push(invalidValue(`${at}.name`, name, 'name is not a valid CEL identifier'));
    if (expression.trim() === '') return [...errors, required(`${at}.expression`, 'expression is not specified')];
    const within: Scope = { ...scope, variables: new Map(declared) };
    append(errors, compile(within, expression, ['any'], `${at}.expression`));
    declared.set(name, variableType(environment(within, expression), expression));
    return errors;
  });
}

/** A variable has the type of its expression; where that cannot be told it is dyn. */
function variableType(env: Environment, expression: string): DeclType {
  const compiled = env.compile(expression);
  return compiled.ok ? compiled.program.declaredResult ?? dynDecl : dynDecl;
}

function validation(one: JsonObject, scope: Scope, at: string): FieldError[] {
  const expression = str(one, 'expression');
  const message = str(one, 'message');
  const messageExpression = str(one, 'messageExpression');
  const errors = expression.trim() === '' ? [required(`${at}.expression`, 'expression is not specified')] : compile(scope, expression, ['bool'], `${at}.expression`);
  if (messageExpression !== '') {
    append(errors, (messageExpression.trim() === '' ? [invalidValue(`${at}.messageExpression`, messageExpression, 'must be non-empty if specified')] : compile(scope, messageExpression, ['string'], `${at}.messageExpression`, { authorizer: false })));
  }
  if (message !== '' && message.trim() === '') errors.push(invalidValue(`${at}.message`, message, 'message must be non-empty if specified'));
  else if (/[\n\r]/.test(message.trim())) errors.push(invalidValue(`${at}.message`, message, 'message must not contain line breaks'));
  const reason = get(one, 'reason');
  if (typeof reason === 'string' && !reasons.includes(reason)) errors.push(notSupported(`${at}.reason`, reason, reasons));
  return errors;
}

function auditAnnotations(policy: JsonObject, annotations: readonly JsonObject[], scope: Scope, field: string): FieldError[] {
  const seen = new Set<string>();
  const name = str(obj(policy, 'metadata'), 'name');
  const errors = annotations.length > maxAuditAnnotations ? [invalidValue(field, goText('[]admissionregistration.AuditAnnotation{…}'), `must not have more than ${maxAuditAnnotations} auditAnnotations`)] : [];
  return [...errors, ...each(annotations, field, (one, at) => {
    const key = str(one, 'key');
    const expression = str(one, 'valueExpression');
    const found = name === '' ? [invalidValue(`${at}.key`, key, 'requires metadata.name be non-empty')] : eachInvalid(`${at}.key`, `${name}/${key}`, qualifiedNameProblems(`${name}/${key}`));
    if (expression.trim() === '') found.push(required(`${at}.valueExpression`, 'valueExpression is not specified'));
    else if (expression.trim().length > maxValueExpressionBytes) found.push(required(`${at}.valueExpression`, `must not exceed ${maxValueExpressionBytes} bytes in length`));
    else append(found, compile(scope, expression.trim(), ['string', 'null'], `${at}.valueExpression`));
    if (seen.has(key)) found.push(duplicate(`${at}.key`, key));
    seen.add(key);
    return found;
  })];
}

const oneItem = 'validations or auditAnnotations must contain at least one item';

interface Common {
  readonly errors: FieldError[];
  readonly scope: Scope;
}

/** What policies of both sorts have: all but what they do. */
function commonSpec(spec: JsonObject | undefined, known: ReadonlySet<string>, checkConditions: boolean, constraintsOf: typeof matchResources): Common {
  const declared = new Map<string, DeclType>();
  const scope: Scope = { hasParams: obj(spec, 'paramKind') !== undefined, known, variables: declared };
  const errors = requireOneOf(str(spec, 'failurePolicy'), 'spec.failurePolicy', ['Fail', 'Ignore'], 'required');
  const kind = obj(spec, 'paramKind');
  if (kind !== undefined) append(errors, paramKind(kind, 'spec.paramKind'));
  const constraints = obj(spec, 'matchConstraints');
  if (constraints === undefined) errors.push(required('spec.matchConstraints'));
  else append(errors, constraintsOf(constraints, 'spec.matchConstraints'));
  if (checkConditions) append(errors, matchConditionErrors(objects(spec, 'matchConditions'), scope.hasParams, known, 'spec.matchConditions'));
  append(errors, policyVariables(objects(spec, 'variables'), scope, declared, 'spec.variables'));
  return { errors, scope };
}

function policyConstraints(constraints: JsonObject, field: string): FieldError[] {
  return [...matchResources(constraints, field), ...(list(constraints, 'resourceRules').length === 0 ? [required(`${field}.resourceRules`)] : [])];
}

function policySpec(policy: JsonObject, known: ReadonlySet<string>, checkConditions: boolean): FieldError[] {
  const spec = obj(policy, 'spec');
  const { errors, scope } = commonSpec(spec, known, checkConditions, policyConstraints);
  const validations = objects(spec, 'validations');
  const annotations = objects(spec, 'auditAnnotations');
  if (validations.length === 0 && annotations.length === 0) return [...errors, required('spec.validations', oneItem), required('spec.auditAnnotations', oneItem)];
  return [...errors, ...each(validations, 'spec.validations', (one, at) => validation(one, scope, at)), ...auditAnnotations(policy, annotations, scope, 'spec.auditAnnotations')];
}

const mutableOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];

/** There is nothing to change of what goes. */
function operationErrors(resources: JsonObject, field: string): FieldError[] {
  return objects(resources, 'resourceRules').flatMap((rule) => strings(rule, 'operations')).filter((operation) => !mutableOperations.includes(operation))
    .map((operation) => notSupported(`${field}.resourceRules.operations`, operation, mutableOperations));
}

const patchKinds = {
  JSONPatch: { own: 'jsonPatch', other: 'applyConfiguration', returns: 'list(JSONPatch)' },
  ApplyConfiguration: { own: 'applyConfiguration', other: 'jsonPatch', returns: 'Object' },
} as const;

function mutation(one: JsonObject, scope: Scope, at: string): FieldError[] {
  const type = str(one, 'patchType');
  if (type === '') return [required(`${at}.patchType`)];
  if (type !== 'JSONPatch' && type !== 'ApplyConfiguration') return [notSupported(`${at}.patchType`, type, ['ApplyConfiguration', 'JSONPatch'])];
  const { own, other, returns } = patchKinds[type];
  const expression = str(obj(one, own), 'expression').trim();
  const errors = !has(one, own) ? [required(`${at}.${own}`, `must be specified when patchType is ${type}`)]
    : expression === '' ? [required(`${at}.${own}.expression`)] : compile(scope, expression, [returns], `${at}.${own}.expression`, { patchTypes: true });
  if (has(one, other)) errors.push(invalidValue(`${at}.${other}`, `{${other}}`, `must not be specified when patchType is ${type}`));
  return errors;
}

function mutatingSpec(policy: JsonObject, known: ReadonlySet<string>, checkConditions: boolean): FieldError[] {
  const spec = obj(policy, 'spec');
  const { errors, scope } = commonSpec(spec, known, checkConditions, (constraints, field) => [...policyConstraints(constraints, field), ...operationErrors(constraints, field)]);
  const mutations = objects(spec, 'mutations');
  append(errors, (mutations.length === 0 ? [required('spec.mutations', 'mutations must contain at least one item')] : each(mutations, 'spec.mutations', (one, at) => mutation(one, scope, at))));
  return [...errors, ...requireOneOf(str(spec, 'reinvocationPolicy'), 'spec.reinvocationPolicy', ['IfNeeded', 'Never'], 'required')];
}

/** All expressions of a policy. */
function expressionsOf(policy: JsonObject): ReadonlySet<string> {
  const spec = obj(policy, 'spec');
  const of = (key: string, field: string): string[] => objects(spec, key).map((one) => str(one, field));
  return new Set([
    ...of('matchConditions', 'expression'), ...of('variables', 'expression'), ...of('validations', 'expression'), ...of('validations', 'messageExpression'), ...of('auditAnnotations', 'valueExpression'),
    ...objects(spec, 'mutations').flatMap((one) => [str(obj(one, 'applyConfiguration'), 'expression'), str(obj(one, 'jsonPatch'), 'expression')]),
  ].flatMap((expression) => [expression, expression.trim()]));
}

/** Conditions are looked at again only if they, or whether there are params, changed. */
function conditionsChanged(policy: JsonObject, old: JsonObject): boolean {
  const [spec, before] = [obj(policy, 'spec'), obj(old, 'spec')];
  if ((obj(spec, 'paramKind') === undefined) !== (obj(before, 'paramKind') === undefined)) return true;
  return !equalJson([...list(spec, 'matchConditions')], [...list(before, 'matchConditions')]);
}

function paramRef(ref: JsonObject, field: string): FieldError[] {
  const name = str(ref, 'name');
  const selector = obj(ref, 'selector');
  const both = name !== '' && selector !== undefined;
  const errors = name === '' ? [] : eachInvalid(`${field}.name`, name, pathSegmentProblems(name));
  if (both) errors.push(forbiddenField(`${field}.name`, 'name and selector are mutually exclusive'));
  if (selector !== undefined) append(errors, validateLabelSelector(selector, `${field}.selector`));
  if (both) errors.push(forbiddenField(`${field}.selector`, 'name and selector are mutually exclusive'));
  if (name === '' && selector === undefined) errors.push(required(field, 'one of name or selector must be specified'));
  return [...errors, ...requireOneOf(str(ref, 'parameterNotFoundAction'), `${field}.parameterNotFoundAction`, ['Deny', 'Allow'], 'required')];
}

function validationActions(actions: readonly string[], field: string): FieldError[] {
  const seen = new Set<string>();
  const errors = actions.flatMap((action, index) => {
    const found = ['Audit', 'Deny', 'Warn'].includes(action) ? [] : [notSupported(`${field}[${index}]`, action, ['Audit', 'Deny', 'Warn'])];
    if (seen.has(action)) found.push(duplicate(`${field}[${index}]`, action));
    seen.add(action);
    return found;
  });
  if (seen.has('Deny') && seen.has('Warn')) {
    errors.push(invalidValue(field, goStrings('[]admissionregistration.ValidationAction', actions), 'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'));
  }
  if (seen.size === 0) errors.push(required(field, 'at least one validation action is required'));
  return errors;
}

function bindingSpec(spec: JsonObject | undefined, matched: typeof matchResources): FieldError[] {
  const policyName = str(spec, 'policyName');
  const errors = policyName === '' ? [required('spec.policyName')] : eachInvalid('spec.policyName', policyName, dns1123Subdomain(policyName));
  const ref = obj(spec, 'paramRef');
  const resources = obj(spec, 'matchResources');
  if (ref !== undefined) append(errors, paramRef(ref, 'spec.paramRef'));
  if (resources !== undefined) append(errors, matched(resources, 'spec.matchResources'));
  return errors;
}

function binding(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  return [...bindingSpec(spec, matchResources), ...validationActions(strings(spec, 'validationActions'), 'spec.validationActions')];
}

const mutatingBinding = (object: JsonObject): FieldError[] => bindingSpec(obj(object, 'spec'), (resources, field) => [...matchResources(resources, field), ...operationErrors(resources, field)]);

export const admissionPolicyValidators: Readonly<Record<string, Validator>> = {
  'validatingadmissionpolicies.admissionregistration.k8s.io': {
    create: (policy) => policySpec(policy, new Set(), true), update: (policy, old) => policySpec(policy, expressionsOf(old), conditionsChanged(policy, old)),
  },
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': { create: binding },
  'mutatingadmissionpolicies.admissionregistration.k8s.io': {
    create: (policy) => mutatingSpec(policy, new Set(), true), update: (policy, old) => mutatingSpec(policy, expressionsOf(old), conditionsChanged(policy, old)),
  },
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': { create: mutatingBinding },
};
