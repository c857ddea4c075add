export * from './runtime.ts';
export * from './system.ts';
