/** What a member holds at a revision; comparable only between members that are compacted to the same one. */
export interface MemberHash {
  readonly memberId: bigint;
  readonly hash: number;
  readonly compactRevision: number;
}

export type HashVerdict =
  | { readonly kind: 'equal' }
  /** A majority of all voters holds the same; these don't. */
  | { readonly kind: 'diverged'; readonly members: readonly bigint[] }
  /** They differ, and no majority says who is right. */
  | { readonly kind: 'undecided' };

/**
 * `hashes`: of those members that could be compared. `voters`: all of them; a learner is judged but does not judge. The leader's
 * hash has no more weight than any other.
 */
export function judgeHashes(hashes: readonly MemberHash[], voters: readonly bigint[]): HashVerdict {
  const votes = new Map<number, number>();
  for (const { hash, memberId } of hashes) votes.set(hash, (votes.get(hash) ?? 0) + (voters.includes(memberId) ? 1 : 0));
  if (votes.size <= 1) return { kind: 'equal' };
  const majority = [...votes].find(([, count]) => count > voters.length / 2)?.[0];
  if (majority === undefined) return { kind: 'undecided' };
  return { kind: 'diverged', members: hashes.filter(({ hash }) => hash !== majority).map(({ memberId }) => memberId) };
}
