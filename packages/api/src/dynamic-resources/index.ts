export * from './claims.ts';
export * from './types.ts';
