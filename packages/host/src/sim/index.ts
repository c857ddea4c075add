export * from './disk.ts';
export * from './globals.ts';
export * from './prng.ts';
export * from './simulation.ts';
export * from './trace.ts';
