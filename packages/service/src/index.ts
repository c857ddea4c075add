export * from './command.ts';
export * from './flags.ts';
