import type { ApiResource } from '@coxswain/api';
import type { Client } from '@coxswain/client';
import type { ClientTls, Host } from '@coxswain/host';
import { UsageError, type Metrics } from '@coxswain/service';
import type { SpdyHeaderCodec } from '@coxswain/streaming';
import type { AdmissionFile } from './admission/config.ts';
import { admissionPlugins } from './admission/plugins.ts';
import { admissionChain } from './admission/chain.ts';
import { admissionMetrics } from './admission/metrics.ts';
import { ServiceRepair } from './allocators/repair.ts';
import { servicePools } from './allocators/pools.ts';
import { serviceHook } from './allocators/service-hook.ts';
import { authenticateWith } from './authn/authenticate.ts';
import type { Authorities } from './authn/authorities.ts';
import { bearerAuthenticator, unionTokens, type TokenAuthenticator } from './authn/bearer.ts';
import { bootstrapTokenAuthenticator } from './authn/bootstrap-token.ts';
import { impersonation } from './authn/impersonation.ts';
import { jwtKey, type JwtKey } from './authn/jwt.ts';
import { legacyTokenAuthenticator } from './authn/legacy-token.ts';
import type { AuthenticationConfig } from './authn/oidc/config.ts';
import { LiveIssuers } from './authn/oidc/live-issuers.ts';
import { requestHeaderAuthenticator, type RequestHeaderConfig } from './authn/request-header.ts';
import { serviceAccountAuthenticator } from './authn/service-account.ts';
import { parseTokenFile, tokenFileAuthenticator } from './authn/token-file.ts';
import { webhookTokenAuthenticator, type TokenWebhookConfig } from './authn/token-webhook.ts';
import { nodeOfUser } from './authn/users.ts';
import { x509Authenticator } from './authn/x509.ts';
import { abacAuthorizer } from './authz/abac.ts';
import type { AuthorizationMode, AuthorizerConfig } from './authz/config.ts';
import { LiveChain } from './authz/live-chain.ts';
import { escalationHooks } from './authz/escalation.ts';
import { paramRightsHooks } from './authz/policy-params.ts';
import { attributesOf, requireAllowed } from './authz/forbidden.ts';
import { nodeAuthorizer } from './authz/node.ts';
import { NodeGraph } from './authz/node-graph.ts';
import { rbacAuthorizer } from './authz/rbac.ts';
import { reviewHandlers } from './authz/reviews.ts';
import { RoleIndex } from './authz/role-index.ts';
import { allowedPathsAuthorizer, alwaysAllowAuthorizer, alwaysDenyAuthorizer, mastersAuthorizer } from './authz/union.ts';
import { webhookAuthorizer } from './authz/webhook.ts';
import { defaultClusterRoleRules } from './bootstrap/default-rbac.ts';
import { bootstrapHooks, masterLeaseTtlSeconds } from './bootstrap/hooks.ts';
import type { ServerIdentity } from './bootstrap/identity-lease.ts';
import type { AuthenticationInfo } from './bootstrap/authentication-info.ts';
import { MasterLeases } from './bootstrap/master-leases.ts';
import { liveLookup, type Lookup } from './live-lookup.ts';
import { proxyHandlers } from './node-proxy/http-proxies.ts';
import { logHandler } from './node-proxy/logs.ts';
import type { PageCodecs } from './node-proxy/rewrite-response.ts';
import { streamHandlers } from './node-proxy/streams.ts';
import { followConfig, type LiveFile } from './config-file/followed.ts';
import type { Callouts } from './callouts/types.ts';
import { bindingHandlers } from './subresources/binding.ts';
import { evictionHandler } from './subresources/eviction.ts';
import { oidcHandlers } from './subresources/oidc.ts';
import { tokenHandler } from './subresources/token.ts';
import type { ApiServerParts, Authenticator, Authorizer, CacheReader, ObjectMutator, RawStore } from './types.ts';

export interface LiveConfig {
  readonly authentication?: LiveFile<AuthenticationConfig> | undefined;
  readonly authorization?: LiveFile<readonly AuthorizerConfig[]> | undefined;
}

/** Flags that are files come as their content. */
export interface PartsConfig {
  readonly hostname: string;
  /** New at every start. */
  readonly serverId: string;
  /** Modes without a configuration of their own; `authorizers` says more, and then alone. */
  readonly authorizationModes: readonly Exclude<AuthorizationMode, 'ABAC' | 'Webhook'>[];
  readonly authorizers?: readonly AuthorizerConfig[] | undefined;
  readonly alwaysAllowPaths: readonly string[];
  readonly anonymousAuth: boolean;
  readonly tokenAuthFile?: { readonly path: string; readonly text: string } | undefined;
  readonly enableBootstrapTokenAuth: boolean;
  /** Issuers of tokens besides ourselves, and where nobody need be known; its word on that counts before `anonymousAuth`. */
  readonly authentication?: AuthenticationConfig | undefined;
  /** What of this may become another while the server runs. */
  readonly live?: LiveConfig | undefined;
  readonly tokenWebhook?: TokenWebhookConfig | undefined;
  readonly requestHeader?: RequestHeaderConfig | undefined;
  /** Whose certificates name users; absent: those of all that the listener takes. */
  readonly clientAuthorities?: Authorities | undefined;
  /** Default true. */
  readonly serviceAccountLookup?: boolean;
  /** Default false. */
  readonly extendTokenExpiration?: boolean;
  readonly serviceAccountIssuers: readonly string[];
  readonly serviceAccountSigningKeyPem: string;
  /** Verify besides the signing key. */
  readonly serviceAccountKeyPems: readonly string[];
  readonly serviceAccountMaxExpirationSeconds: number;
  readonly serviceAccountJwksUri?: string | undefined;
  /** Empty: the issuers. */
  readonly apiAudiences: readonly string[];
  /** Exactly these, instead of the two below. */
  readonly onlyAdmissionPlugins?: readonly string[] | undefined;
  readonly enableAdmissionPlugins: readonly string[];
  readonly disableAdmissionPlugins: readonly string[];
  readonly admission?: AdmissionFile | undefined;
  /** The feature of this name; default false. */
  readonly mutatingAdmissionPolicy?: boolean | undefined;
  /** --feature-gates: what is built both ways and on though it is off by default. */
  readonly features?: ReadonlySet<string> | undefined;
  readonly defaultNotReadyTolerationSeconds: number;
  readonly defaultUnreachableTolerationSeconds: number;
  readonly serviceClusterIpRanges: readonly string[];
  readonly serviceNodePortRange: string;
  readonly advertiseAddress: string;
  /** What URLs of this server say, if not that. */
  readonly externalHostname?: string | undefined;
  /** Of the service `kubernetes`; absent: it has none. */
  readonly kubernetesServiceNodePort?: number | undefined;
  /** Default true: the endpoints of the service `kubernetes` are those of the servers that live. */
  readonly reconcileEndpoints?: boolean;
  readonly securePort: number;
  readonly kubeletTls: () => ClientTls;
  readonly kubeletPreferredAddressTypes: readonly string[];
  /** For exec over WebSocket; from `@coxswain/streaming/edge`. */
  /** For the links of compressed pages behind the proxies. */
  readonly pageCodecs?: PageCodecs | undefined;
  readonly spdyHeaderCodec?: (() => SpdyHeaderCodec) | undefined;
  readonly authenticationInfo: AuthenticationInfo;
}

export interface PartsTools {
  readonly host: Host;
  readonly metrics: Metrics;
  /** In-process, in the name of system:apiserver in system:masters. */
  readonly client: Client;
  /** The same below admission, for what carries out a request that was admitted as another (an eviction). */
  readonly admittedClient: Client;
  readonly cache: CacheReader;
  readonly objects: ObjectMutator;
  readonly store: RawStore;
  /** HTTPS to webhooks. */
  readonly callouts: Callouts;
  /** What is served at the moment of asking, custom resources included. */
  readonly resourcesNow: () => readonly ApiResource[];
}

interface Keys {
  readonly signing: JwtKey;
  readonly all: readonly JwtKey[];
}

function serviceAccountKeys(config: PartsConfig, { crypto }: Host): Keys {
  const read = (flag: string, pem: string): JwtKey => {
    try {
      return jwtKey(crypto, pem);
    } catch (error) {
      throw new UsageError(`--${flag}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const signing = read('service-account-signing-key-file', config.serviceAccountSigningKeyPem);
  // A file may hold several.
  const others = config.serviceAccountKeyPems.flatMap((pem) => pem.match(/-----BEGIN [^-]+-----[\s\S]*?-----END [^-]+-----/g) ?? [pem]).filter((pem) => !pem.includes('EC PARAMETERS')).map((pem) => read('service-account-key-file', pem));
  return { signing, all: [...new Map([signing, ...others].map((key) => [key.keyId, key])).values()] };
}

function tokenAuthenticators(config: PartsConfig, tools: PartsTools, lookup: Lookup, keys: Keys, apiAudiences: readonly string[], issuers: LiveIssuers): TokenAuthenticator {
  const { tokenAuthFile, tokenWebhook, serviceAccountLookup = true } = config;
  const { host, objects } = tools;
  return unionTokens([
    ...(tokenAuthFile === undefined ? [] : [tokenFileAuthenticator(parseTokenFile(tokenAuthFile.path, tokenAuthFile.text), apiAudiences)]),
    legacyTokenAuthenticator(host, lookup, objects, { keys: keys.all, apiAudiences, lookup: serviceAccountLookup }),
    serviceAccountAuthenticator(host, lookup, { issuers: config.serviceAccountIssuers, keys: keys.all, apiAudiences }),
    ...(config.enableBootstrapTokenAuth ? [bootstrapTokenAuthenticator(host, lookup)] : []),
    issuers,
    ...(tokenWebhook === undefined ? [] : [webhookTokenAuthenticator(host, tokenWebhook, apiAudiences)]),
  ]);
}

function authenticators(config: PartsConfig, { clock }: Host, tokens: TokenAuthenticator, apiAudiences: readonly string[]): readonly Authenticator[] {
  const { requestHeader, clientAuthorities } = config;
  return [...(requestHeader === undefined ? [] : [requestHeaderAuthenticator(clock, requestHeader)]), x509Authenticator(clock, clientAuthorities), bearerAuthenticator(tokens, apiAudiences)];
}

function authorizerConfigs({ authorizers, authorizationModes }: PartsConfig): readonly AuthorizerConfig[] {
  return authorizers ?? authorizationModes.map((type) => ({ type, name: type.toLowerCase() }));
}

function authorizers(config: PartsConfig, { cache, host }: PartsTools, index: RoleIndex): LiveChain {
  const make: Readonly<Record<AuthorizationMode, (own: AuthorizerConfig) => Authorizer>> = {
    Node: () => nodeAuthorizer(cache, new NodeGraph(cache), defaultClusterRoleRules('system:node', config.features)),
    RBAC: () => rbacAuthorizer(index),
    ABAC: ({ policies }) => abacAuthorizer(policies ?? []),
    Webhook: ({ name, webhook }) => {
      if (webhook === undefined) throw new UsageError('the authorizer Webhook needs a kubeconfig');
      return webhookAuthorizer(host, name, webhook);
    },
    AlwaysAllow: () => alwaysAllowAuthorizer,
    AlwaysDeny: () => alwaysDenyAuthorizer,
  };
  return new LiveChain([mastersAuthorizer, allowedPathsAuthorizer(config.alwaysAllowPaths)], authorizerConfigs(config), (own) => make[own.type](own));
}

export function identityOf({ hostname, advertiseAddress, securePort, serverId }: PartsConfig): ServerIdentity {
  return { hostname, address: `${advertiseAddress}:${securePort}`, serverId };
}

function followFiles(config: PartsConfig, { host, metrics }: PartsTools, issuers: LiveIssuers, chain: LiveChain, signal: AbortSignal): void {
  const tools = { clock: host.clock, crypto: host.crypto, log: host.log, metrics, identity: identityOf(config) };
  const { authentication, authorization } = config.live ?? {};
  if (authentication !== undefined) followConfig('authentication', authentication, (next) => issuers.replace(next, signal), tools, signal);
  if (authorization !== undefined) followConfig('authorization', authorization, (next) => chain.replace(next), tools, signal);
}

/** As clients are told it. */
export function externalAddress({ externalHostname, advertiseAddress, securePort }: PartsConfig): string {
  return `${externalHostname ?? advertiseAddress}:${securePort}`;
}

/** Checks its part of the configuration (UsageError), starts nothing. */
export function assembleParts(config: PartsConfig, tools: PartsTools): ApiServerParts {
  const { host, client, cache, objects } = tools;
  const lookup = liveLookup(cache, client);
  const apiAudiences = config.apiAudiences.length > 0 ? config.apiAudiences : config.serviceAccountIssuers;
  const issuer = config.serviceAccountIssuers[0];
  if (issuer === undefined) throw new UsageError('--service-account-issuer is required');
  const keys = serviceAccountKeys(config, host);
  const issuers = new LiveIssuers(host, config.authentication, apiAudiences);
  const tokens = tokenAuthenticators(config, tools, lookup, keys, apiAudiences, issuers);
  const anonymous = config.authentication?.anonymous ?? { enabled: config.anonymousAuth, paths: [] };
  const index = new RoleIndex(cache);
  const authorizer = authorizers(config, tools, index);
  const modes = new Set(authorizerConfigs(config).map(({ type }) => type));
  const pools = servicePools(config, tools.store, host.random);
  const kubelets = { get tls() { return config.kubeletTls(); }, addressTypes: config.kubeletPreferredAddressTypes };
  const nodeRules = modes.has('Node') ? defaultClusterRoleRules('system:node', config.features) : [];
  const measured = admissionMetrics(tools.metrics, host.clock);
  return {
    authenticate: authenticateWith(authenticators(config, host, tokens, apiAudiences), {
      anonymous, refused: (reason) => host.log.info('unauthenticated request', { reason }),
    }),
    impersonate: impersonation((attributes) => requireAllowed(authorizer, attributes)),
    authorize: (info, user, notes) => requireAllowed(authorizer, attributesOf(info, user), notes),
    authorizer,
    follow: (signal) => followFiles(config, tools, issuers, authorizer, signal),
    admission: admissionChain(admissionPlugins(config, { ...tools, lookup, authorizer, admissionMetrics: measured }), measured),
    createHandlers: [
      ...bindingHandlers(host.clock, objects),
      evictionHandler({ clock: host.clock, client: tools.admittedClient, lookup, objects }),
      tokenHandler(host, lookup, { issuer, key: keys.signing, apiAudiences, maxExpirationSeconds: config.serviceAccountMaxExpirationSeconds, extendExpiration: config.extendTokenExpiration ?? false }),
      ...reviewHandlers({ clock: host.clock, authorizer, tokens, apiAudiences, index, rulesOfUser: (user) => (nodeOfUser(user) === undefined ? [] : nodeRules) }),
    ],
    subresources: [logHandler(host, lookup, kubelets), ...streamHandlers(host, lookup, kubelets, config.spdyHeaderCodec), ...proxyHandlers(host, lookup, kubelets, config.pageCodecs)],
    writeHooks: [serviceHook(pools, host.log), ...(modes.has('RBAC') ? escalationHooks(index, authorizer) : []), ...paramRightsHooks({ authorizer, lookup, resourcesNow: tools.resourcesNow })],
    pathHandlers: oidcHandlers({ issuer, keys: keys.all, jwksUri: config.serviceAccountJwksUri ?? `https://${externalAddress(config)}/openid/v1/jwks` }),
    postStartHooks: bootstrapHooks({
      host, client, authenticationInfo: config.authenticationInfo, identity: identityOf(config), features: config.features, repair: new ServiceRepair(pools, host.log),
      kubernetesService: {
        client, leases: new MasterLeases(tools.store, masterLeaseTtlSeconds), advertiseAddress: config.advertiseAddress, securePort: config.securePort,
        nodePort: config.kubernetesServiceNodePort, reconcileEndpoints: config.reconcileEndpoints ?? true, clusterIp: pools.addresses[0]?.address(0) ?? '',
      },
    }),
  };
}
