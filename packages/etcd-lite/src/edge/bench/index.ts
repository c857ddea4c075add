export { benchStore, type StoreBenchOptions } from './bench.ts';
export { isInstalled } from './cluster.ts';
