export * from './amounts.ts';
export { podInScope, podTogether, unspecified, type ScopeRequirement } from './pods.ts';
export * from './usage.ts';
