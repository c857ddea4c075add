export * from './claims.ts';
export * from './matching.ts';
