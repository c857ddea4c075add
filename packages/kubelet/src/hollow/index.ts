export * from './runtime.ts';
export type { ContainerConfig } from '../cri/types.ts';
export * from './system.ts';
export * from './config.ts';
export * from './fleet/config.ts';
export { startFleet, type RunningFleet } from './fleet/fleet.ts';
export * from './fleet/labels.ts';
export { noRules } from './fleet/rules.ts';
export { readRules } from './fleet/rules-file.ts';
