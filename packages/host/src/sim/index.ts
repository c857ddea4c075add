export * from './disk.ts';
export * from './globals.ts';
export type { Machine } from './machine.ts';
export * from './prng.ts';
export { SimulatedProcess } from './process.ts';
export * from './simulation.ts';
export * from './trace.ts';
