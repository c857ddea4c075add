/** What a policy made of an object is none of its kind. */
export class PolicyConversionError extends Error {}
