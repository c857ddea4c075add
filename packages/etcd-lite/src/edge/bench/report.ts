import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type CpuInfo } from 'node:os';
import { join } from 'node:path';
import { etcdVersion } from '../../version.ts';
import { median, summarize, type Row } from './rows.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly etcd: string;
  readonly etcdLiteSays: string;
  readonly filesystem: string;
  /** Of 4 KiB, median of 100. */
  readonly datasyncMs: number;
  readonly loadBefore: number;
}

export function machine(dataDirectory: string): Machine {
  mkdirSync(dataDirectory, { recursive: true });
  const all: readonly CpuInfo[] = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown', cores: all.length, memoryGb: Math.round(totalmem() / 1024 ** 3), kernel: release(), node: process.version,
    etcd: /etcd Version: (\S+)/.exec(execFileSync('etcd', ['--version']).toString())?.[1] ?? 'unknown', etcdLiteSays: etcdVersion,
    filesystem: execFileSync('stat', ['-f', '-c', '%T', dataDirectory]).toString().trim(), datasyncMs: datasyncMs(dataDirectory), loadBefore: loadavg()[0] ?? 0,
  };
}

function datasyncMs(directory: string): number {
  const file = join(directory, 'datasync-probe');
  const handle = openSync(file, 'w');
  const block = Buffer.alloc(4096);
  const times = Array.from({ length: 100 }, () => {
    writeSync(handle, block);
    const startMs = performance.now();
    fdatasyncSync(handle);
    return performance.now() - startMs;
  });
  closeSync(handle);
  rmSync(file);
  return median(times) ?? 0;
}

export function number(value: number | undefined): string {
  if (value === undefined) return '-';
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function goal(row: Row): string {
  switch (row.reach.kind) {
    case 'ratio': return `≥ ${row.reach.atLeast} ×${row.reach.p99 ? ', p99' : ''}`;
    case 'limit': return `≤ ${number(row.reach.atMost)} ${row.unit}`;
    case 'shown': return '';
  }
}

const cpu = (row: Row, kind: 'etcd' | 'etcd-lite'): string => number(median(row.samples[kind].flatMap((sample) => sample.serverCpuSeconds ?? [])));
const pair = (a: string, b: string): string => (a === '-' && b === '-' ? '' : `${a} · ${b}`);

/** Markdown, aligned so that it reads in a terminal too. */
export function table(rows: readonly Row[]): string {
  const lines = [['work', 'where', 'unit', 'etcd', 'etcd-lite', 'ratio', 'p99 ms', 'CPU s', 'empty server', 'goal', 'verdict'], ...rows.map((row) => {
    const so = summarize(row);
    return [row.name, row.where, row.unit, number(so.etcd), number(so.etcdLite), number(so.ratio), pair(number(so.etcdP99Ms), number(so.etcdLiteP99Ms)), pair(cpu(row, 'etcd'), cpu(row, 'etcd-lite')),
      row.empty === undefined ? '' : number(row.empty), goal(row), so.verdict];
  })];
  const widths = (lines[0] as string[]).map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  const text = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`);
  return [text[0], `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...text.slice(1)].join('\n');
}

export function heading(on: Machine): string {
  return `${on.cores} × ${on.cpu}, ${on.memoryGb} GiB, Linux ${on.kernel}, Node ${on.node}, etcd ${on.etcd}; data on ${on.filesystem}, datasync ${number(on.datasyncMs)} ms; load before ${number(on.loadBefore)}`;
}
