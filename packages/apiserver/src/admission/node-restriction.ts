import type { TokenRequest } from 'kubernetes-types/authentication/v1';
import type { Node, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { nodeOfUser, nodesGroup } from '../authn/users.ts';
import type { Lookup } from '../live-lookup.ts';
import { podReferences } from '../authz/pod-references.ts';
import { resources } from '@coxswain/client';
import { typed, typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { refuse } from './attributes.ts';
import { changedLabels, forbiddenLabels } from './node-labels.ts';

type Check = (a: AdmissionAttributes, node: string, lookup: Lookup) => Promise<void> | void;

function createPod(a: AdmissionAttributes, node: string): void {
  const pod = a.object === undefined ? undefined : typed<Pod>(a.object);
  const mirror = pod?.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  if (!mirror) throw refuse(a, `pod does not have "kubernetes.io/config.mirror" annotation, node ${JSON.stringify(node)} can only create mirror pods`);
  if (pod?.spec?.nodeName !== node) throw refuse(a, `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself`);
  const owners = pod.metadata?.ownerReferences ?? [];
  if (owners.length > 1 || owners.some((owner) => owner.kind !== 'Node' || owner.name !== node)) {
    throw refuse(a, `node ${JSON.stringify(node)} can only create pods with an owner reference set to itself`);
  }
  const [reference] = podReferences(pod);
  if (reference !== undefined) throw refuse(a, `node ${JSON.stringify(node)} can not create pods that reference ${reference.split(' ')[0]}`);
}

async function requireOwnPod(a: AdmissionAttributes, node: string, lookup: Lookup, doing: string): Promise<void> {
  const pod = typedOrNone<Pod>(a.oldObject) ?? await lookup<Pod>(resources.pods, a.namespace, a.name);
  // Not found is the registry's answer to give.
  if (pod !== undefined && pod.spec?.nodeName !== node) throw refuse(a, `node ${JSON.stringify(node)} can only ${doing} pods with spec.nodeName set to itself`);
}

const pods: Check = async (a, node, lookup) => {
  if (a.operation === 'CREATE') return createPod(a, node);
  if (a.operation === 'DELETE') return requireOwnPod(a, node, lookup, 'delete');
  throw refuse(a, `unexpected operation ${JSON.stringify(a.operation)}, node ${JSON.stringify(node)} can only create and delete mirror pods`);
};

const podStatus: Check = async (a, node, lookup) => {
  if (a.operation !== 'UPDATE') throw refuse(a, `unexpected operation ${JSON.stringify(a.operation)}`);
  await requireOwnPod(a, node, lookup, 'update pod status for');
  const changed = changedLabels(typedOrNone<Pod>(a.oldObject)?.metadata?.labels, typedOrNone<Pod>(a.object)?.metadata?.labels);
  if (changed.length > 0) throw refuse(a, `node ${JSON.stringify(node)} cannot update labels through pod status`);
};

function nodes(a: AdmissionAttributes, node: string): void {
  const wanted = typedOrNone<Node>(a.object);
  const old = typedOrNone<Node>(a.oldObject);
  const name = a.name || wanted?.metadata?.name || '';
  if (name !== node) throw refuse(a, `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`);
  if (a.operation === 'DELETE') throw refuse(a, `node ${JSON.stringify(node)} is not allowed to delete itself`);
  const bad = forbiddenLabels(changedLabels(old?.metadata?.labels, wanted?.metadata?.labels));
  if (a.operation === 'CREATE') {
    if (bad.length > 0) throw refuse(a, `node ${JSON.stringify(node)} is not allowed to set the following labels: ${bad.join(', ')}`);
    return;
  }
  if (bad.length > 0) throw refuse(a, `is not allowed to modify labels: ${bad.join(', ')}`);
  if (JSON.stringify(old?.spec?.taints ?? []) !== JSON.stringify(wanted?.spec?.taints ?? [])) throw refuse(a, `node ${JSON.stringify(node)} is not allowed to modify taints`);
  if (JSON.stringify(old?.metadata?.ownerReferences ?? []) !== JSON.stringify(wanted?.metadata?.ownerReferences ?? [])) {
    throw refuse(a, `node ${JSON.stringify(node)} is not allowed to modify ownerReferences`);
  }
}

const token: Check = async (a, node, lookup) => {
  const bound = a.object === undefined ? undefined : typed<TokenRequest>(a.object).spec.boundObjectRef;
  if (bound?.kind !== 'Pod' || bound.apiVersion !== 'v1' || !bound.name) throw refuse(a, 'node requested token not bound to a pod');
  if (!bound.uid) throw refuse(a, 'node requested token with a pod binding without a uid');
  const pod = await lookup<Pod>(resources.pods, a.namespace, bound.name, (found) => found.metadata?.uid === bound.uid);
  if (pod === undefined) throw refuse(a, `pod ${JSON.stringify(bound.name)} not found`);
  if (pod.metadata?.uid !== bound.uid) throw refuse(a, 'the UID in the bound object reference does not match the UID in record. The object might have been deleted and then recreated');
  if (pod.spec?.nodeName !== node) throw refuse(a, 'node requested token bound to a pod scheduled on a different node');
};

const claimStatus: Check = (a, node) => {
  const specOf = (object: AdmissionAttributes['object']): string => JSON.stringify(typedOrNone<PersistentVolumeClaim>(object)?.spec);
  if (a.operation !== 'UPDATE' || specOf(a.oldObject) !== specOf(a.object)) {
    throw refuse(a, `node ${JSON.stringify(node)} is not allowed to update fields other than status`);
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

function nameOf(a: AdmissionAttributes): string {
  return a.object === undefined ? '' : typed<Node>(a.object).metadata?.name ?? '';
}

const checks: Readonly<Record<string, Check>> = {
  pods,
  'pods/status': podStatus,
  'pods/eviction': (a, node, lookup) => requireOwnPod(a, node, lookup, 'evict'),
  nodes,
  'nodes/status': nodes,
  'serviceaccounts/token': token,
  persistentvolumeclaims: claims,
  'persistentvolumeclaims/status': claimStatus,
  'leases.coordination.k8s.io': lease,
  'csinodes.storage.k8s.io': csiNode,
};

function keyOf(a: AdmissionAttributes): string {
  const resource = a.resource.group === '' ? a.resource.resource : `${a.resource.resource}.${a.resource.group}`;
  return a.subresource === '' ? resource : `${resource}/${a.subresource}`;
}

/** What the Node authorizer cannot see, since it does not look into bodies: a kubelet writes only what is its own. */
export function nodeRestriction(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    async admit(a) {
      if (!a.user.groups.includes(nodesGroup)) return;
      const check = checks[keyOf(a)];
      if (check === undefined) return;
      const node = nodeOfUser(a.user);
      if (node === undefined) throw refuse(a, `could not determine node from user ${JSON.stringify(a.user.name)}`);
      await check(a, node, lookup);
    },
  };
}
