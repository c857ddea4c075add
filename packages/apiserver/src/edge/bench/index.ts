export { benchApiServer, type ApiServerBenchOptions } from './bench.ts';
export { range, runLoad, type LoadResult } from './load.ts';
export { startOwn, type OwnOptions, type Target } from './targets.ts';
export { connectAll, type Call, type Connection, type Endpoint } from './wire.ts';
