import type { JsonObject } from '@coxswain/api';
import type { KubeconfigResult } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { kubeconfigCallout, withRetries } from '../callouts/kubeconfig-callout.ts';
import type { KubeconfigCallout } from '../callouts/types.ts';
import { TtlCache } from '../ttl-cache.ts';
import { untyped } from '../typed.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, SelectorRequirement } from '../types.ts';

/** Says of a review whether the webhook is to be asked; throws if that cannot be told. */
export type MatchReview = (review: JsonObject) => boolean;

export interface WebhookAuthorizerConfig {
  readonly kubeconfig: KubeconfigResult;
  /** Of SubjectAccessReview. */
  readonly version: 'v1' | 'v1beta1';
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  readonly timeoutMs: number;
  /** Where the webhook cannot be asked. */
  readonly failurePolicy: 'NoOpinion' | 'Deny';
  readonly matches?: MatchReview | undefined;
}

const retries = { initialDelayMs: 500, attempts: 5 };
const answersKept = 8192;
/** Longer requests than this are not worth their place, and whoever sends them chooses their length. */
const maxKeyBytes = 10_000;

function requirements(list: readonly SelectorRequirement[]): JsonObject[] {
  return list.map(({ key, operator, values }) => ({ key, operator, ...(values.length === 0 ? {} : { values: [...values] }) }));
}

function present(fields: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

function resourceAttributes(a: AuthorizationAttributes): JsonObject {
  const { namespace, verb, group, version, resource, subresource, name, fieldSelector = [], labelSelector = [] } = a;
  return {
    ...present({ namespace, verb, group, version, resource, subresource, name }),
    ...(fieldSelector.length === 0 ? {} : { fieldSelector: { requirements: requirements(fieldSelector) } }),
    ...(labelSelector.length === 0 ? {} : { labelSelector: { requirements: requirements(labelSelector) } }),
  };
}

/** A SubjectAccessReview's spec in v1. */
function reviewSpec(a: AuthorizationAttributes): JsonObject {
  const { name, uid, groups, extra } = a.user;
  return {
    ...(a.isResourceRequest ? { resourceAttributes: resourceAttributes(a) } : { nonResourceAttributes: present({ path: a.path, verb: a.verb }) }),
    ...present({ user: name }),
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
    ...(Object.keys(extra).length === 0 ? {} : { extra: untyped(extra) }),
    ...present({ uid }),
  };
}

/** In v1beta1 the groups are called `group`. */
function reviewFor(version: WebhookAuthorizerConfig['version'], { groups, ...spec }: JsonObject): JsonObject {
  const renamed = groups === undefined ? {} : { [version === 'v1' ? 'groups' : 'group']: groups };
  return { kind: 'SubjectAccessReview', apiVersion: `authorization.k8s.io/${version}`, metadata: { creationTimestamp: null }, spec: { ...spec, ...renamed }, status: { allowed: false } };
}

function decisionOf(answer: JsonObject): AuthorizationDecision {
  const { allowed, denied, reason } = (answer['status'] ?? {}) as { allowed?: boolean; denied?: boolean; reason?: string };
  const why = typeof reason === 'string' ? reason : '';
  if (denied === true) return { decision: 'deny', reason: why, ...(allowed === true ? { error: 'webhook subject access review returned both allow and deny response' } : {}) };
  return { decision: allowed === true ? 'allow' : 'no-opinion', reason: why };
}

/** Asks somebody outside. What it answers holds for a while; a failure is never remembered. */
export function webhookAuthorizer(host: Pick<Host, 'clock' | 'network' | 'timers' | 'random'>, name: string, config: WebhookAuthorizerConfig): Authorizer {
  const callout: KubeconfigCallout = kubeconfigCallout(host, config.kubeconfig);
  const known = new TtlCache<AuthorizationDecision>(host.clock, answersKept);
  const failed = (error: unknown): AuthorizationDecision => ({ decision: config.failurePolicy === 'Deny' ? 'deny' : 'no-opinion', reason: '', error: error instanceof Error ? error.message : String(error) });

  async function ask(spec: JsonObject): Promise<AuthorizationDecision> {
    return decisionOf(await withRetries(host, retries, () => callout.post(reviewFor(config.version, spec), { timeoutMs: config.timeoutMs })));
  }

  return {
    name,
    async authorize(a): Promise<AuthorizationDecision> {
      const spec = reviewSpec(a);
      const key = JSON.stringify(spec);
      try {
        if (config.matches !== undefined && !config.matches(reviewFor('v1', spec))) return { decision: 'no-opinion', reason: '' };
        const kept = known.get(key);
        if (kept !== undefined) return kept;
        const decision = await ask(spec);
        if (key.length < maxKeyBytes && decision.error === undefined) known.set(key, decision, decision.decision === 'allow' ? config.authorizedTtlMs : config.unauthorizedTtlMs);
        return decision;
      } catch (error) {
        return failed(error);
      }
    },
  };
}
