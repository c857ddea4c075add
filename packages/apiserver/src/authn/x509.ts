import type { Clock } from '@coxswain/host';
import type { AuthenticationResult, Authenticator, UserInfo } from '../types.ts';
import { isVouchedBy, type Authorities } from './authorities.ts';
import { credentialIdKey, user } from './users.ts';

/** The listener has verified the chain; `authorities` are those whose certificates name users. Here only the subject is read. */
export function x509Authenticator(clock: Clock, authorities: Authorities | undefined): Authenticator {
  return {
    authenticate(request): Promise<AuthenticationResult> {
      const certificate = request.peer.certificate;
      if (certificate === undefined) return Promise.resolve({ kind: 'none' });
      // A proxy's certificate names no user.
      if (!isVouchedBy(certificate, authorities)) return Promise.resolve({ kind: 'invalid', reason: 'x509: certificate signed by unknown authority' });
      if (certificate.commonName === '') return Promise.resolve({ kind: 'none' });
      // A connection may outlive the certificate that opened it.
      if (certificate.notAfterMs < clock.nowMs()) return Promise.resolve({ kind: 'invalid', reason: 'x509: certificate has expired' });
      const extra: UserInfo['extra'] = certificate.fingerprint === '' ? {} : { [credentialIdKey]: [`X509SHA256=${certificate.fingerprint.toLowerCase()}`] };
      return Promise.resolve({ kind: 'user', user: user(certificate.commonName, '', certificate.organizations, extra) });
    },
  };
}
