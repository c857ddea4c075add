export * from './command.ts';
export * from './duration.ts';
export * from './flags.ts';
export * from './health.ts';
export * from './help.ts';
export * from './metrics.ts';
export * from './nearest.ts';
export * from './parse-flags.ts';
