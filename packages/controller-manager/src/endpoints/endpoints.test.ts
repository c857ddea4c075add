import { resources } from '@coxswain/client';
import type { Pod, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { expect, test } from 'vitest';
import { desiredGroups } from '../endpointslice/desired.ts';
import { maxEndpointsPerSlice, planSlices } from '../endpointslice/reconcile.ts';
import { startTestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { subsetsOf } from './subsets.ts';

const service = (spec: Partial<NonNullable<Service['spec']>> = {}): Service => ({
  metadata: { name: 's', namespace: 'n' }, spec: { clusterIP: '10.96.0.9', ipFamilies: ['IPv4'], selector: { app: 'x' }, ports: [{ name: 'http', port: 80, targetPort: 'web', protocol: 'TCP' }], ...spec },
});
const pod = (name: string, ip: string, ready: boolean, more: { deleting?: boolean; port?: number; phase?: string } = {}): Pod => ({
  metadata: { name, namespace: 'n', uid: name, ...(more.deleting === true ? { deletionTimestamp: 't' } : {}) },
  spec: { nodeName: 'node', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: more.port ?? 8080 }] }] },
  status: { phase: more.phase ?? 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const noNode = (): undefined => undefined;

test('subsets: by ports, sorted, ready and not ready apart, ended and leaving pods left out', () => {
  const { subsets } = subsetsOf(service(), [
    pod('b', '10.0.0.2', true), pod('a', '10.0.0.1', true), pod('c', '10.0.0.3', false), pod('gone', '10.0.0.4', true, { phase: 'Succeeded' }),
    pod('leaving', '10.0.0.5', true, { deleting: true }), pod('other', '10.0.0.6', true, { port: 9090 }),
  ]);
  expect(subsets.map((subset) => [subset.addresses?.map(({ ip }) => ip), subset.notReadyAddresses?.map(({ ip }) => ip), subset.ports])).toEqual([
    [['10.0.0.1', '10.0.0.2'], ['10.0.0.3'], [{ name: 'http', port: 8080, protocol: 'TCP' }]],
    [['10.0.0.6'], undefined, [{ name: 'http', port: 9090, protocol: 'TCP' }]],
  ]);
  expect(subsets[0]?.addresses?.[0]).toEqual({ ip: '10.0.0.1', nodeName: 'node', targetRef: { kind: 'Pod', namespace: 'n', name: 'a', uid: 'a' } });
});

test('subsets: published though not ready', () => {
  const { subsets } = subsetsOf(service({ publishNotReadyAddresses: true }), [pod('c', '10.0.0.3', false), pod('leaving', '10.0.0.5', false, { deleting: true })]);
  expect(subsets[0]?.addresses?.map(({ ip }) => ip)).toEqual(['10.0.0.3', '10.0.0.5']);
});

test('conditions of endpoints in slices', () => {
  const conditions = (target: Service, from: Pod): unknown => [...desiredGroups(target, [from], noNode).values()][0]?.endpoints[0]?.conditions;
  expect(conditions(service(), pod('a', '10.0.0.1', true))).toEqual({ ready: true, serving: true, terminating: false });
  expect(conditions(service(), pod('a', '10.0.0.1', true, { deleting: true }))).toEqual({ ready: false, serving: true, terminating: true });
  expect(conditions(service({ publishNotReadyAddresses: true }), pod('a', '10.0.0.1', false))).toEqual({ ready: true, serving: false, terminating: false });
});

test('a service without pods has an empty slice; a headless one without ports has endpoints all the same', () => {
  expect(planSlices([], desiredGroups(service(), [], noNode), ['IPv4']).create).toEqual([{ addressType: 'IPv4', ports: [], endpoints: [] }]);
  const headless = desiredGroups(service({ clusterIP: 'None', ports: [] }), [pod('a', '10.0.0.1', true)], noNode);
  expect(planSlices([], headless, ['IPv4']).create.map((slice) => [slice.ports, slice.endpoints.length])).toEqual([[[], 1]]);
});

test('at most a hundred a slice; a change touches only the slices that it must', () => {
  const pods = Array.from({ length: 250 }, (_, index) => pod(`p${index}`, `10.0.${Math.floor(index / 200)}.${index % 200}`, true));
  const first = planSlices([], desiredGroups(service(), pods, noNode), ['IPv4']);
  expect(first.create.map((slice) => slice.endpoints.length)).toEqual([100, 100, 50]);
  expect(maxEndpointsPerSlice).toBe(100);
  const existing = first.create.map((slice, index): EndpointSlice => ({ ...slice, metadata: { name: `s${index}` } }));
  expect(planSlices(existing, desiredGroups(service(), pods, noNode), ['IPv4'])).toEqual({ create: [], update: [], remove: [] });
  const without = planSlices(existing, desiredGroups(service(), pods.slice(1), noNode), ['IPv4']);
  expect([without.create.length, without.remove.length, without.update.map((slice) => [slice.metadata?.name, slice.endpoints.length])]).toEqual([0, 0, [['s0', 99]]]);
  const more = planSlices(existing, desiredGroups(service(), [...pods, pod('new', '10.0.9.9', true)], noNode), ['IPv4']);
  expect([more.create.length, more.update.map((slice) => [slice.metadata?.name, slice.endpoints.length])]).toEqual([0, [['s2', 51]]]);
  const none = planSlices(existing, desiredGroups(service(), [], noNode), ['IPv4']);
  expect([none.create.length, none.update.length, none.remove.length]).toEqual([0, 1, 2]);
});

test('in a cluster: endpoints and slices follow pods and services', async () => {
  const cluster = await startTestCluster();
  try {
    const nodes = await startHollowNodes(cluster.host, cluster.admin, ['n1'], cluster.signal);
    nodes.readyIf = (found) => found.metadata?.name !== 'b';
    await cluster.startManager();
    await cluster.untilAll(resources.serviceaccounts, 'default', (accounts) => accounts.length > 0);
    const key = { namespace: 'default', name: 's' };
    const created = await cluster.admin.create(resources.services, { metadata: { ...key, labels: { team: 't' } }, spec: { selector: { app: 'x' }, ports: [{ port: 80, targetPort: 8080 }] } });
    for (const name of ['a', 'b']) await cluster.admin.create(resources.pods, { metadata: { name, namespace: 'default', labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await cluster.until(resources.endpoints, key, (found) => found?.subsets?.[0]?.addresses?.length === 1 && found.subsets[0].notReadyAddresses?.length === 1);
    const [slice] = await cluster.untilAll(resources.endpointslices, 'default', (all) => {
      const own = all.filter((found) => found.metadata?.labels?.['kubernetes.io/service-name'] === 's');
      return own.length === 1 && own[0]?.endpoints?.length === 2 && own[0].endpoints.filter(({ conditions }) => conditions?.ready === true).length === 1;
    }).then((all) => all.filter((found) => found.metadata?.labels?.['kubernetes.io/service-name'] === 's'));
    expect(slice?.metadata).toMatchObject({
      generateName: 's-', labels: { team: 't', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 's', uid: created.metadata?.uid, controller: true, blockOwnerDeletion: true }],
    });
    expect(slice?.ports).toEqual([{ name: '', port: 8080, protocol: 'TCP' }]);
    await cluster.admin.delete(resources.services, key);
    await cluster.until(resources.endpoints, key, (found) => found === undefined);
    await cluster.untilAll(resources.endpointslices, 'default', (all) => all.every((found) => found.metadata?.labels?.['kubernetes.io/service-name'] !== 's'));
  } finally {
    await cluster.stop();
  }
});
