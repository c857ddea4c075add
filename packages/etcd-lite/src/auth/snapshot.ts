import { authSnapshot } from '../wire/schema.ts';
import type { AuthState } from './auth-state.ts';

/** The whole auth state, for a snapshot's section. */
export function encodeAuth(state: AuthState): Uint8Array {
  return authSnapshot.encode(state.snapshot());
}

/** Puts `state` where it was when `encodeAuth` was called. */
export function decodeAuth(data: Uint8Array, state: AuthState): void {
  state.restore(authSnapshot.decode(data));
}
