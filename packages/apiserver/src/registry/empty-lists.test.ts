import { stringifyExactly } from '@coxswain/api';
import { afterAll, expect, test } from 'vitest';
import { startTestServer } from '../testing/test-server.ts';

const server = await startTestServer();
afterAll(() => server.stop());

/** What kube-apiserver 1.32.2 answered, for `rules: []` and its like: told as null, and owned all the same. */
test.each([
  ['/apis/rbac.authorization.k8s.io/v1/clusterroles', { rules: [] }, '"rules":null', '"fieldsV1":{"f:rules":{}}'],
  ['/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles', { rules: [] }, '"rules":null', '"fieldsV1":{"f:rules":{}}'],
  ['/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', { addressType: 'IPv4', endpoints: [], ports: [] }, '"endpoints":null,"ports":null', '"fieldsV1":{"f:addressType":{},"f:endpoints":{},"f:ports":{}}'],
] as const)('an empty list that is not left out is null once it is stored: %s', async (target, body, told, owned) => {
  const made = await server.call({ method: 'POST', target, headers: { 'user-agent': 'x' }, body: { metadata: { name: 'empty' }, ...body } });
  expect(made.text).toContain(told);
  expect(made.text).toContain(owned);
  const read = await server.call({ method: 'GET', target: `${target}/empty` });
  expect(read.text).toBe(made.text);
  // Nothing is written where nothing is changed.
  const again = await server.call({ method: 'PATCH', target: `${target}/empty`, headers: { 'content-type': 'application/merge-patch+json', 'user-agent': 'x' }, body });
  expect(again.text).toBe(made.text);
});

test('JSON remembers an empty list; protobuf does not, so that reading the text is another object', () => {
  const role = { kind: 'ClusterRole', apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'a', creationTimestamp: null }, rules: [] };
  const written = (as: 'json' | 'protobuf') => stringifyExactly('io.k8s.api.rbac.v1.ClusterRole', role, undefined, as);
  expect(written('protobuf')).toEqual({ text: expect.stringContaining('"rules":null'), exact: false });
  expect(written('json')).toEqual({ text: expect.stringContaining('"rules":[]'), exact: true });
});
