/**
 * Puts (or linearizable gets) from many clients at once against any etcd v3 endpoints, ours or a real one:
 *
 *   node packages/etcd-lite/scripts/bench.ts --endpoints=http://127.0.0.1:2379 --clients=100 --seconds=10 --operation=put
 *
 * Each client has one request in flight and waits for its answer; values are 256 bytes, keys are spread over 10,000.
 */
import { parseArgs } from 'node:util';
import { silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createEtcdClient, type EtcdClient } from '../src/client/index.ts';

const { values: options } = parseArgs({
  options: {
    endpoints: { type: 'string', default: 'http://127.0.0.1:2379' }, clients: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' }, operation: { type: 'string', default: 'put' },
  },
});

const value = new Uint8Array(256).fill(120);
const keyCount = 10_000;

async function once(client: EtcdClient, number: number): Promise<void> {
  const key = utf8(`bench/${String(number % keyCount).padStart(8, '0')}`);
  if (options.operation === 'get') await client.range({ key });
  else await client.put({ key, value });
}

function percentile(sorted: readonly number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
}

const endpoints = (options.endpoints as string).split(',');
const clientCount = Number(options.clients);
const host = createRealHost(silentLogger);
const latenciesMs: number[] = [];
let failed = 0;
const endMs = performance.now() + Number(options.seconds) * 1000;
await Promise.all(Array.from({ length: clientCount }, async (_, index) => {
  const client = createEtcdClient(host, { endpoints: [endpoints[index % endpoints.length] as string] });
  for (let number = index; performance.now() < endMs; number += clientCount) {
    const startMs = performance.now();
    await once(client, number).then(() => { latenciesMs.push(performance.now() - startMs); }, () => { failed += 1; });
  }
}));
const sorted = latenciesMs.toSorted((a, b) => a - b);
process.stdout.write(`${options.operation} clients=${clientCount} ${Math.round(sorted.length / Number(options.seconds))}/s p50=${percentile(sorted, 0.5)} ms p99=${percentile(sorted, 0.99)} ms failed=${failed}\n`);
process.exit(0);
