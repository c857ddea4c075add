import { rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { cpuSecondsOf, memoryOf, number } from '@coxswain/etcd-lite/bench';
import { creating, lists, prepare, requests, type Bench, type Experiment, type Sample } from './experiments.ts';
import { table, type Row } from './report.ts';
import { foreign, startOwn, type Target } from './targets.ts';
import { connectAll } from './wire.ts';

export interface ApiServerBenchOptions {
  readonly quick: boolean;
  readonly nodes: number;
  /** The two sizes at which is measured. */
  readonly pods: readonly [number, number];
  readonly repeats: number;
  readonly seconds: number;
  readonly members: 1 | 3;
  readonly storeTls: boolean;
  /** Another API server that is measured in turn with ours; '': none. */
  readonly server: string;
  readonly token: string;
  readonly pids: readonly string[];
  /** False: only the other one. */
  readonly own: boolean;
  readonly only: string;
  readonly directory: string;
  readonly json: string;
  readonly nodeArguments: readonly string[];
  readonly print: (line: string) => void;
}

const connections = 4;
const createChunks = 4;

/** All servers are up the whole time and are asked in turn, experiment by experiment, so that the machine's moods fall on all. */
export async function benchApiServer(options: ApiServerBenchOptions): Promise<readonly Row[]> {
  const directory = join(options.directory, `cox-bench-apiserver-${process.pid}`);
  options.print(heading(options));
  const targets: Target[] = [];
  const rows = new Rows(options);
  try {
    if (options.own) targets.push(await startOwn({ directory, members: options.members, storeTls: options.storeTls, nodeArguments: options.nodeArguments }));
    if (options.server !== '') targets.push(foreign(options.server, options.token, options.pids));
    const benches = targets.map((target): Bench => ({ target, connections: [], nodes: options.nodes, pods: 0, seconds: options.seconds }));
    await measure(benches, rows, options);
  } finally {
    for (const target of targets) await target.close();
    rmSync(directory, { recursive: true, force: true });
  }
  options.print(`\n${table(rows.rows)}`);
  if (options.json !== '') writeFileSync(options.json, `${JSON.stringify({ machine: heading(options), rows: rows.rows }, undefined, 1)}\n`);
  return rows.rows;
}

function heading(options: ApiServerBenchOptions): string {
  const all = cpus();
  return [
    `${all.length} × ${all[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}, Node ${process.version}; load before ${number(loadavg()[0])}`,
    `HTTP/2 over TLS 1.3, no compression, ${connections} connections, 64 requests in flight; ours on ${options.members} store members over ${options.storeTls ? 'mutual TLS' : 'plaintext'}`,
  ].join('\n');
}

class Rows {
  readonly rows: Row[] = [];
  readonly #options: ApiServerBenchOptions;

  constructor(options: ApiServerBenchOptions) {
    this.#options = options;
  }

  add(target: string, experiment: Pick<Experiment, 'name' | 'unit' | 'reach'>, sample: Sample): void {
    let row = this.rows.find((one) => one.name === experiment.name);
    if (row === undefined) {
      row = { name: experiment.name, unit: experiment.unit, reach: experiment.reach, samples: {} };
      this.rows.push(row);
    }
    (row.samples[target] ??= []).push(sample);
    const tail = sample.p99Ms === undefined ? '' : `, p50 ${number(sample.p50Ms)} ms, p99 ${number(sample.p99Ms)} ms`;
    const cpu = sample.cpuSeconds === undefined ? '' : `, processor ${Object.entries(sample.cpuSeconds).map(([name, value]) => `${name} ${number(value)}`).join(' ')} s`;
    this.#options.print(`${target.padEnd(16)} ${experiment.name}: ${number(sample.value)} ${experiment.unit}${tail}${cpu}`);
  }
}

async function measure(benches: readonly Bench[], rows: Rows, options: ApiServerBenchOptions): Promise<void> {
  const [small, large] = options.pods;
  for (const bench of benches) await connected(bench, prepare);
  const filling = (name: string, from: number, to: number, chunks: number): Promise<void> =>
    rounds(benches, [creating(name, ({ pods }) => Math.min(to, pods + Math.ceil((to - from) / chunks)))], chunks, rows);
  await filling('create pods', 0, small, createChunks);
  const here = [...requests(options.quick), ...lists(small.toLocaleString('en'))].filter((one) => one.name.includes(options.only));
  await rounds(benches, here, options.repeats, rows);
  memory(benches, rows, small);
  if (large > small) {
    await filling(`create pods beyond ${small.toLocaleString('en')}`, small, large, createChunks);
    await rounds(benches, lists(large.toLocaleString('en')).filter((one) => one.name.includes(options.only)), options.repeats, rows);
    memory(benches, rows, large);
  }
  for (const { target, pods } of benches) {
    if (target.restart !== undefined) rows.add(target.name, { name: `start to ready with ${pods.toLocaleString('en')} pods`, unit: 'ms', reach: undefined }, { value: await target.restart() });
  }
}

/** New ones for each measurement: while the other server is measured an idle one may be closed. */
async function connected<T>(bench: Bench, act: (bench: Bench) => Promise<T>): Promise<T> {
  bench.connections = await connectAll(bench.target, connections);
  try {
    return await act(bench);
  } finally {
    for (const connection of bench.connections) connection.close();
    bench.connections = [];
  }
}

/** Rounds alternate who goes first. */
async function rounds(benches: readonly Bench[], experiments: readonly Experiment[], count: number, rows: Rows): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    for (const experiment of experiments) {
      for (const bench of round % 2 === 0 ? benches : benches.toReversed()) {
        const processes = bench.target.processes();
        const before = processes.map(({ pid }) => cpuSecondsOf(pid));
        const own = process.cpuUsage();
        const sample = await connected(bench, (now) => experiment.measure(now));
        const used = process.cpuUsage(own);
        const cpuSeconds = Object.fromEntries([...processes.map(({ name, pid }, at) => [name, cpuSecondsOf(pid) - (before[at] as number)] as const), ['client', (used.user + used.system) / 1e6]]);
        rows.add(bench.target.name, experiment, { ...sample, cpuSeconds });
      }
    }
  }
}

function memory(benches: readonly Bench[], rows: Rows, pods: number): void {
  for (const { target } of benches) {
    for (const [at, { name, pid }] of target.processes().entries()) {
      const server = at === 0;
      rows.add(target.name, { name: `resident memory with ${pods.toLocaleString('en')} pods: ${server ? 'API server' : name}`, unit: 'MB', reach: server ? { atMost: 0.5 } : undefined }, { value: memoryOf(pid).residentMb });
    }
  }
}
