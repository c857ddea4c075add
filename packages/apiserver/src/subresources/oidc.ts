import { utf8, type HttpResponse } from '@coxswain/host';
import type { JwtKey } from '../authn/jwt.ts';
import { methodNotAllowed } from '../registry/errors.ts';
import type { PathHandler } from '../types.ts';

function document(path: string, contentType: string, body: object): PathHandler {
  const bytes = utf8(JSON.stringify(body));
  const response: HttpResponse = { status: 200, headers: { 'content-type': contentType, 'cache-control': 'public, max-age=3600' }, body: bytes };
  return { path, handle: ({ method }) => (method === 'GET' ? Promise.resolve(response) : Promise.reject(methodNotAllowed())) };
}

/** With these two documents anybody can check a service account token without asking the server. */
export function oidcHandlers(options: { readonly issuer: string; readonly jwksUri: string; readonly keys: readonly JwtKey[] }): readonly PathHandler[] {
  // In the order in which upstream writes them.
  const keys = options.keys.map(({ jwk: { kty, crv, x, y, n, e }, keyId: kid, algorithm: alg }) => ({ use: 'sig', kty, kid, crv, alg, x, y, n, e }));
  return [
    document('/.well-known/openid-configuration', 'application/json', {
      issuer: options.issuer,
      jwks_uri: options.jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(options.keys.map((key) => key.algorithm))].toSorted(),
    }),
    document('/openid/v1/jwks', 'application/jwk-set+json', { keys }),
  ];
}
