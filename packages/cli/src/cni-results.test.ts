import { expect, test } from 'vitest';
import { ownCniResults } from './cni-results.ts';

function file(containerId: string, config: unknown): string {
  return JSON.stringify({ kind: 'cniCacheV1', containerId, config: new TextEncoder().encode(JSON.stringify(config)).toBase64() });
}

test('only the results of this cluster, with their loopbacks', () => {
  const files = new Map([
    ['kubenet-a-eth0', file('a', { name: 'kubenet', plugins: [{ ipam: { dataDir: '/data/one/nodes/node-1/kubelet/cni' } }] })],
    ['cni-loopback-a-lo', file('a', { name: 'cni-loopback' })],
    ['kubenet-b-eth0', file('b', { name: 'kubenet', plugins: [{ ipam: { dataDir: '/data/one-more/nodes/node-1/kubelet/cni' } }] })],
    ['cni-loopback-b-lo', file('b', { name: 'cni-loopback' })],
    ['broken', '{"kind":'],
  ]);
  expect(ownCniResults(files, '/data/one')).toEqual(['kubenet-a-eth0', 'cni-loopback-a-lo']);
});
