export { limitHeapGrowth } from './heap.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './run.ts';
export * from './serve-health.ts';
