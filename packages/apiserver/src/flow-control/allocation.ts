export interface Claim {
  readonly lowerBound: number;
  readonly upperBound: number;
  readonly target: number;
}

/** Avoids a division of nothing. */
const minTarget = 0.001;
const rounds = 100;

function given(claim: Claim, fraction: number): number {
  return Math.max(claim.lowerBound, Math.min(claim.upperBound, fraction * Math.max(claim.target, minTarget)));
}

/**
 * The same fraction of everybody's target, within everybody's bounds, so that it adds up to `total`. undefined where the bounds
 * do not allow that.
 */
export function allocate(total: number, claims: readonly Claim[]): { readonly seats: readonly number[]; readonly fraction: number } | undefined {
  const sum = (of: (claim: Claim) => number): number => claims.reduce((all, claim) => all + of(claim), 0);
  const slack = 1e-6;
  if (sum((claim) => claim.lowerBound) > total + slack || sum((claim) => claim.upperBound) < total - slack) return undefined;
  let low = 0;
  let high = Math.max(0, ...claims.map((claim) => claim.upperBound / Math.max(claim.target, minTarget)));
  for (let round = 0; round < rounds; round += 1) {
    const middle = (low + high) / 2;
    if (sum((claim) => given(claim, middle)) < total) low = middle;
    else high = middle;
  }
  return { seats: claims.map((claim) => given(claim, high)), fraction: high };
}
