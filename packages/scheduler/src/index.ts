export * from './config.ts';
export * from './config-file.ts';
export * from './start.ts';
export type * from './explain/explanation.ts';
export { decide, feasibleNodesToFind, type Decision, type DecideOptions } from './decide.ts';
export { SchedulerCache } from './cache/cache.ts';
export { makeFramework } from './profile.ts';
