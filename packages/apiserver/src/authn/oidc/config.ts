import type { JsonObject } from '@coxswain/api';
import type { SignatureAlgorithm } from '@coxswain/host';

/** A compiled expression over `claims` or `user`: its value as JSON (undefined: it has none). Throws what evaluation failed with. */
export type Expression = (value: JsonObject) => unknown;

export interface CompiledExpression {
  readonly text: string;
  readonly evaluate: Expression;
}

/** `returns`: what it must be known to give. Throws an Error that says what is wrong. */
export type CompileExpression = (variable: 'claims' | 'user', text: string, returns: 'bool' | 'any') => CompiledExpression;

export type Mapping =
  | { readonly kind: 'claim'; readonly claim: string; readonly prefix: string }
  | { readonly kind: 'expression'; readonly expression: CompiledExpression };

export interface Rule {
  readonly expression: CompiledExpression;
  readonly message: string;
}

/** One issuer whose tokens are taken. */
export interface JwtIssuer {
  readonly url: string;
  /** Where its discovery document is, if not below `url`. */
  readonly discoveryUrl?: string | undefined;
  /** Absent: the system's authorities. */
  readonly caPem?: string | undefined;
  readonly audiences: readonly string[];
  readonly signingAlgorithms: readonly SignatureAlgorithm[];
  readonly requiredClaims: readonly { readonly claim: string; readonly value: string }[];
  readonly claimRules: readonly Rule[];
  readonly username: Mapping;
  readonly groups?: Mapping | undefined;
  readonly uid?: Mapping | undefined;
  readonly extra: readonly { readonly key: string; readonly expression: CompiledExpression }[];
  readonly userRules: readonly Rule[];
}

export interface AnonymousConfig {
  readonly enabled: boolean;
  /** Where anonymous requests are let in; empty: everywhere. */
  readonly paths: readonly string[];
}

/** --authentication-config, or the flags that say the same of one issuer. */
export interface AuthenticationConfig {
  readonly issuers: readonly JwtIssuer[];
  readonly anonymous?: AnonymousConfig | undefined;
}
