import { resources } from '@coxswain/client';
import type { Endpoints } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { mirroredAnnotations, mirroredGroups, shouldMirror } from './mirror.ts';

test('what is mirrored', () => {
  const byHand: Endpoints = { metadata: { name: 'e' } };
  expect(shouldMirror(byHand, { spec: {} })).toBe(true);
  expect(shouldMirror(byHand, { spec: { selector: { app: 'x' } } })).toBe(false);
  expect(shouldMirror(byHand, undefined)).toBe(false);
  expect(shouldMirror(undefined, { spec: {} })).toBe(false);
  expect(shouldMirror({ metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } }, { spec: {} })).toBe(false);
  expect(shouldMirror({ metadata: { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } } }, { spec: {} })).toBe(false);
  expect(mirroredAnnotations({ metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', a: 'b' } } })).toEqual({ a: 'b' });
});

test('subsets become groups by address family and ports', () => {
  const groups = [...mirroredGroups({ subsets: [
    { addresses: [{ ip: '10.0.0.1', hostname: 'h', nodeName: 'n' }, { ip: 'fd00::1' }], notReadyAddresses: [{ ip: '10.0.0.2' }], ports: [{ name: 'http', port: 80 }] },
    { addresses: [{ ip: '10.0.0.3' }], ports: [{ name: 'http', port: 8080, protocol: 'UDP' }] },
  ] }).values()];
  expect(groups).toEqual([
    { addressType: 'IPv4', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, hostname: 'h', nodeName: 'n' }, { addresses: ['10.0.0.2'], conditions: { ready: false } }] },
    { addressType: 'IPv6', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], endpoints: [{ addresses: ['fd00::1'], conditions: { ready: true } }] },
    { addressType: 'IPv4', ports: [{ name: 'http', port: 8080, protocol: 'UDP' }], endpoints: [{ addresses: ['10.0.0.3'], conditions: { ready: true } }] },
  ]);
  const many = { subsets: [{ addresses: Array.from({ length: 1001 }, (_, index) => ({ ip: `10.1.${index >> 8}.${index & 255}` })), ports: [{ port: 1 }] }] };
  expect([...mirroredGroups(many).values()][0]?.endpoints).toHaveLength(1000);
});

describe('in a cluster', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTestCluster();
    await cluster.startManager();
  });
  afterAll(async () => { await cluster.stop(); });

  test('a slice comes, follows and goes with its Endpoints, and there is none for the API server\'s own', async () => {
    const key = { namespace: 'default', name: 'outside' };
    await cluster.admin.create(resources.services, { metadata: key, spec: { ports: [{ port: 80 }] } });
    const endpoints = await cluster.admin.create(resources.endpoints, { metadata: { ...key, labels: { team: 'x' } }, subsets: [{ addresses: [{ ip: '192.0.2.10' }], ports: [{ port: 8080 }] }] });
    const mirrored = (addresses: readonly string[]) => (slices: readonly { metadata?: { labels?: Record<string, string> }; endpoints?: { addresses: string[] }[] }[]): boolean => {
      const own = slices.filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === 'outside');
      return own.flatMap((slice) => (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses)).toSorted((a, b) => a.localeCompare(b)).join(' ') === addresses.join(' ');
    };
    const slices = await cluster.untilAll(resources.endpointslices, 'default', mirrored(['192.0.2.10']));
    const own = slices.find(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === 'outside');
    expect(own).toMatchObject({ addressType: 'IPv4', ports: [{ port: 8080, protocol: 'TCP' }], endpoints: [{ conditions: { ready: true } }] });
    expect(own?.metadata?.name).toMatch(/^outside-/);
    expect(own?.metadata?.labels).toEqual({ team: 'x', 'kubernetes.io/service-name': 'outside', 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' });
    expect(own?.metadata?.ownerReferences).toMatchObject([{ kind: 'Endpoints', name: 'outside', uid: endpoints.metadata?.uid, controller: true }]);
    await cluster.admin.patch(resources.endpoints, key, 'merge', { subsets: [{ addresses: [{ ip: '192.0.2.10' }, { ip: '192.0.2.11' }], ports: [{ port: 8080 }] }] });
    await cluster.untilAll(resources.endpointslices, 'default', mirrored(['192.0.2.10', '192.0.2.11']));
    expect(slices.filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === 'kubernetes' && metadata.labels['endpointslice.kubernetes.io/managed-by'] !== undefined)).toEqual([]);
    await cluster.admin.delete(resources.endpoints, key);
    await cluster.untilAll(resources.endpointslices, 'default', mirrored([]));
  });
});
