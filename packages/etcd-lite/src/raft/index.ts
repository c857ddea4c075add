export * from './log.ts';
export * from './state.ts';
export * from './step.ts';
export * from './types.ts';
