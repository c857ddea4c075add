import { badRequest, conflict, invalid, notFound, type FieldError, type JsonObject } from '@coxswain/api';
import { resources, type KubeObject, type ResourceType } from '@coxswain/client';
import { rfc3339Seconds, type Host } from '@coxswain/host';
import type { BoundObjectReference, TokenRequest } from 'kubernetes-types/authentication/v1';
import type { Pod, ServiceAccount } from 'kubernetes-types/core/v1';
import { signJwt, type JwtKey } from '../authn/jwt.ts';
import { serviceAccountClaims, type TokenRequestFacts } from '../authn/service-account-claims.ts';
import type { Lookup } from '../live-lookup.ts';
import { typed, untyped } from '../typed.ts';
import type { CreateHandler, ResourceRequest } from '../types.ts';

export interface TokenIssuer {
  readonly issuer: string;
  readonly key: JwtKey;
  readonly apiAudiences: readonly string[];
  /** Longer ones are shortened to it; 0: no limit. */
  readonly maxExpirationSeconds: number;
  readonly extendExpiration: boolean;
}

const defaultExpirationSeconds = 3600;
const minExpirationSeconds = 600;

function expirationErrors(seconds: number): FieldError[] {
  const field = 'spec.expirationSeconds';
  if (seconds < minExpirationSeconds) return [{ type: 'Invalid', field, message: `Invalid value: ${seconds}: may not specify a duration less than 10 minutes` }];
  if (seconds > 2 ** 32) return [{ type: 'Invalid', field, message: `Invalid value: ${seconds}: may not specify a duration larger than 2^32 seconds` }];
  return [];
}

type Binding = Pick<TokenRequestFacts, 'pod' | 'secret' | 'node'>;

const bindable: Readonly<Record<string, ResourceType>> = { Pod: resources.pods, Secret: resources.secrets, Node: resources.nodes };

async function boundObject(lookup: Lookup, namespace: string, reference: BoundObjectReference): Promise<KubeObject> {
  const { kind = '', apiVersion = '', name = '', uid } = reference;
  const type = apiVersion === 'v1' ? bindable[kind] : undefined;
  if (type === undefined) throw badRequest(`cannot bind token to object of type /${apiVersion}, Kind=${kind}`);
  const object = await lookup<KubeObject>(type, type.namespaced ? namespace : '', name, (found) => !uid || found.metadata?.uid === uid);
  if (object === undefined) throw notFound({ group: '', resource: type.resource }, name);
  if (uid && object.metadata?.uid !== uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', resource: kind }, name, why);
  }
  return object;
}

async function nodeOf(lookup: Lookup, pod: Pod): Promise<Binding> {
  const name = pod.spec?.nodeName;
  if (!name) return {};
  const node = await lookup<KubeObject>(resources.nodes, '', name);
  return { node: { name, ...(node?.metadata?.uid === undefined ? {} : { uid: node.metadata.uid }) } };
}

async function binding(lookup: Lookup, namespace: string, account: string, reference: BoundObjectReference | undefined): Promise<Binding> {
  if (reference === undefined || reference === null) return {};
  const object = await boundObject(lookup, namespace, reference);
  const bound = { name: object.metadata?.name ?? '', uid: object.metadata?.uid ?? '' };
  if (reference.kind === 'Secret') return { secret: bound };
  if (reference.kind === 'Node') return { node: bound };
  const pod = object as Pod;
  if (pod.spec?.serviceAccountName !== account) throw badRequest(`cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`);
  return { pod: bound, ...await nodeOf(lookup, pod) };
}

/** What the account is called twice must be the same. */
function nameErrors({ metadata }: TokenRequest, namespace: string, name: string): FieldError[] {
  const differs = (given: string | undefined, own: string, field: string): FieldError[] =>
    (!given || given === own ? [] : [{ type: 'Invalid', field: `metadata.${field}`, message: `Invalid value: ${JSON.stringify(given)}: must match the service account ${field} if specified` }]);
  const errors = differs(metadata?.name, name, 'name');
  return errors.length > 0 ? errors : differs(metadata?.namespace, namespace, 'namespace');
}

/** The lifetime that mounted tokens ask for. */
const mountedExpirationSeconds = 3607;
const extendedExpirationSeconds = 365 * 24 * 3600;

/** A token for a pod that is for this server may hold longer than it says, so that clients that do not read it again go on. */
function lifetime(issuer: TokenIssuer, bound: Binding, audiences: readonly string[], expirationSeconds: number): { readonly holdsSeconds: number; readonly warnAfterSeconds?: number } {
  const extended = issuer.extendExpiration && bound.pod !== undefined && expirationSeconds === mountedExpirationSeconds && audiences.every((audience) => issuer.apiAudiences.includes(audience));
  return extended ? { holdsSeconds: extendedExpirationSeconds, warnAfterSeconds: expirationSeconds } : { holdsSeconds: expirationSeconds };
}

/** Tokens are never stored: they hold while what they are bound to lives. */
export function tokenHandler(host: Pick<Host, 'clock' | 'crypto' | 'random'>, lookup: Lookup, issuer: TokenIssuer): CreateHandler {
  function allowedSeconds(request: ResourceRequest, wanted: number): number {
    if (issuer.maxExpirationSeconds <= 0 || wanted <= issuer.maxExpirationSeconds) return wanted;
    request.notes.warn(`requested expiration of ${wanted} seconds shortened to ${issuer.maxExpirationSeconds} seconds`);
    return issuer.maxExpirationSeconds;
  }

  async function create(request: ResourceRequest, body: JsonObject): ReturnType<CreateHandler['create']> {
    const { namespace, name } = request.info;
    const asked = typed<TokenRequest>(body);
    const mismatch = nameErrors(asked, namespace, name);
    if (mismatch.length > 0) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, name, mismatch);
    const account = await lookup<ServiceAccount>(resources.serviceaccounts, namespace, name);
    if (account === undefined) throw notFound({ group: '', resource: 'serviceaccounts' }, name);
    const wanted = Number(asked.spec?.expirationSeconds ?? defaultExpirationSeconds);
    const errors = expirationErrors(wanted);
    if (errors.length > 0) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors);
    const bound = await binding(lookup, namespace, name, asked.spec?.boundObjectRef);
    const expirationSeconds = allowedSeconds(request, wanted);
    const audiences = (asked.spec?.audiences ?? []).length > 0 ? asked.spec.audiences : issuer.apiAudiences;
    const nowSeconds = Math.floor(host.clock.nowMs() / 1000);
    const { holdsSeconds, warnAfterSeconds } = lifetime(issuer, bound, audiences, expirationSeconds);
    const tokenId = host.random.uuid();
    const claims = serviceAccountClaims({
      namespace, serviceAccount: { name, uid: account.metadata?.uid ?? '' }, ...bound, audiences, issuer: issuer.issuer, nowSeconds, expirationSeconds: holdsSeconds, tokenId,
      ...(warnAfterSeconds === undefined ? {} : { warnAfterSeconds }),
    });
    request.notes.annotate('authentication.kubernetes.io/issued-credential-id', `JTI=${tokenId}`);
    const object = {
      kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1',
      metadata: { ...asked.metadata, name, namespace, creationTimestamp: rfc3339Seconds(nowSeconds * 1000) },
      spec: { audiences, expirationSeconds, boundObjectRef: asked.spec?.boundObjectRef ?? null },
      status: { token: signJwt(host.crypto, issuer.key, claims), expirationTimestamp: rfc3339Seconds((nowSeconds + expirationSeconds) * 1000) },
    };
    return { status: 201, object: untyped(object) };
  }
  return { group: '', resource: 'serviceaccounts', subresource: 'token', create };
}
