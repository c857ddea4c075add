import { ApiError } from './api-error.ts';

/** A term of leadership, as the Lease tells it. */
export interface LeaseTerm {
  readonly namespace: string;
  readonly name: string;
  readonly holderIdentity: string;
  readonly leaseTransitions: number;
}

/** On a write: it is done only while the Lease is as it says, and refused (`isFenced`) from the moment on at which somebody else has it. */
export const leaseTermHeader = 'x-coxswain-lease-term';

/** Of the refusal's cause. */
export const fencedReason = 'LeaseMovedOn';

function encodeLeaseTerm({ namespace, name, holderIdentity, leaseTransitions }: LeaseTerm): string {
  return [namespace, name, encodeURIComponent(holderIdentity), leaseTransitions].join('/');
}

/** By this process' own clock its term has ended: nothing was sent. */
export class TermEnded extends Error {
  constructor() {
    super('the Lease under which this was decided has not been renewed in time');
    this.name = 'TermEnded';
  }
}

/** For a write that is decided in the term; none without `term`, which is undefined for who does not lead by a Lease. Throws TermEnded. */
export function termHeaders(term: (() => LeaseTerm | undefined) | undefined): Readonly<Record<string, string>> {
  if (term === undefined) return {};
  const now = term();
  if (now === undefined) throw new TermEnded();
  return { [leaseTermHeader]: encodeLeaseTerm(now) };
}

/** Somebody else leads, or may: what was decided is not to be done, and not to be tried again by this process. */
export function isFenced(error: unknown): boolean {
  return error instanceof TermEnded || (error instanceof ApiError && error.status.details?.causes?.some(({ reason }) => reason === fencedReason) === true);
}

/** undefined: it says nothing that we know. */
export function decodeLeaseTerm(text: string): LeaseTerm | undefined {
  const parts = /^([a-z0-9.-]+)\/([a-z0-9.-]+)\/([\w.~!*'()%-]+)\/(\d{1,15})$/.exec(text);
  if (parts === null) return undefined;
  const [, namespace = '', name = '', holder = '', transitions = ''] = parts;
  try {
    return { namespace, name, holderIdentity: decodeURIComponent(holder), leaseTransitions: Number(transitions) };
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
