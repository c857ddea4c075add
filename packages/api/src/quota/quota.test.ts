import type { Pod, ResourceQuota } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { amountsText, quotaCovers, quotaUsage, unspecified } from './index.ts';

const pods = { group: '', resource: 'pods' };
const container = (name: string, cpu?: string, limit?: string): { name: string; resources: object } => ({ name, resources: { ...(cpu === undefined ? {} : { requests: { cpu } }), ...(limit === undefined ? {} : { limits: { cpu: limit } }) } });

test('a pod counts its containers together, or its greatest init container', () => {
  const pod: Pod = { spec: { containers: [container('a', '100m', '1'), container('b', '250m', '1')], initContainers: [container('i', '200m')] } };
  expect(quotaUsage(pods, pod, 0)).toEqual({ 'count/pods': '1', pods: '1', cpu: '350m', 'requests.cpu': '350m', 'limits.cpu': '2' });
  const heavy: Pod = { spec: { containers: [container('a', '100m')], initContainers: [{ ...container('s', '300m'), restartPolicy: 'Always' }, container('i', '1')], overhead: { cpu: '50m' } } };
  expect(quotaUsage(pods, heavy, 0)['requests.cpu']).toBe('1350m');
  expect(quotaUsage(pods, { ...pod, status: { phase: 'Succeeded' } }, 0)).toEqual({ 'count/pods': '1' });
});

test('services, claims and whatever else', () => {
  expect(quotaUsage({ group: '', resource: 'services' }, { spec: { type: 'LoadBalancer', ports: [{ port: 1 }, { port: 2 }] } }, 0)).toEqual({ 'count/services': '1', services: '1', 'services.nodeports': '2', 'services.loadbalancers': '1' });
  expect(quotaUsage({ group: '', resource: 'persistentvolumeclaims' }, { spec: { storageClassName: 'gold', resources: { requests: { storage: '5Gi' } } } }, 0)).toEqual({
    'count/persistentvolumeclaims': '1', persistentvolumeclaims: '1', 'requests.storage': '5Gi',
    'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1', 'gold.storageclass.storage.k8s.io/requests.storage': '5Gi',
  });
  expect(quotaUsage({ group: 'apps', resource: 'deployments' }, {}, 0)).toEqual({ 'count/deployments.apps': '1' });
  expect(quotaUsage({ group: '', resource: 'configmaps' }, {}, 0)).toEqual({ 'count/configmaps': '1', configmaps: '1' });
});

test('scopes', () => {
  const covers = (spec: ResourceQuota['spec'], pod: Pod): boolean => quotaCovers({ spec: spec ?? {} }, pods, pod);
  const plain: Pod = { spec: { containers: [container('a')] } };
  expect(covers({ scopes: ['BestEffort', 'NotTerminating'] }, plain)).toBe(true);
  expect(covers({ scopes: ['BestEffort'] }, { spec: { containers: [container('a', '1')] } })).toBe(false);
  expect(covers({ scopes: ['Terminating'] }, { spec: { containers: [], activeDeadlineSeconds: 5 } })).toBe(true);
  const high = { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } };
  expect(covers(high, { spec: { containers: [], priorityClassName: 'high' } })).toBe(true);
  expect(covers(high, plain)).toBe(false);
  expect(quotaCovers({ spec: { scopes: ['BestEffort'] } }, { group: '', resource: 'services' }, {})).toBe(false);
});

test('what a quota wants to be told', () => {
  const pod: Pod = { spec: { containers: [container('b', '1'), container('a')] } };
  expect(unspecified(pod, ['pods', 'requests.cpu', 'limits.cpu'])).toEqual(['limits.cpu for: a,b', 'requests.cpu for: a']);
  expect(amountsText({ pods: '1', cpu: '2' })).toBe('cpu=2,pods=1');
});
