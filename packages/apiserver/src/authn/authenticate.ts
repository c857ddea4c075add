import { StatusError } from '@coxswain/api';
import type { HttpRequest } from '@coxswain/host';
import { requestInfoOf } from '../request-info/request-info.ts';
import type { Authenticator, UserInfo } from '../types.ts';
import type { AnonymousConfig } from './oidc/config.ts';
import { anonymousName, unauthenticatedGroup, user, withAuthenticatedGroup } from './users.ts';

export function unauthorized(): StatusError {
  return new StatusError('Unauthorized', 'Unauthorized');
}

function mayBeAnonymous({ enabled, paths }: AnonymousConfig, request: HttpRequest): boolean {
  return enabled && (paths.length === 0 || paths.includes(requestInfoOf(request.method, request.target).path));
}

/** In order; the first that knows the user wins. Wrong credentials are never taken for anonymous. */
export function authenticateWith(authenticators: readonly Authenticator[], options: { readonly anonymous: AnonymousConfig; readonly refused: (reason: string) => void }): (request: HttpRequest) => Promise<UserInfo> {
  return async (request) => {
    let refusal: string | undefined;
    for (const authenticator of authenticators) {
      const result = await authenticator.authenticate(request);
      if (result.kind === 'user') return withAuthenticatedGroup(result.user);
      if (result.kind === 'invalid') refusal = result.reason;
    }
    if (refusal === undefined && mayBeAnonymous(options.anonymous, request)) return user(anonymousName, '', [unauthenticatedGroup]);
    options.refused(refusal ?? 'no credentials');
    throw unauthorized();
  };
}
