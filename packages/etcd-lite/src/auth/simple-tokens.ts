import type { Clock, Random } from '@coxswain/host';
import type { AuthInfo, AuthState } from './auth-state.ts';
import type { TokenKind } from './tokens.ts';

interface Known {
  readonly user: string;
  /** What the user's and the state's were when it was issued; it is void when they are others. */
  readonly credential: number;
  readonly enabledAt: number;
  untilMs: number;
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const lettersInToken = 16;
const sweepMs = 1000;

/**
 * Random tokens that all members learn from the log (`LETTERS.INDEX`). Each member forgets a token that was not used on it for
 * `ttlMs`, and those it learned before it was started and that the log no longer holds; clients then authenticate again.
 */
export class SimpleTokens implements TokenKind {
  readonly #host: { readonly clock: Clock; readonly random: Random };
  readonly #ttlMs: number;
  readonly #tokens = new Map<string, Known>();
  #sweepAtMs = 0;

  constructor(host: { readonly clock: Clock; readonly random: Random }, ttlMs: number) {
    this.#host = host;
    this.#ttlMs = ttlMs;
  }

  logged(): string {
    let text = '';
    while (text.length < lettersInToken) {
      // Bytes above the last multiple of 52 would make some letters likelier.
      for (const byte of this.#host.random.bytes(lettersInToken)) if (byte < 4 * letters.length && text.length < lettersInToken) text += letters[byte % letters.length];
    }
    return text;
  }

  applied(token: string, user: string, state: AuthState): void {
    const nowMs = this.#host.clock.monotonicMs();
    this.#sweep(nowMs);
    this.#tokens.set(token, { user, credential: state.user(user)?.credential ?? 0, enabledAt: state.enabledAt, untilMs: nowMs + this.#ttlMs });
  }

  issue(_user: string, logged: string): string {
    return logged;
  }

  find(token: string, state: AuthState): AuthInfo | undefined {
    const known = this.#tokens.get(token);
    if (known === undefined) return undefined;
    const nowMs = this.#host.clock.monotonicMs();
    if (known.untilMs < nowMs || !stillGood(known, state)) {
      this.#tokens.delete(token);
      return undefined;
    }
    known.untilMs = nowMs + this.#ttlMs;
    return { user: known.user, revision: state.revision };
  }

  knownFrom(token: string): number | undefined {
    const index = /^[^.]*\.(\d{1,15})$/.exec(token)?.[1];
    return index === undefined ? undefined : Number(index);
  }

  #sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs) return;
    this.#sweepAtMs = nowMs + sweepMs;
    for (const [token, { untilMs }] of this.#tokens) if (untilMs < nowMs) this.#tokens.delete(token);
  }
}

/** Derived from the replicated state, so that no member can miss that a password was changed or a user deleted. */
function stillGood({ user, credential, enabledAt }: Known, state: AuthState): boolean {
  return state.enabled && state.enabledAt === enabledAt && state.user(user)?.credential === credential;
}
