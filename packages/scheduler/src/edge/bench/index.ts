export { benchScheduling, compareSchedulingReports, type SchedulingBenchOptions } from './bench.ts';
export type { Report, Row } from './report.ts';
export { workloads } from './workloads.ts';
