/**
 * Creates, gets and lists ConfigMaps through any API server, ours or another one:
 *
 *   node packages/apiserver/scripts/bench.ts --kubeconfig=/var/lib/coxswain/admin.kubeconfig --count=5000 --in-flight=64
 *
 * Works in a namespace of its own, which it deletes in the end.
 */
import { parseArgs } from 'node:util';
import { createClient, resources } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';

const { values: options } = parseArgs({ options: { kubeconfig: { type: 'string', default: '/var/lib/coxswain/admin.kubeconfig' }, count: { type: 'string', default: '5000' }, 'in-flight': { type: 'string', default: '64' } } });
const count = Number(options.count);
const client = createClient(createRealHost(silentLogger), { ...(await loadKubeconfig(options.kubeconfig as string)), userAgent: 'bench' });
const namespace = `bench-${process.pid}`;

async function timed(what: string, total: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const startMs = performance.now();
  await Promise.all(Array.from({ length: Number(options['in-flight']) }, async () => {
    for (let index = next; index < total; index = next) {
      next += 1;
      await work(index);
    }
  }));
  const tookMs = performance.now() - startMs;
  process.stdout.write(`${what}: ${total} in ${(tookMs / 1000).toFixed(2)} s, ${Math.round(total / (tookMs / 1000))}/s\n`);
}

await client.create(resources.namespaces, { metadata: { name: namespace } });
try {
  await timed('create', count, (index) => client.create(resources.configmaps, { metadata: { namespace, name: `c-${index}` }, data: { key: 'value' } }));
  await timed('get', count, (index) => client.get(resources.configmaps, { namespace, name: `c-${index}` }));
  await timed(`list of ${count}`, 10, () => client.list(resources.configmaps, { namespace }));
} finally {
  await client.delete(resources.namespaces, { name: namespace });
}
process.exit(0);
