import { append } from '@coxswain/host';
import { StatusError, type JsonObject } from '@coxswain/api';
import { typed, typedOrNone, untyped } from '../../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionVersion, Reinvocation } from '../../types.ts';
import { isResource, refuse } from '../attributes.ts';
import { become, textOf } from '../changed-object.ts';
import { oneRound, Reinvoked } from '../reinvocation.ts';
import { Activation, OutOfBudget, type Seen } from './activation.ts';
import { compileMutatingPolicy, type CompiledMutatingPolicy, type MutatingAdmissionPolicy } from './compile.ts';
import { evaluateConditions } from './conditions.ts';
import { Decisions } from './decisions.ts';
import { matchedVersion, requiredNamespace } from './match.ts';
import { mutate, MutationFailure } from './mutate.ts';
import { ConfigurationError, collectParams, paramResource } from './params.ts';
import { PolicySource, type PolicyBinding, type PolicyHook } from './source.ts';
import { isOutOfPolicies, type PolicyTools } from './validating.ts';

const pluginName = 'MutatingAdmissionPolicy';

/** A policy with a binding and one set of parameters, for one request. */
interface Invocation {
  readonly key: string;
  readonly policy: CompiledMutatingPolicy;
  readonly binding: string;
  readonly version: AdmissionVersion;
  readonly params: JsonObject | undefined;
}

interface Refusal {
  readonly policy: string;
  readonly binding: string | undefined;
  readonly message: string;
  readonly reason: 'Invalid' | 'Forbidden';
}

const textOfRefusal = ({ policy, binding, message }: Refusal): string => (binding === undefined ? `policy ${JSON.stringify(policy)}` : `policy '${policy}' with binding '${binding}'`) + ` denied request: ${message}`;

/** The first that refuses is told, all are named. */
function refusalOf(a: AdmissionAttributes, refusals: readonly Refusal[], first: Refusal): StatusError {
  const base = refuse(a, '');
  return new StatusError(first.reason, textOfRefusal(first), { ...base.status.details, causes: refusals.map((one) => ({ message: textOfRefusal(one) })) }, 403);
}

/** One request's way through all policies in one round. */
class Round {
  readonly refusals: Refusal[] = [];
  readonly #a: AdmissionAttributes;
  readonly #tools: PolicyTools;
  readonly #reinvocation: Reinvocation;
  readonly #memory: Reinvoked;
  readonly #decisions: Decisions;
  /** Something was applied, whether or not it changed anything. */
  #applied = false;

  constructor(a: AdmissionAttributes, tools: PolicyTools, reinvocation: Reinvocation) {
    this.#a = a;
    this.#tools = tools;
    this.#reinvocation = reinvocation;
    this.#memory = Reinvoked.of(reinvocation, pluginName);
    this.#decisions = new Decisions(tools.authorizer, a.user);
  }

  #refuse(policy: CompiledMutatingPolicy, refusal: Omit<Refusal, 'policy'>): void {
    if (policy.failurePolicy === 'Fail') this.refusals.push({ policy: policy.name, ...refusal });
  }

  #misconfigured(policy: CompiledMutatingPolicy, binding: PolicyBinding | undefined, error: unknown): void {
    if (!(error instanceof StatusError) && !(error instanceof ConfigurationError)) throw error;
    this.#refuse(policy, { binding: binding?.name, reason: 'Forbidden', message: `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${error.message}` });
  }

  /** Everything that matches the request as it came in. */
  async #invocations(hooks: readonly PolicyHook<CompiledMutatingPolicy>[]): Promise<readonly Invocation[]> {
    const found: Invocation[] = [];
    for (const { policy, bindings } of hooks) {
      let version: AdmissionVersion | undefined;
      try {
        version = await matchedVersion(policy.match, this.#a, this.#tools.lookup);
        if (version === undefined) continue;
        if (policy.paramKind !== undefined) paramResource(policy.paramKind, this.#tools.resourcesNow);
      } catch (error) {
        this.#misconfigured(policy, undefined, error);
        continue;
      }
      for (const binding of bindings) append(found, await this.#bound(policy, binding, version));
    }
    return found;
  }

  async #bound(policy: CompiledMutatingPolicy, binding: PolicyBinding, version: AdmissionVersion): Promise<readonly Invocation[]> {
    try {
      if (await matchedVersion(binding.match, this.#a, this.#tools.lookup) === undefined) return [];
      const params = await collectParams(this.#tools, policy.paramKind, binding.paramRef, this.#a.namespace);
      return params.map((param) => {
        const { name = '', namespace = '' } = typedOrNone(param)?.metadata ?? {};
        return { key: [policy.name, binding.name, namespace, name].join('/'), policy, binding: binding.name, version, params: param };
      });
    } catch (error) {
      this.#misconfigured(policy, binding, error);
      return [];
    }
  }

  async run(hooks: readonly PolicyHook<CompiledMutatingPolicy>[]): Promise<void> {
    const a = this.#a;
    const memory = this.#memory;
    const invocations = await this.#invocations(hooks);
    if (invocations.length === 0) return;
    if (this.#reinvocation.isReinvoke && memory.lastOutput !== textOf(a.object)) memory.previousAgain();
    const namespace = a.namespace === '' || isResource(a, '', 'namespaces') ? undefined : untyped(await requiredNamespace(this.#tools.lookup, a.namespace));
    for (const invocation of invocations) await this.#invoke(invocation, namespace);
    if (this.#applied) this.#changed();
    memory.lastOutput = textOf(a.object);
  }

  #changed(): void {
    this.#memory.previousAgain();
    this.#reinvocation.request();
  }

  async #invoke({ key, policy, binding, version, params }: Invocation, namespace: JsonObject | undefined): Promise<void> {
    const { object, oldObject } = this.#a;
    const seen: Seen = {
      attributes: this.#a, version, namespace, params,
      object: object === undefined ? undefined : await version.from(object), oldObject: oldObject === undefined ? undefined : await version.from(oldObject),
    };
    const matched = await evaluateConditions(policy.conditions, seen, this.#decisions, policy.failurePolicy);
    if (matched.kind === 'error') this.#refuse(policy, { binding, reason: 'Invalid', message: matched.message });
    if (matched.kind !== 'match' || (this.#reinvocation.isReinvoke && !this.#memory.isDue(key))) return;
    if (await this.#mutateAll({ policy, binding, version }, seen)) this.#changed();
    if (policy.isReinvocable) this.#memory.mayAgain(key);
  }

  /** All mutations in their order, each on what those before it made. Answers whether the object is another one now. */
  async #mutateAll({ policy, binding, version }: Pick<Invocation, 'policy' | 'binding' | 'version'>, seen: Seen): Promise<boolean> {
    const held = this.#a.object;
    if (held === undefined || seen.object === undefined) return false;
    const before = textOf(seen.object);
    let current = seen.object;
    for (const mutation of policy.mutations) {
      try {
        // Variables too are made anew of what the object has become.
        const after = await mutate(mutation, version, current, new Activation({ ...seen, object: current }, policy.variables, this.#decisions));
        become(held, await version.back(after));
        this.#applied = true;
        current = await version.from(held);
      } catch (error) {
        if (!(error instanceof MutationFailure) && !(error instanceof OutOfBudget)) throw error;
        this.#refuse(policy, { binding, reason: 'Invalid', message: error.message });
      }
    }
    return textOf(current) !== before;
  }
}

/** Off (`isOn`) it does nothing, as upstream's does without its feature. */
export function mutatingPolicies(tools: PolicyTools, isOn: boolean): AdmissionPlugin {
  const source = new PolicySource(tools.cache, 'mutating', (policy) => compileMutatingPolicy(typed<MutatingAdmissionPolicy>(policy)));
  const apply = async (a: AdmissionAttributes): Promise<void> => {
    const hooks = await source.hooks();
    if (hooks.length === 0) return;
    const round = new Round(a, tools, a.reinvocation ?? oneRound());
    await round.run(hooks);
    const [first] = round.refusals;
    if (first !== undefined) throw refusalOf(a, round.refusals, first);
  };
  return {
    name: pluginName,
    operations: ['CREATE', 'UPDATE', 'CONNECT'],
    admit: (a) => (!isOn || isOutOfPolicies(a) || source.isEmpty ? undefined : apply(a)),
  };
}
