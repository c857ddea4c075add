export { benchStore, type StoreBenchOptions } from './bench.ts';
export { makeCertificates } from './certificates.ts';
export { freePorts, isInstalled, StoreCluster } from './cluster.ts';
export { cpuSecondsOf, memoryOf } from './processes.ts';
export { number } from './report.ts';
export { median } from './rows.ts';
