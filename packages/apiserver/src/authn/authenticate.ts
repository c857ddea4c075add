import { StatusError } from '@coxswain/api';
import type { HttpRequest } from '@coxswain/host';
import type { Authenticator, UserInfo } from '../types.ts';
import { anonymousName, unauthenticatedGroup, user, withAuthenticatedGroup } from './users.ts';

export function unauthorized(): StatusError {
  return new StatusError('Unauthorized', 'Unauthorized');
}

/** In order; the first that knows the user wins. Wrong credentials are never taken for anonymous. */
export function authenticateWith(authenticators: readonly Authenticator[], options: { readonly anonymous: boolean; readonly refused: (reason: string) => void }): (request: HttpRequest) => Promise<UserInfo> {
  return async (request) => {
    let refusal: string | undefined;
    for (const authenticator of authenticators) {
      const result = await authenticator.authenticate(request);
      if (result.kind === 'user') return withAuthenticatedGroup(result.user);
      if (result.kind === 'invalid') refusal = result.reason;
    }
    if (refusal === undefined && options.anonymous) return user(anonymousName, '', [unauthenticatedGroup]);
    options.refused(refusal ?? 'no credentials');
    throw unauthorized();
  };
}
