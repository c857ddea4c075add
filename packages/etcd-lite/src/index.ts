export { createLocalStore } from './client/local-store.ts';
export * from './client/index.ts';
export type { AutoCompaction, EtcdConfig } from './server/config.ts';
export { startEtcdServer, type RunningEtcd } from './server/start.ts';
