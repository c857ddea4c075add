import { StatusError, type JsonObject, type StatusReason } from '@coxswain/api';
import type { ValidatingAdmissionPolicy } from 'kubernetes-types/admissionregistration/v1';
import type { Clock } from '@coxswain/host';
import type { Lookup } from '../../live-lookup.ts';
import { typed, untyped } from '../../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionVersion, Authorizer } from '../../types.ts';
import { isResource, refuse } from '../attributes.ts';
import type { AdmissionMetrics, CheckAction, CheckError } from '../metrics.ts';
import { isExempt } from '../webhook/invocation.ts';
import { outOfBudgetText, type Seen } from './activation.ts';
import { compilePolicy, type CompiledPolicy } from './compile.ts';
import { Decisions } from './decisions.ts';
import { matchedVersion, requiredNamespace } from './match.ts';
import { ConfigurationError, collectParams, paramResource, type ParamTools } from './params.ts';
import { PolicySource, type PolicyBinding, type PolicyHook as Hook } from './source.ts';
import { evaluatePolicy, type Denial, type PolicyOutcome } from './validate.ts';

type PolicyHook = Hook<CompiledPolicy>;

export interface PolicyTools extends ParamTools {
  readonly lookup: Lookup;
  readonly authorizer: Authorizer;
  readonly metrics: Pick<AdmissionMetrics, 'policyCheck'>;
  readonly clock: Clock;
}

/** Reviews are decided by nobody's policy. */
const excluded: ReadonlySet<string> = new Set([
  'selfsubjectreviews.authentication.k8s.io', 'tokenreviews.authentication.k8s.io', 'localsubjectaccessreviews.authorization.k8s.io', 'selfsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectrulesreviews.authorization.k8s.io', 'subjectaccessreviews.authorization.k8s.io',
]);

export const isOutOfPolicies = (a: AdmissionAttributes): boolean => isExempt(a) || excluded.has(`${a.resource.resource}.${a.resource.group}`);

const maxAnnotationLength = 10 * 1024;
const codeOf: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 };

const countedAs: Readonly<Record<string, CheckAction | undefined>> = { Deny: 'deny', Audit: 'audit', Warn: 'warn' };

function errorTypeOf(message: string): CheckError {
  if (message.startsWith('compilation')) return 'compile_error';
  return message.startsWith(outOfBudgetText) ? 'out_of_budget' : 'invalid_error';
}

interface Refusal extends Denial {
  readonly policy: string;
  /** '' where the policy itself is to blame. */
  readonly binding: string;
}

function refusal(a: AdmissionAttributes, { policy, binding, message, reason }: Refusal): StatusError {
  const text = `ValidatingAdmissionPolicy '${policy}'${binding === '' ? '' : ` with binding '${binding}'`} denied request: ${message}`;
  const base = refuse(a, text);
  const kind = (reason === '' ? 'Invalid' : reason) as StatusReason;
  return new StatusError(kind, base.message, { ...base.status.details, causes: [...(base.status.details?.causes ?? []), { message: text }] }, codeOf[kind] ?? 422);
}

/** One request's way through all policies. */
class Round {
  readonly refusals: Refusal[] = [];
  readonly #a: AdmissionAttributes;
  readonly #tools: PolicyTools;
  readonly #decisions: Decisions;
  readonly #objects = new Map<AdmissionVersion, Promise<Pick<Seen, 'object' | 'oldObject'>>>();
  #namespace: Promise<JsonObject> | undefined;

  constructor(a: AdmissionAttributes, tools: PolicyTools) {
    this.#a = a;
    this.#tools = tools;
    this.#decisions = new Decisions(tools.authorizer, a.user);
  }

  #misconfigured(hook: PolicyHook, binding: PolicyBinding | undefined, error: unknown): void {
    if (hook.policy.failurePolicy === 'Ignore') return;
    const why = error instanceof Error ? error.message : String(error);
    this.refusals.push({ policy: hook.policy.name, binding: binding?.name ?? '', index: 0, reason: '', seconds: 0, message: `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${why}` });
  }

  async run(hook: PolicyHook): Promise<void> {
    const { policy } = hook;
    let version: AdmissionVersion | undefined;
    try {
      version = await matchedVersion(policy.match, this.#a, this.#tools.lookup);
      if (version === undefined) return;
      if (policy.paramKind !== undefined) paramResource(policy.paramKind, this.#tools.resourcesNow);
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof ConfigurationError)) throw error;
      this.#misconfigured(hook, undefined, error);
      return;
    }
    const published = new Map<string, Set<string>>();
    for (const binding of hook.bindings) await this.#bound(hook, binding, version, published);
    for (const [key, values] of published) this.#a.notes.annotate(`${policy.name}/${key}`, [...values].join(', '));
  }

  async #bound(hook: PolicyHook, binding: PolicyBinding, version: AdmissionVersion, published: Map<string, Set<string>>): Promise<void> {
    const { policy } = hook;
    let params: readonly (JsonObject | undefined)[];
    try {
      if (await matchedVersion(binding.match, this.#a, this.#tools.lookup) === undefined) return;
      params = await collectParams(this.#tools, policy.paramKind, binding.paramRef, this.#a.namespace);
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof ConfigurationError)) throw error;
      this.#misconfigured(hook, binding, error);
      return;
    }
    for (const param of params) {
      const seen = await this.#seen(version, param);
      const outcome = await evaluatePolicy(policy, seen, this.#decisions, () => this.#tools.clock.monotonicMs());
      this.#act(policy.name, binding, outcome);
      for (const { key, value } of outcome.annotations) published.set(key, (published.get(key) ?? new Set()).add(value.slice(0, maxAnnotationLength)));
    }
  }

  #act(policy: string, binding: PolicyBinding, { denials, annotationErrors }: PolicyOutcome): void {
    const count = ({ message, seconds }: Pick<Denial, 'message' | 'seconds'>, action: CheckAction): void => this.#tools.metrics.policyCheck(policy, binding.name, errorTypeOf(message), action, seconds);
    for (const denial of denials) {
      if (denial.isIgnored === true) count(denial, 'allow');
      else for (const action of binding.validationActions) {
        const counted = countedAs[action];
        if (counted !== undefined) count(denial, counted);
        if (action === 'Deny') this.refusals.push({ ...denial, policy, binding: binding.name });
        else if (action === 'Warn') this.#a.notes.warn(`Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding.name}': ${denial.message}`);
        else if (action === 'Audit') this.#audit(policy, binding, denial);
      }
    }
    for (const message of annotationErrors) {
      count({ message, seconds: 0 }, 'deny');
      this.refusals.push({ policy, binding: binding.name, index: 0, reason: '', message, seconds: 0 });
    }
  }

  #audit(policy: string, binding: PolicyBinding, { message, index }: Denial): void {
    const failure = { message, policy, binding: binding.name, expressionIndex: index, validationActions: binding.validationActions };
    this.#a.notes.annotate('validation.policy.admission.k8s.io/validation_failure', JSON.stringify([failure]));
  }

  async #seen(version: AdmissionVersion, params: JsonObject | undefined): Promise<Seen> {
    const objects = this.#objects.get(version) ?? this.#convert(version);
    this.#objects.set(version, objects);
    return { attributes: this.#a, version, ...await objects, namespace: await this.#namespaceObject(), params };
  }

  async #convert(version: AdmissionVersion): Promise<Pick<Seen, 'object' | 'oldObject'>> {
    const { object, oldObject } = this.#a;
    return { object: object === undefined ? undefined : await version.from(object), oldObject: oldObject === undefined ? undefined : await version.from(oldObject) };
  }

  #namespaceObject(): Promise<JsonObject> | undefined {
    if (this.#a.namespace === '' || isResource(this.#a, '', 'namespaces')) return undefined;
    this.#namespace ??= requiredNamespace(this.#tools.lookup, this.#a.namespace).then((namespace) => untyped(namespace));
    return this.#namespace;
  }
}

export function validatingPolicies(tools: PolicyTools): AdmissionPlugin {
  const source = new PolicySource(tools.cache, 'validating', (policy) => compilePolicy(typed<ValidatingAdmissionPolicy>(policy)));
  const evaluate = async (a: AdmissionAttributes): Promise<void> => {
    const hooks = await source.hooks();
    if (hooks.length === 0) return;
    const round = new Round(a, tools);
    for (const hook of hooks) await round.run(hook);
    const [first] = round.refusals;
    if (first !== undefined) throw refusal(a, first);
  };
  return {
    name: 'ValidatingAdmissionPolicy',
    operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
    validate: (a) => (isOutOfPolicies(a) || source.isEmpty ? undefined : evaluate(a)),
  };
}
