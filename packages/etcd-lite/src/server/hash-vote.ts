/** What a member holds at a revision; comparable only between members that are compacted to the same one. */
export interface MemberHash {
  readonly memberId: bigint;
  readonly hash: number;
  readonly compactRevision: number;
}

export type HashVerdict =
  | { readonly kind: 'equal' }
  /** A majority of all members holds the same; these don't. */
  | { readonly kind: 'diverged'; readonly members: readonly bigint[] }
  /** They differ, and no majority says who is right. */
  | { readonly kind: 'undecided' };

/** `hashes`: of those members that could be compared. `memberCount`: of all. The leader's has no more weight than any other. */
export function judgeHashes(hashes: readonly MemberHash[], memberCount: number): HashVerdict {
  const votes = new Map<number, number>();
  for (const { hash } of hashes) votes.set(hash, (votes.get(hash) ?? 0) + 1);
  if (votes.size <= 1) return { kind: 'equal' };
  const majority = [...votes].find(([, count]) => count > memberCount / 2)?.[0];
  if (majority === undefined) return { kind: 'undecided' };
  return { kind: 'diverged', members: hashes.filter(({ hash }) => hash !== majority).map(({ memberId }) => memberId) };
}
