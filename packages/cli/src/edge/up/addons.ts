import type { Client, KubeObject, ResourceType } from '@coxswain/client';
import { isNotFound, resources } from '@coxswain/client';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { Secret, Service } from 'kubernetes-types/core/v1';
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from 'kubernetes-types/rbac/v1';
import { apiAddress, dnsServiceAddress, type ClusterSettings } from '../../settings.ts';
import { dnsPort } from '../../ports.ts';

function binding(name: string, role: string, subject: { readonly kind: 'Group' | 'User'; readonly name: string }): ClusterRoleBinding {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', ...subject }],
  };
}

/** What kubeadm grants so that nodes can join, and what our DNS may read. */
const bindings: readonly ClusterRoleBinding[] = [
  binding('coxswain:kubelet-bootstrap', 'system:node-bootstrapper', { kind: 'Group', name: 'system:bootstrappers' }),
  binding('coxswain:node-autoapprove-bootstrap', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', { kind: 'Group', name: 'system:bootstrappers' }),
  binding('coxswain:node-autoapprove-rotation', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', { kind: 'Group', name: 'system:nodes' }),
  // kube-proxy uses its node's own identity, so that a node joins with nothing but its token.
  binding('coxswain:node-proxier', 'system:node-proxier', { kind: 'Group', name: 'system:nodes' }),
  binding('coxswain:dns', 'coxswain:dns', { kind: 'User', name: 'coxswain:dns' }),
  // Upstream leaves serving certificates to the operator; here the controller manager approves a node's own names.
  binding('coxswain:kubelet-serving-approver', 'system:certificates.k8s.io:kubelet-serving-approver', { kind: 'User', name: 'system:serviceaccount:kube-system:certificate-controller' }),
];

const dnsRules: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['services', 'namespaces', 'pods', 'endpoints'], verbs: ['list', 'watch'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
];

const dnsRole: ClusterRole = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'coxswain:dns' }, rules: [...dnsRules] };

const dnsPorts = [{ name: 'dns', protocol: 'UDP' }, { name: 'dns-tcp', protocol: 'TCP' }] as const;

function dnsService(settings: ClusterSettings): Service {
  return {
    apiVersion: 'v1', kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' } },
    spec: { clusterIP: dnsServiceAddress(settings), ports: dnsPorts.map((port) => ({ ...port, port: 53, targetPort: dnsPort })) },
  };
}

/** The DNS is a process and no pod, so its slice is written by hand. */
function dnsSlice(settings: ClusterSettings): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4',
    metadata: { name: 'kube-dns-coxswain', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns', 'endpointslice.kubernetes.io/managed-by': 'coxswain' } },
    endpoints: [{ addresses: [apiAddress(settings)], conditions: { ready: true, serving: true, terminating: false } }],
    ports: dnsPorts.map((port) => ({ ...port, port: dnsPort })),
  };
}

async function apply<T extends KubeObject>(client: Client, type: ResourceType<T>, object: T): Promise<void> {
  const { name = '', namespace } = object.metadata ?? {};
  await client.patch(type, { name, namespace }, 'apply', object, { fieldManager: 'coxswain', force: true });
}

/** What a cluster needs besides its processes. Repeated, it changes nothing. */
export async function applyAddons(client: Client, settings: ClusterSettings): Promise<void> {
  const work: Promise<void>[] = bindings.map((object) => apply(client, resources.clusterrolebindings, object));
  work.push(apply(client, resources.clusterroles, dnsRole));
  work.push(apply(client, resources.services, dnsService(settings)));
  work.push(apply(client, resources.endpointslices, dnsSlice(settings)));
  await Promise.all(work);
}

const tokenLifeMs = 24 * 3_600_000;

function tokenSecret(id: string, secret: string): Secret {
  const data: Record<string, string> = {
    'token-id': id, 'token-secret': secret, 'usage-bootstrap-authentication': 'true', 'usage-bootstrap-signing': 'true',
    expiration: new Date(Date.now() + tokenLifeMs).toISOString().replace(/\.\d+Z$/, 'Z'), description: 'made by cox up for the nodes of this machine',
  };
  return { apiVersion: 'v1', kind: 'Secret', type: 'bootstrap.kubernetes.io/token', metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' }, stringData: data };
}

/** Good for a day from now, also if it was published before. */
export async function publishBootstrapToken(client: Client, token: string): Promise<void> {
  const [id, secret] = token.split('.') as [string, string];
  await revokeBootstrapToken(client, token);
  await client.create(resources.secrets, tokenSecret(id, secret));
}

export async function revokeBootstrapToken(client: Client, token: string): Promise<void> {
  try {
    await client.delete(resources.secrets, { namespace: 'kube-system', name: `bootstrap-token-${token.split('.')[0] ?? ''}` });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
