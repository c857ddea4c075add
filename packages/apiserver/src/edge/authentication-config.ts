import { readFileSync } from 'node:fs';
import type { SignatureAlgorithm } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { AuthenticationConfig, JwtIssuer } from '../authn/oidc/config.ts';
import { issuerUrlProblem, parseAuthenticationFile, signingAlgorithms } from '../authn/oidc/config-file.ts';
import { compileExpression } from '../authn/oidc/expressions.ts';
import type { RequestHeaderConfig } from '../authn/request-header.ts';
import type { TokenWebhookConfig } from '../authn/token-webhook.ts';
import type { PartsConfig } from '../parts.ts';
import { readFlagFile } from './config-from-flags.ts';
import { followedFile } from './follow-file.ts';
import type { Trust } from './trust.ts';
import { readKubeconfigFile } from './kubeconfig-file.ts';

function algorithmsOf(flags: FlagValues): readonly SignatureAlgorithm[] {
  return flags.strings('oidc-signing-algs').map((name) => {
    const found = signingAlgorithms.find((one) => one === name);
    if (found === undefined) throw new UsageError(`--oidc-signing-algs: ${JSON.stringify(name)} is not one of ${signingAlgorithms.join(', ')}`);
    return found;
  });
}

function requiredClaims(flags: FlagValues): JwtIssuer['requiredClaims'] {
  return flags.strings('oidc-required-claim').map((text) => {
    const at = text.indexOf('=');
    if (at <= 0) throw new UsageError(`--oidc-required-claim: ${JSON.stringify(text)} is not key=value`);
    return { claim: text.slice(0, at), value: text.slice(at + 1) };
  });
}

/** Claims of different issuers must not name the same user. */
function usernamePrefix(flags: FlagValues, url: string): string {
  const given = flags.string('oidc-username-prefix');
  if (given !== '') return given === '-' ? '' : given;
  return flags.string('oidc-username-claim') === 'email' ? '' : `${url}#`;
}

function issuerOfFlags(flags: FlagValues): readonly JwtIssuer[] {
  const [url, clientId] = [flags.string('oidc-issuer-url'), flags.string('oidc-client-id')];
  if ((url === '') !== (clientId === '')) throw new UsageError('--oidc-issuer-url and --oidc-client-id must be specified together when any oidc flag is set');
  if (url === '') return [];
  const problem = issuerUrlProblem(url, flags.strings('service-account-issuer'));
  if (problem !== undefined) throw new UsageError(`--oidc-issuer-url: ${JSON.stringify(url)}: ${problem}`);
  const groupsClaim = flags.string('oidc-groups-claim');
  return [{
    url, caPem: readFlagFile(flags, 'oidc-ca-file'), audiences: [clientId], signingAlgorithms: algorithmsOf(flags), requiredClaims: requiredClaims(flags), claimRules: [], userRules: [], extra: [],
    username: { kind: 'claim', claim: flags.string('oidc-username-claim'), prefix: usernamePrefix(flags, url) },
    groups: groupsClaim === '' ? undefined : { kind: 'claim', claim: groupsClaim, prefix: flags.string('oidc-groups-prefix') },
  }];
}

const oidcFlags = ['oidc-issuer-url', 'oidc-client-id', 'oidc-ca-file', 'oidc-username-claim', 'oidc-username-prefix', 'oidc-groups-claim', 'oidc-groups-prefix', 'oidc-required-claim', 'oidc-signing-algs'];

function authenticationOf(flags: FlagValues): Pick<PartsConfig, 'authentication' | 'live'> {
  const path = flags.string('authentication-config');
  if (path === '') return { authentication: { issuers: issuerOfFlags(flags) } };
  const other = oidcFlags.find((flag) => flags.isSet(flag));
  if (other !== undefined) throw new UsageError(`--authentication-config and --${other} cannot be given together`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--authentication-config: cannot read ${path}: ${(error as Error).message}`);
  }
  const parse = (next: string): AuthenticationConfig => parseAuthenticationFile(path, next, flags.strings('service-account-issuer'), compileExpression);
  const config = parse(text);
  if (config.anonymous !== undefined && flags.isSet('anonymous-auth')) throw new UsageError('--anonymous-auth and the anonymous field of --authentication-config cannot be given together');
  return { authentication: config, live: { authentication: { ...followedFile(path, text), parse } } };
}

async function tokenWebhook(flags: FlagValues): Promise<TokenWebhookConfig | undefined> {
  const flag = 'authentication-token-webhook-config-file';
  const path = flags.string(flag);
  if (path === '') return undefined;
  const version = flags.string('authentication-token-webhook-version');
  if (version !== 'v1' && version !== 'v1beta1') throw new UsageError(`--authentication-token-webhook-version: ${JSON.stringify(version)} is not one of v1, v1beta1`);
  return { kubeconfig: await readKubeconfigFile(`--${flag}`, path), version, cacheTtlMs: flags.durationMs('authentication-token-webhook-cache-ttl') };
}

function requestHeader(flags: FlagValues, trust: Trust): RequestHeaderConfig | undefined {
  if (flags.string('requestheader-client-ca-file') === '') return undefined;
  if (flags.strings('requestheader-username-headers').length === 0) throw new UsageError('--requestheader-username-headers is required with --requestheader-client-ca-file');
  return {
    authorities: trust.proxies, allowedNames: flags.strings('requestheader-allowed-names'), usernameHeaders: flags.strings('requestheader-username-headers'),
    uidHeaders: flags.strings('requestheader-uid-headers'), groupHeaders: flags.strings('requestheader-group-headers'), extraPrefixes: flags.strings('requestheader-extra-headers-prefix'),
  };
}

/** How requests show who they are, beside what stands in `partsConfigFrom`. */
export async function authenticationConfig(flags: FlagValues, trust: Trust): Promise<Partial<PartsConfig>> {
  return {
    ...authenticationOf(flags), tokenWebhook: await tokenWebhook(flags), requestHeader: requestHeader(flags, trust), clientAuthorities: trust.clients,
    serviceAccountLookup: flags.bool('service-account-lookup'), extendTokenExpiration: flags.bool('service-account-extend-token-expiration'),
  };
}
