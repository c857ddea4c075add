import type { FlagSet } from '@coxswain/service';

const text = (help: string, given = ''): FlagSet[string] => ({ kind: 'string', default: given, help });
const webhookCacheMs = 120_000;

export const authenticationFlags: FlagSet = {
  'authentication-config': text('File with the issuers of tokens (OpenID Connect) and where anonymous requests are let in, instead of --oidc-* and --anonymous-auth.'),
  'authentication-token-webhook-config-file': text('Kubeconfig of the webhook that is asked whose a bearer token is.'),
  'authentication-token-webhook-version': text('Version of the TokenReview that the webhook is sent: v1 or v1beta1.', 'v1beta1'),
  'authentication-token-webhook-cache-ttl': { kind: 'duration', default: webhookCacheMs, help: 'How long the webhook\'s answers hold.' },
  'oidc-issuer-url': text('URL of the OpenID issuer; only https.'),
  'oidc-client-id': text('Audience that tokens of the issuer must have.'),
  'oidc-ca-file': text('File with the authority of the issuer\'s certificate. Default: the system\'s.'),
  'oidc-username-claim': text('Claim that is the user name.', 'sub'),
  'oidc-username-prefix': text('Prefix of user names; - for none. Default: the issuer\'s URL and #, and none for the claim email.'),
  'oidc-groups-claim': text('Claim that is the group, or the list of groups.'),
  'oidc-groups-prefix': text('Prefix of groups.'),
  'oidc-required-claim': { kind: 'strings', help: 'key=value that tokens must claim. May be given several times.' },
  'oidc-signing-algs': { kind: 'strings', default: ['RS256'], help: 'Algorithms that tokens may be signed by.' },
  'requestheader-uid-headers': { kind: 'strings', help: 'Headers to look into for the uid.' },
  'service-account-lookup': { kind: 'bool', default: true, help: 'Tokens from Secrets hold only as long as their Secret and account are there.' },
  'service-account-extend-token-expiration': { kind: 'bool', default: true, help: 'Tokens that are mounted into pods hold for a year, as clients do that do not read them again.' },
};
