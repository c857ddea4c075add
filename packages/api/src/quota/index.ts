export * from './amounts.ts';
export { unspecified } from './pods.ts';
export * from './usage.ts';
