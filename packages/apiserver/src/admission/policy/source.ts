import type { JsonObject } from '@coxswain/api';
import type { ParamRef, ValidatingAdmissionPolicyBinding } from 'kubernetes-types/admissionregistration/v1';
import { readyList } from '../../ready-list.ts';
import { typed } from '../../typed.ts';
import type { CacheReader } from '../../types.ts';
import { compileMatch, type CommonPolicy, type CompiledMatch } from './compile.ts';

export interface PolicyBinding {
  readonly name: string;
  readonly policyName: string;
  readonly match: CompiledMatch;
  readonly paramRef: ParamRef | undefined;
  /** Of validating policies. */
  readonly validationActions: readonly string[];
}

export interface PolicyHook<Policy extends CommonPolicy> {
  readonly policy: Policy;
  readonly bindings: readonly PolicyBinding[];
}

const group = 'admissionregistration.k8s.io';

function compileBinding(object: JsonObject): PolicyBinding {
  const { metadata, spec = {} } = typed<ValidatingAdmissionPolicyBinding>(object);
  return {
    name: metadata?.name ?? '', policyName: spec.policyName ?? '', match: compileMatch(spec.matchResources), paramRef: spec.paramRef, validationActions: spec.validationActions ?? [],
  };
}

const byName = <T extends { readonly name: string }>(items: readonly T[]): readonly T[] => [...items].sort((a, b) => (a.name < b.name ? -1 : 1));

/** Policies of one sort that are bound, as the cache has them, in order of their names. Each is compiled once for a state of its object. */
export class PolicySource<Policy extends CommonPolicy> {
  readonly #cache: CacheReader;
  readonly #sort: 'validating' | 'mutating';
  readonly #compile: (policy: JsonObject) => Policy;
  readonly #policies = new WeakMap<JsonObject, Policy>();
  readonly #bindings = new WeakMap<JsonObject, PolicyBinding>();

  constructor(cache: CacheReader, sort: 'validating' | 'mutating', compile: (policy: JsonObject) => Policy) {
    this.#cache = cache;
    this.#sort = sort;
    this.#compile = compile;
  }

  /** There is nothing to wait for, and no policy. */
  get isEmpty(): boolean {
    return this.#cache.list(group, `${this.#sort}admissionpolicies`).length === 0 && this.#cache.isReady === true;
  }

  async hooks(): Promise<readonly PolicyHook<Policy>[]> {
    const policies = await readyList(this.#cache, group, `${this.#sort}admissionpolicies`);
    if (policies.length === 0) return [];
    const bindings = byName((await readyList(this.#cache, group, `${this.#sort}admissionpolicybindings`)).map((object) => kept(this.#bindings, object, compileBinding)));
    const compiled = byName(policies.map((object) => kept(this.#policies, object, this.#compile)));
    return compiled.map((policy) => ({ policy, bindings: bindings.filter(({ policyName }) => policyName === policy.name) })).filter((hook) => hook.bindings.length > 0);
  }
}

function kept<T>(made: WeakMap<JsonObject, T>, object: JsonObject, make: (object: JsonObject) => T): T {
  const known = made.get(object);
  if (known !== undefined) return known;
  const fresh = make(object);
  made.set(object, fresh);
  return fresh;
}
