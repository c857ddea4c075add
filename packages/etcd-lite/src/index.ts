export { createLocalStore } from './client/local-store.ts';
export * from './client/index.ts';
