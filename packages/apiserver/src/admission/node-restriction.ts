import type { TokenRequest } from 'kubernetes-types/authentication/v1';
import { notFound } from '@coxswain/api';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import type { Node, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import { nodeOfUser, nodesGroup } from '../authn/users.ts';
import type { Lookup } from '../live-lookup.ts';
import { podReferences } from '../authz/pod-references.ts';
import { resources, type KubeObject } from '@coxswain/client';
import { typed, typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { refuse } from './attributes.ts';
import { subjectOf } from './certificates.ts';
import { changedLabels, forbiddenLabels } from './node-labels.ts';

type Check = (a: AdmissionAttributes, node: string, lookup: Lookup) => Promise<void> | void;

const quote = (text: string): string => JSON.stringify(text);

async function checkMirrorOwner(a: AdmissionAttributes, node: string, lookup: Lookup, owners: readonly OwnerReference[]): Promise<void> {
  const [owner] = owners;
  if (owners.length > 1) throw refuse(a, `node ${quote(node)} can only create pods with a single owner reference set to itself`);
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) throw refuse(a, `node ${quote(node)} can only create pods with an owner reference set to itself`);
  if (owner.controller !== true) throw refuse(a, `node ${quote(node)} can only create pods with a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion === true) throw refuse(a, `node ${quote(node)} must not set blockOwnerDeletion on an owner reference`);
  const found = await lookup<Node>(resources.nodes, '', node);
  if (found === undefined) throw notFound({ group: '', resource: 'nodes' }, node);
  if (found.metadata?.uid !== owner.uid) throw refuse(a, `node ${node} UID mismatch: expected ${owner.uid} got ${found.metadata?.uid ?? ''}`);
}

/** In the order in which they are looked for. */
const forbiddenReferences: readonly (readonly [resource: string, noun: string])[] = [
  ['serviceaccounts', 'a service account'], ['secrets', 'secrets'], ['configmaps', 'configmaps'], ['clustertrustbundles', 'clustertrustbundles'], ['persistentvolumeclaims', 'persistentvolumeclaims'],
];

async function createPod(a: AdmissionAttributes, node: string, lookup: Lookup): Promise<void> {
  const pod = typedOrNone<Pod>(a.object);
  if (pod?.metadata?.annotations?.['kubernetes.io/config.mirror'] === undefined) {
    throw refuse(a, `pod does not have "kubernetes.io/config.mirror" annotation, node ${quote(node)} can only create mirror pods`);
  }
  if (pod.spec?.nodeName !== node) throw refuse(a, `node ${quote(node)} can only create pods with spec.nodeName set to itself`);
  await checkMirrorOwner(a, node, lookup, pod.metadata.ownerReferences ?? []);
  const references = new Set([...podReferences(pod)].map((reference) => reference.split(' ')[0]));
  if ((pod.spec.volumes ?? []).some((volume) => (volume.projected?.sources ?? []).some((source) => source.clusterTrustBundle !== undefined))) references.add('clustertrustbundles');
  const found = forbiddenReferences.find(([resource]) => references.has(resource));
  if (found !== undefined) throw refuse(a, `node ${quote(node)} can not create pods that reference ${found[1]}`);
}

async function requireOwnPod(a: AdmissionAttributes, node: string, lookup: Lookup, why: string): Promise<void> {
  const pod = await lookup<Pod>(resources.pods, a.namespace, a.name || nameOf(a));
  if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, a.name || nameOf(a));
  if (pod.spec?.nodeName !== node) throw refuse(a, why);
}

const pods: Check = async (a, node, lookup) => {
  if (a.operation === 'CREATE') return createPod(a, node, lookup);
  if (a.operation === 'DELETE') return requireOwnPod(a, node, lookup, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
  throw refuse(a, `unexpected operation ${quote(a.operation)}, node ${quote(node)} can only create and delete mirror pods`);
};

function claimNames(pod: Pod | undefined): string {
  return JSON.stringify((pod?.status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => [name, resourceClaimName]));
}

const podStatus: Check = (a, node) => {
  if (a.operation !== 'UPDATE') throw refuse(a, `unexpected operation ${quote(a.operation)}`);
  const [before, after] = [typedOrNone<Pod>(a.oldObject), typedOrNone<Pod>(a.object)];
  if (before?.spec?.nodeName !== node) throw refuse(a, `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`);
  if (changedLabels(before.metadata?.labels, after?.metadata?.labels).length > 0) throw refuse(a, `node ${quote(node)} cannot update labels through pod status`);
  if (claimNames(before) !== claimNames(after)) throw refuse(a, `node ${quote(node)} cannot update resource claim statues`);
};

const podEviction: Check = (a, node, lookup) => {
  if (a.operation !== 'CREATE') throw refuse(a, `unexpected operation ${a.operation}`);
  return requireOwnPod(a, node, lookup, `node ${node} can only evict pods with spec.nodeName set to itself`);
};

function sameField(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

function nodes(a: AdmissionAttributes, node: string): void {
  const wanted = typedOrNone<Node>(a.object);
  const old = typedOrNone<Node>(a.oldObject);
  const name = a.name || nameOf(a);
  if (name !== node) throw refuse(a, `node ${quote(node)} is not allowed to modify node ${quote(name)}`);
  const bad = forbiddenLabels(changedLabels(old?.metadata?.labels, wanted?.metadata?.labels));
  if (a.operation === 'CREATE') {
    if (wanted?.spec?.configSource !== undefined) throw refuse(a, `node ${quote(node)} is not allowed to create pods with a non-nil configSource`);
    if (bad.length > 0) throw refuse(a, `node ${quote(node)} is not allowed to set the following labels: ${bad.join(', ')}`);
  }
  if (a.operation !== 'UPDATE') return;
  if (wanted?.spec?.configSource !== undefined && !sameField(wanted.spec.configSource, old?.spec?.configSource)) {
    throw refuse(a, `node ${quote(node)} is not allowed to update configSource to a new non-nil configSource`);
  }
  if (!sameField(old?.spec?.taints ?? [], wanted?.spec?.taints ?? [])) throw refuse(a, `node ${quote(node)} is not allowed to modify taints`);
  if (bad.length > 0) throw refuse(a, `is not allowed to modify labels: ${bad.join(', ')}`);
}

const token: Check = async (a, node, lookup) => {
  const bound = a.object === undefined ? undefined : typed<TokenRequest>(a.object).spec.boundObjectRef;
  if (bound?.kind !== 'Pod' || bound.apiVersion !== 'v1' || !bound.name) throw refuse(a, 'node requested token not bound to a pod');
  if (!bound.uid) throw refuse(a, 'node requested token with a pod binding without a uid');
  const pod = await lookup<Pod>(resources.pods, a.namespace, bound.name, (found) => found.metadata?.uid === bound.uid);
  if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, bound.name);
  if (pod.metadata?.uid !== bound.uid) throw refuse(a, `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`);
  if (pod.spec?.nodeName !== node) throw refuse(a, 'node requested token bound to a pod scheduled on a different node');
};

/** Without what a kubelet may write: how far a volume has grown. */
function claimWithoutGrowth(object: AdmissionAttributes['object']): string {
  if (object === undefined) return '';
  const { resourceVersion: _version, managedFields: _managed, ...metadata } = typed<PersistentVolumeClaim>(object).metadata ?? {};
  const { capacity: _capacity, conditions: _conditions, allocatedResources: _allocated, allocatedResourceStatuses: _statuses, ...status } = typed<PersistentVolumeClaim>(object).status ?? {};
  return JSON.stringify({ ...object, metadata, status });
}

const claimStatus: Check = (a, node) => {
  if (a.operation !== 'UPDATE') throw refuse(a, `unexpected operation ${quote(a.operation)}`);
  if (claimWithoutGrowth(a.oldObject) !== claimWithoutGrowth(a.object)) {
    throw refuse(a, `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`);
  }
};

const claims: Check = (a) => {
  throw refuse(a, 'may only update PVC status');
};

const lease: Check = (a, node) => {
  if (a.namespace !== 'kube-node-lease') throw refuse(a, 'can only access leases in the "kube-node-lease" system namespace');
  if ((a.name || nameOf(a)) !== node) throw refuse(a, 'can only access node lease with the same name as the requesting node');
};

const csiNode: Check = (a, node) => {
  if ((a.name || nameOf(a)) !== node) throw refuse(a, 'can only access CSINode with the same name as the requesting node');
};

const resourceSlice: Check = (a, node) => {
  const nodeOf = (object: AdmissionAttributes['object']): string | undefined => typedOrNone<KubeObject & { readonly spec?: { readonly nodeName?: string } }>(object)?.spec?.nodeName;
  if (a.operation === 'CREATE' && nodeOf(a.object) !== node) throw refuse(a, 'can only create ResourceSlice with the same NodeName as the requesting node');
  if (a.operation === 'DELETE' && nodeOf(a.oldObject) !== node) throw refuse(a, 'can only delete ResourceSlice with the same NodeName as the requesting node');
};

const kubeletSigners = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

const signingRequest: Check = (a, node) => {
  const request = a.operation === 'CREATE' ? typedOrNone<CertificateSigningRequest>(a.object) : undefined;
  if (request === undefined || !kubeletSigners.includes(request.spec.signerName)) return;
  if (subjectOf(a, request, 'unable to parse csr').commonName !== `system:node:${node}`) throw refuse(a, `can only create a node CSR with CN=system:node:${node}`);
};

function nameOf(a: AdmissionAttributes): string {
  return typedOrNone<Node>(a.object)?.metadata?.name ?? '';
}

const podSubresources: Readonly<Record<string, Check>> = { '': pods, status: podStatus, eviction: podEviction };
const claimSubresources: Readonly<Record<string, Check>> = { status: claimStatus };

/** By `resource.group`. */
const checks: Readonly<Record<string, (a: AdmissionAttributes) => Check | undefined>> = {
  'pods.': (a) => podSubresources[a.subresource] ?? (() => { throw refuse(a, `unexpected pod subresource ${quote(a.subresource)}, only 'status' and 'eviction' are allowed`); }),
  'nodes.': () => nodes,
  'persistentvolumeclaims.': (a) => claimSubresources[a.subresource] ?? claims,
  'serviceaccounts.': (a) => (a.subresource === 'token' && a.operation === 'CREATE' ? token : undefined),
  'leases.coordination.k8s.io': () => lease,
  'csinodes.storage.k8s.io': () => csiNode,
  'resourceslices.resource.k8s.io': () => resourceSlice,
  'certificatesigningrequests.certificates.k8s.io': () => signingRequest,
};

/** What the Node authorizer cannot see, since it does not look into bodies: a kubelet writes only what is its own. */
export function nodeRestriction(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    async admit(a) {
      if (!a.user.groups.includes(nodesGroup) || !a.user.name.startsWith('system:node:')) return;
      const node = nodeOfUser(a.user);
      if (node === undefined) throw refuse(a, `could not determine node from user ${JSON.stringify(a.user.name)}`);
      const check = checks[`${a.resource.resource}.${a.resource.group}`]?.(a);
      if (check === undefined) return;
      await check(a, node, lookup);
    },
  };
}
