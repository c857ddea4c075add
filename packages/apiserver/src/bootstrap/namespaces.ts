import { resources, type Client } from '@coxswain/client';
import { createUnlessThere, find } from './ensure.ts';

const systemNamespaces = ['kube-system', 'kube-public', 'kube-node-lease', 'default'] as const;

export async function ensureNamespace(client: Client, name: string): Promise<void> {
  if (await find(client, resources.namespaces, undefined, name) !== undefined) return;
  await createUnlessThere(client, resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

export async function ensureSystemNamespaces(client: Client): Promise<void> {
  await Promise.all(systemNamespaces.map((name) => ensureNamespace(client, name)));
}
