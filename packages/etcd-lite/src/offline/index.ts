export * from './choose.ts';
export * from './inspect.ts';
export * from './inspect-snapshot.ts';
export * from './replay.ts';
export * from './restore.ts';
export { StoreCorruption, streamBytes, streamState } from '../storage/index.ts';
