import type { AuthorizerAttributes, AuthorizerDecision, Bindings, DecisionSource, Evaluation, Program } from '@coxswain/cel';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../../types.ts';

function serviceAccountUser({ namespace, name }: { readonly namespace: string; readonly name: string }): UserInfo {
  return { name: `system:serviceaccount:${namespace}:${name}`, uid: '', groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`], extra: {} };
}

function authorizationOf(asked: AuthorizerAttributes, user: UserInfo): AuthorizationAttributes {
  const { verb, isResourceRequest, path, group, resource, subresource, namespace, name } = asked;
  const who = asked.serviceAccount === undefined ? user : { ...serviceAccountUser(asked.serviceAccount), groups: [...serviceAccountUser(asked.serviceAccount).groups] };
  return { user: who, verb, isResourceRequest, path, group, version: isResourceRequest ? '*' : '', resource, subresource, namespace, name };
}

/** What the authorizer has said in the course of one request; it is asked each thing once. */
export class Decisions implements DecisionSource {
  readonly #authorizer: Authorizer;
  readonly #user: UserInfo;
  readonly #known = new Map<string, AuthorizerDecision>();

  constructor(authorizer: Authorizer, user: UserInfo) {
    this.#authorizer = authorizer;
    this.#user = user;
  }

  decide(attributes: AuthorizerAttributes): AuthorizerDecision | undefined {
    return this.#known.get(JSON.stringify(attributes));
  }

  async ask(attributes: AuthorizerAttributes): Promise<void> {
    const { decision, reason, error } = await this.#authorizer.authorize(authorizationOf(attributes, this.#user));
    this.#known.set(JSON.stringify(attributes), { allowed: decision === 'allow', reason, ...(error === undefined ? {} : { error }) });
  }
}

/** Evaluates, asking the authorizer in between: a check costs so much that an expression gets no further than a few. */
export async function evaluateAsking(program: Program, bindings: Bindings, costLimit: number, decisions: Decisions): Promise<Exclude<Evaluation, { readonly kind: 'ask' }>> {
  for (;;) {
    const evaluation = program.evaluate(bindings, { costLimit, authorizer: decisions });
    if (evaluation.kind !== 'ask') return evaluation;
    await decisions.ask(evaluation.attributes);
  }
}
