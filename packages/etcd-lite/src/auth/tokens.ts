import { etcdError } from '../client/errors.ts';
import type { AuthInfo, AuthState } from './auth-state.ts';

/** A kind of token. It only says who somebody is; what they may do is in the replicated state. */
export interface TokenKind {
  /** The part of a new token that goes into the log; empty if it needs none. */
  logged(): string;
  /** An authentication was applied, on whichever member it was asked for. */
  applied(token: string, user: string, state: AuthState): void;
  /** The token to answer with, after `applied`; `revision` is the one at which the password was right. */
  issue(user: string, logged: string, revision: number): string;
  /** Who it names; undefined: not valid, or not known here yet. */
  find(token: string, state: AuthState): AuthInfo | undefined;
  /** The log position from which on every member knows the token; undefined: it is not one of this kind, or needs none. */
  knownFrom(token: string): number | undefined;
}

/** As tokens come in metadata; over HTTP the scheme may stand before them. */
function bareToken(text: string): string {
  return text.startsWith('Bearer ') ? text.slice('Bearer '.length) : text;
}

/** Waits until this member knows what a majority does, at most once. Throws invalidAuthToken. */
export async function findToken(kind: TokenKind, text: string, state: () => { readonly auth: AuthState; readonly index: number }, catchUp: () => Promise<void>): Promise<AuthInfo> {
  const token = bareToken(text);
  const found = kind.find(token, state().auth);
  if (found !== undefined) return found;
  const index = kind.knownFrom(token);
  if (index !== undefined && index > state().index) {
    await catchUp();
    const late = kind.find(token, state().auth);
    if (late !== undefined) return late;
  }
  throw etcdError('invalidAuthToken');
}
