import { expect, test } from 'vitest';
import { findKind, merged, objectPath, table, wanted, type DiscoveredResource, type ServerChange } from './why.ts';

const change = (resourceVersion: string, server: string, more: Partial<ServerChange> = {}): ServerChange => ({
  time: '2026-01-01T00:00:00.000000Z', resourceVersion, uid: 'u', deleted: false, verb: 'update', subresource: '', auditId: `a${resourceVersion}`, user: 'admin', impersonated: '', userAgent: 'kubectl', sourceIps: ['10.0.0.1'], decision: '', server, ...more,
});

test('what several servers know is one history', () => {
  const both = merged([[change('9', 'one'), change('101', 'one')], [change('10', 'two'), change('9', 'two')]]);
  expect(both.map((one) => one.resourceVersion)).toEqual(['9', '10', '101']);
});

test('kinds are found as kubectl finds them', () => {
  const all: readonly DiscoveredResource[] = [
    { group: '', version: 'v1', resource: 'pods', singular: 'pod', kind: 'Pod', shortNames: ['po'], namespaced: true },
    { group: '', version: 'v1', resource: 'events', singular: 'event', kind: 'Event', shortNames: ['ev'], namespaced: true },
    { group: 'events.k8s.io', version: 'v1', resource: 'events', singular: 'event', kind: 'Event', shortNames: ['ev'], namespaced: true },
    { group: 'apps', version: 'v1', resource: 'deployments', singular: 'deployment', kind: 'Deployment', shortNames: ['deploy'], namespaced: true },
    { group: '', version: 'v1', resource: 'nodes', singular: 'node', kind: 'Node', shortNames: ['no'], namespaced: false },
  ];
  const path = (text: string): string | undefined => {
    const found = findKind(all, text);
    return found === undefined ? undefined : objectPath(found, 'n', 'x');
  };
  expect(['po', 'Deployment', 'deployments.apps', 'events.events.k8s.io', 'ev', 'node', 'thing'].map(path)).toEqual([
    '/api/v1/namespaces/n/pods/x', '/apis/apps/v1/namespaces/n/deployments/x', '/apis/apps/v1/namespaces/n/deployments/x', '/apis/events.k8s.io/v1/namespaces/n/events/x', '/api/v1/namespaces/n/events/x', '/api/v1/nodes/x', undefined,
  ]);
  expect([wanted(['pod/a']), wanted(['pod', 'a']), wanted(['pod'])]).toEqual([{ kind: 'pod', name: 'a' }, { kind: 'pod', name: 'a' }, undefined]);
});

test('a line a change', () => {
  const text = table([change('1', 'one', { verb: 'create', decision: 'replicaset-controller' }), change('2', 'two', { verb: 'delete', deleted: true, impersonated: 'bob' })]);
  const lines = text.split('\n');
  expect(lines[1]).toMatch(/^2026-01-01T00:00:00.000000Z +1 +create +admin +replicaset-controller +kubectl \(10\.0\.0\.1\) +one +a1$/);
  expect(lines[2]).toContain('removed by delete');
  expect(lines[2]).toContain('admin as bob');
});
