/** Why a token of an issuer is not taken; for TokenReview and the log, never for whoever shows it. */
export class Refusal extends Error {}
