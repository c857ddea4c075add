import type { Clock, HttpRequest } from '@coxswain/host';
import type { AuthenticationResult, Authenticator } from '../types.ts';
import { isVouchedBy, type Authorities } from './authorities.ts';
import { decodeExtraKey } from './impersonation.ts';
import { user } from './users.ts';

export interface RequestHeaderConfig {
  /** Who may say who asks. */
  readonly authorities: Authorities;
  /** Empty: anybody of theirs. */
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly uidHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly extraPrefixes: readonly string[];
}

function valuesOf(request: HttpRequest, name: string): readonly string[] {
  const value = request.headers[name.toLowerCase()];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

function firstOf(request: HttpRequest, names: readonly string[]): string {
  return names.map((name) => valuesOf(request, name)[0] ?? '').find((value) => value !== '') ?? '';
}

function extraOf(request: HttpRequest, prefixes: readonly string[]): Record<string, readonly string[]> {
  const extra: Record<string, readonly string[]> = {};
  for (const prefix of prefixes.map((one) => one.toLowerCase())) {
    for (const name of Object.keys(request.headers)) {
      if (!name.startsWith(prefix)) continue;
      const key = decodeExtraKey(name.slice(prefix.length));
      extra[key] = [...extra[key] ?? [], ...valuesOf(request, name)];
    }
  }
  return extra;
}

/** Only with the certificate of a proxy do its headers say anything; everybody else's are as if they were not there. */
export function requestHeaderAuthenticator(clock: Clock, config: RequestHeaderConfig): Authenticator {
  return {
    authenticate(request): Promise<AuthenticationResult> {
      const certificate = request.peer.certificate;
      // Simulated certificates have no chain, so that none of them is a proxy's.
      if (certificate?.issuerFingerprints === undefined) return Promise.resolve({ kind: 'none' });
      if (!isVouchedBy(certificate, config.authorities)) return Promise.resolve({ kind: 'invalid', reason: 'x509: certificate signed by unknown authority' });
      if (certificate.notAfterMs < clock.nowMs()) return Promise.resolve({ kind: 'invalid', reason: 'x509: certificate has expired' });
      if (config.allowedNames.length > 0 && !config.allowedNames.includes(certificate.commonName)) {
        return Promise.resolve({ kind: 'invalid', reason: `x509: subject with cn=${certificate.commonName} is not in the allowed list` });
      }
      const name = firstOf(request, config.usernameHeaders);
      if (name === '') return Promise.resolve({ kind: 'none' });
      const groups = config.groupHeaders.flatMap((header) => valuesOf(request, header)).filter((group) => group !== '');
      return Promise.resolve({ kind: 'user', user: user(name, firstOf(request, config.uidHeaders), groups, extraOf(request, config.extraPrefixes)) });
    },
  };
}
