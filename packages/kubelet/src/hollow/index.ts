export * from './runtime.ts';
export * from './system.ts';
export * from './config.ts';
