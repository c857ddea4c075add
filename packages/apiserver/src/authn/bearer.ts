import { header, type HttpRequest } from '@coxswain/host';
import type { AuthenticationResult, Authenticator } from '../types.ts';

/** Says whom a bearer token speaks for; asked with the audiences that the asker accepts. */
export interface TokenAuthenticator {
  authenticateToken(token: string, audiences: readonly string[]): Promise<AuthenticationResult>;
}

const webSocketTokenPrefix = 'base64url.bearer.authorization.k8s.io.';

/** From `Authorization: Bearer`, or, for browsers, from a WebSocket subprotocol. */
export function bearerToken(request: HttpRequest): string | undefined {
  const authorization = header(request.headers, 'authorization')?.trim();
  if (authorization !== undefined) {
    const [scheme, token] = authorization.split(' ', 2);
    return scheme?.toLowerCase() === 'bearer' && token ? token : undefined;
  }
  if (!request.upgradeRequested) return undefined;
  const protocols = (header(request.headers, 'sec-websocket-protocol') ?? '').split(',').map((one) => one.trim());
  const carrier = protocols.find((one) => one.startsWith(webSocketTokenPrefix));
  if (carrier === undefined) return undefined;
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(carrier.slice(webSocketTokenPrefix.length), { alphabet: 'base64url' }));
  } catch {
    // Not a token that anybody could know: refused as such.
    return carrier;
  }
}

/** A token that is not looked at, since more than one space stands before it; its sender is told. */
export function isBearerIgnored(request: HttpRequest): boolean {
  return /^bearer {2}/i.test(header(request.headers, 'authorization')?.trim() ?? '');
}

/** The first that accepts wins; a refusal counts only if nobody accepts. */
export function unionTokens(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    async authenticateToken(token, audiences) {
      let refusal: AuthenticationResult = { kind: 'none' };
      for (const authenticator of authenticators) {
        const result = await authenticator.authenticateToken(token, audiences);
        if (result.kind === 'user') return result;
        if (result.kind === 'invalid') refusal = result;
      }
      return refusal;
    },
  };
}

export function bearerAuthenticator(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  return {
    async authenticate(request): Promise<AuthenticationResult> {
      const token = bearerToken(request);
      if (token === undefined) return { kind: 'none' };
      const result = await tokens.authenticateToken(token, audiences);
      return result.kind === 'none' ? { kind: 'invalid', reason: 'invalid bearer token' } : result;
    },
  };
}
