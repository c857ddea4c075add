export * from './limits.ts';
export type * from './types.ts';
