import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { kubeconfig, withServer } from './kubeconfig.ts';

interface Parsed { readonly clusters: readonly { readonly cluster: { readonly server: string } }[]; readonly users: unknown }

test('a kubeconfig moves to another server and keeps the rest', () => {
  const before = kubeconfig('https://10.89.0.1:6443', 'CA', 'node', { certPem: 'C', keyPem: 'K' });
  const after = parse(withServer(before, 'https://10.89.0.1:7443') ?? '') as Parsed;
  expect(after.clusters[0]?.cluster.server).toBe('https://10.89.0.1:7443');
  expect(after.users).toEqual((parse(before) as Parsed).users);
  expect(withServer(before, 'https://10.89.0.1:6443')).toBeUndefined();
});
