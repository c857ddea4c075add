import type { EmptyTarget } from './empty.ts';
import { tlsOf, type BenchOptions, type Experiment } from './experiment.ts';
import { failover } from './failover.ts';
import { runLoad, type Operation } from './load.ts';
import { millionKeys } from './million.ts';
import { cpuSeconds } from './processes.ts';
import type { Reach } from './rows.ts';
import { runWatchLoad } from './watch-load.ts';

const both = ['plaintext', 'mutual TLS'] as const;
const warmUpSeconds = 1;

function unary(name: string, operation: Operation, clients: number, reach: Reach, options: BenchOptions): Experiment {
  const load = (endpoints: readonly string[], tls: EmptyTarget['tls']): ReturnType<typeof runLoad> => runLoad({ endpoints, tls, operation, clients, seconds: options.seconds, warmUpSeconds });
  return {
    title: name, rows: [{ name, unit: '/s', reach }], sizes: [1, 3], transports: both, alone: false, repeatsMax: Infinity,
    measure: async (cluster) => {
      const before = cpuSeconds(cluster);
      const result = await load(cluster.endpoints, tlsOf(cluster));
      return [{ value: result.perSecond, p99Ms: result.p99Ms, failed: result.failed, clientCpuSeconds: result.clientCpuSeconds, serverCpuSeconds: cpuSeconds(cluster) - before }];
    },
    empty: { server: { operation, watches: 0, events: 0 }, measure: async ({ endpoint, tls }) => (await load([endpoint], tls)).perSecond },
  };
}

function watching(name: string, watches: number, writes: number, writers: number): Experiment {
  const common = { watches, writes, writers };
  return {
    title: name, rows: [{ name, unit: '/s', reach: { kind: 'ratio', atLeast: 1, p99: false } }], sizes: [1], transports: both, alone: false, repeatsMax: Infinity,
    measure: async (cluster) => {
      const before = cpuSeconds(cluster);
      const result = await runWatchLoad({ ...common, endpoints: cluster.endpoints, tls: tlsOf(cluster), write: true });
      return [{ value: result.perSecond, clientCpuSeconds: result.clientCpuSeconds, serverCpuSeconds: cpuSeconds(cluster) - before }];
    },
    empty: {
      server: { operation: 'watch', watches, events: writes },
      measure: async ({ endpoint, tls }) => (await runWatchLoad({ ...common, endpoints: [endpoint], tls, write: false })).perSecond,
    },
  };
}

const atLeast = (ratio: number, p99: boolean): Reach => ({ kind: 'ratio', atLeast: ratio, p99 });

/** The table of what etcd-lite is to reach, as experiments. */
export function experiments(options: BenchOptions): readonly Experiment[] {
  return [
    unary('put, 1 client', 'put', 1, atLeast(0.8, false), options),
    unary('put, 100 clients', 'put', 100, atLeast(1, true), options),
    unary('put, 1,000 clients', 'put', 1000, atLeast(1, true), options),
    unary('linearizable get, 100 clients', 'linearizable get', 100, atLeast(1, false), options),
    unary('serializable get, 100 clients', 'serializable get', 100, atLeast(1, false), options),
    unary('update transaction, 100 clients', 'txn', 100, atLeast(1, false), options),
    watching('10,000 watchers of a prefix: events', 10_000, options.quick ? 20 : 100, 1),
    watching('1,000 watchers, 1,000 writes: events', 1000, options.quick ? 200 : 1000, 10),
    millionKeys(options),
    failover(),
  ];
}
