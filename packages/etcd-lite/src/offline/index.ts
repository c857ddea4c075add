export * from './choose.ts';
export * from './inspect.ts';
export * from './replay.ts';
export * from './restore.ts';
export { streamBytes, streamState } from '../storage/index.ts';
