export { benchApiServer, type ApiServerBenchOptions } from './bench.ts';
