import { labelMatcher, type LabelMatcher } from '@coxswain/api';
import { admissionEnvironment, compileReturning, dynDecl, objectDecl, type DeclType, type Environment, type Program, type ReturnKind } from '@coxswain/cel';
import type { MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy, Variable } from 'kubernetes-types/admissionregistration/v1';

/** An expression that may turn out not to compile: then its evaluation is what fails. */
export type Compiled =
  | { readonly ok: true; readonly expression: string; readonly program: Program }
  | { readonly ok: false; readonly expression: string; readonly message: string };

export interface CompiledVariable {
  readonly name: string;
  readonly compiled: Compiled;
}

export interface CompiledMatch {
  readonly namespaceSelector: LabelMatcher | undefined;
  readonly objectSelector: LabelMatcher | undefined;
  readonly equivalent: boolean;
  readonly rules: readonly NamedRuleWithOperations[];
  readonly excludeRules: readonly NamedRuleWithOperations[];
}

export interface CompiledValidation {
  readonly expression: Compiled;
  readonly messageExpression: Compiled | undefined;
  readonly message: string;
  readonly reason: string;
}

/** What policies of both sorts have. */
export interface CommonPolicy {
  readonly name: string;
  readonly match: CompiledMatch;
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly paramKind: { readonly apiVersion: string; readonly kind: string } | undefined;
  readonly conditions: readonly Compiled[];
  readonly variables: readonly CompiledVariable[];
}

export interface CompiledMutation {
  readonly type: 'ApplyConfiguration' | 'JSONPatch';
  readonly expression: Compiled;
}

export interface CompiledMutatingPolicy extends CommonPolicy {
  readonly mutations: readonly CompiledMutation[];
  readonly isReinvocable: boolean;
}

export interface CompiledPolicy extends CommonPolicy {
  readonly validations: readonly CompiledValidation[];
  readonly auditAnnotations: readonly { readonly key: string; readonly expression: Compiled }[];
}

export function compileExpression(environment: Environment, expression: string, returns: readonly ReturnKind[]): Compiled {
  const compiled = compileReturning(environment, expression, returns);
  return compiled.ok ? { ok: true, expression, program: compiled.program } : { ok: false, expression, message: compiled.message };
}

function selector(given: MatchResources['objectSelector']): LabelMatcher | undefined {
  const isEmpty = given === undefined || (Object.keys(given.matchLabels ?? {}).length === 0 && (given.matchExpressions ?? []).length === 0);
  return isEmpty ? undefined : labelMatcher(given);
}

export function compileMatch(match: MatchResources | undefined): CompiledMatch {
  return {
    namespaceSelector: selector(match?.namespaceSelector), objectSelector: selector(match?.objectSelector), equivalent: match?.matchPolicy !== 'Exact',
    rules: match?.resourceRules ?? [], excludeRules: match?.excludeResourceRules ?? [],
  };
}

/** The environments of one policy: every variable sees those above it, everything else sees all. */
export interface PolicyEnvironments {
  readonly variables: readonly CompiledVariable[];
  of(authorizer: boolean, patchTypes?: boolean): Environment;
}

function policyEnvironments(variables: readonly Variable[], hasParams: boolean): PolicyEnvironments {
  const declared: Record<string, DeclType> = {};
  const of = (authorizer: boolean, patchTypes = false): Environment => {
    const base = admissionEnvironment({ params: hasParams, authorizer, expressions: 'stored', patchTypes });
    return Object.keys(declared).length === 0 ? base : base.extend({ variables: { variables: objectDecl('kubernetes.variables', { ...declared }) } });
  };
  const compiled = variables.map(({ name, expression }) => {
    const made = compileExpression(of(true), expression, ['any']);
    declared[name] = made.ok ? made.program.declaredResult ?? dynDecl : dynDecl;
    return { name, compiled: made };
  });
  return { variables: compiled, of };
}

export function compileConditions(conditions: readonly { readonly expression: string }[], hasParams: boolean): readonly Compiled[] {
  const environment = admissionEnvironment({ params: hasParams, authorizer: true, expressions: 'stored' });
  return conditions.map(({ expression }) => compileExpression(environment, expression, ['bool']));
}

type CommonSpec = Pick<NonNullable<ValidatingAdmissionPolicy['spec']>, 'matchConstraints' | 'failurePolicy' | 'paramKind' | 'matchConditions' | 'variables'>;

function compileCommon(name: string | undefined, spec: CommonSpec): { readonly common: CommonPolicy; readonly environments: PolicyEnvironments } {
  const hasParams = spec.paramKind !== undefined;
  const environments = policyEnvironments(spec.variables ?? [], hasParams);
  const common = {
    name: name ?? '', match: compileMatch(spec.matchConstraints), failurePolicy: spec.failurePolicy === 'Ignore' ? 'Ignore' as const : 'Fail' as const,
    paramKind: spec.paramKind === undefined ? undefined : { apiVersion: spec.paramKind.apiVersion ?? '', kind: spec.paramKind.kind ?? '' },
    conditions: compileConditions(spec.matchConditions ?? [], hasParams), variables: environments.variables,
  };
  return { common, environments };
}

/** The published types are older than the kind. */
export interface MutatingAdmissionPolicy {
  readonly metadata?: ValidatingAdmissionPolicy['metadata'];
  readonly spec?: CommonSpec & {
    readonly mutations?: readonly { readonly patchType?: string; readonly applyConfiguration?: { readonly expression?: string }; readonly jsonPatch?: { readonly expression?: string } }[];
    readonly reinvocationPolicy?: string;
  };
}

export function compileMutatingPolicy({ metadata, spec = {} }: MutatingAdmissionPolicy): CompiledMutatingPolicy {
  const { common, environments } = compileCommon(metadata?.name, spec);
  const environment = environments.of(true, true);
  return {
    ...common, isReinvocable: spec.reinvocationPolicy === 'IfNeeded',
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => (patchType === 'JSONPatch'
      ? { type: patchType, expression: compileExpression(environment, jsonPatch?.expression ?? '', ['list(JSONPatch)']) }
      : { type: 'ApplyConfiguration', expression: compileExpression(environment, applyConfiguration?.expression ?? '', ['Object']) })),
  };
}

export function compilePolicy({ metadata, spec = {} }: ValidatingAdmissionPolicy): CompiledPolicy {
  const { common, environments } = compileCommon(metadata?.name, spec);
  const [withAuthorizer, without] = [environments.of(true), environments.of(false)];
  return {
    ...common,
    validations: (spec.validations ?? []).map(({ expression, message = '', messageExpression = '', reason = '' }) => ({
      expression: compileExpression(withAuthorizer, expression, ['bool']), message, reason: reason === '' ? 'Invalid' : reason,
      messageExpression: messageExpression === '' ? undefined : compileExpression(without, messageExpression, ['string']),
    })),
    auditAnnotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({ key, expression: compileExpression(withAuthorizer, valueExpression, ['string', 'null']) })),
  };
}
