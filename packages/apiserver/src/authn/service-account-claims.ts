/** The claims of a bound service account token, as they stand in the JWT. */
export interface BoundReference {
  readonly name: string;
  readonly uid: string;
}

export interface ServiceAccountClaims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly iss: string;
  readonly jti: string;
  readonly sub: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: BoundReference;
    readonly pod?: BoundReference;
    readonly secret?: BoundReference;
    readonly node?: { readonly name: string; readonly uid?: string };
    readonly warnafter?: number;
  };
}

export interface TokenRequestFacts {
  readonly namespace: string;
  readonly serviceAccount: BoundReference;
  readonly pod?: BoundReference;
  readonly secret?: BoundReference;
  readonly node?: { readonly name: string; readonly uid?: string };
  readonly audiences: readonly string[];
  readonly issuer: string;
  readonly nowSeconds: number;
  readonly expirationSeconds: number;
  readonly tokenId: string;
  /** From when on its use is noted: it holds longer than was asked for. */
  readonly warnAfterSeconds?: number;
}

export function serviceAccountClaims(facts: TokenRequestFacts): ServiceAccountClaims {
  const { namespace, serviceAccount, pod, secret, node } = facts;
  return {
    aud: facts.audiences,
    exp: facts.nowSeconds + facts.expirationSeconds,
    iat: facts.nowSeconds,
    iss: facts.issuer,
    jti: facts.tokenId,
    'kubernetes.io': {
      namespace,
      ...(node === undefined ? {} : { node }),
      ...(pod === undefined ? {} : { pod }),
      ...(secret === undefined ? {} : { secret }),
      serviceaccount: serviceAccount,
      ...(facts.warnAfterSeconds === undefined ? {} : { warnafter: facts.nowSeconds + facts.warnAfterSeconds }),
    },
    nbf: facts.nowSeconds,
    sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
  };
}
