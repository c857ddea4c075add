export * from './runtime.ts';
export type { ContainerConfig } from '../cri/types.ts';
export * from './system.ts';
export * from './config.ts';
