export * from './conf.ts';
export * from './log.ts';
export * from './membership.ts';
export { decidesAlone } from './replicate.ts';
export * from './state.ts';
export * from './step.ts';
export * from './types.ts';
