import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import { nodeOfUser, nodesGroup } from '../authn/users.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, CacheReader } from '../types.ts';
import type { NodeGraph } from './node-graph.ts';
import { ruleAllows } from './rules.ts';
import { restrictsTo } from './selectors.ts';

const allow: AuthorizationDecision = { decision: 'allow', reason: '' };
const noOpinion = (reason: string): AuthorizationDecision => ({ decision: 'no-opinion', reason });

interface Asked {
  readonly node: string;
  readonly a: AuthorizationAttributes;
  readonly graph: NodeGraph;
}

type Check = (asked: Asked) => AuthorizationDecision;

function related({ node, a, graph }: Asked): AuthorizationDecision {
  if (a.name === '') return noOpinion('No Object name found');
  return graph.refersTo(node, a.resource, a.namespace, a.name) ? allow : noOpinion(`no relationship found between node '${node}' and this object`);
}

const readNamespaced: Check = (asked) => {
  const { a } = asked;
  if (!['get', 'list', 'watch'].includes(a.verb)) return noOpinion('can only read resources of this type');
  if (a.subresource !== '') return noOpinion('cannot read subresource');
  return a.namespace === '' ? noOpinion('can only read namespaced object of this type') : related(asked);
};

const getOnly: Check = (asked) => {
  if (asked.a.verb !== 'get') return noOpinion('can only get individual resources of this type');
  return asked.a.subresource === '' ? related(asked) : noOpinion('cannot get subresource');
};

const claim: Check = (asked) => {
  if (asked.a.subresource !== 'status') return getOnly(asked);
  return ['update', 'patch'].includes(asked.a.verb) ? related(asked) : noOpinion('can only get/update/patch this type');
};

const token: Check = (asked) => {
  const { verb, name, subresource } = asked.a;
  if (verb !== 'create' || name === '') return noOpinion('can only create tokens for individual service accounts');
  return subresource === 'token' ? related(asked) : noOpinion('can only create token subresource of serviceaccount');
};

const ownVerbs = ['get', 'create', 'update', 'patch', 'delete'];

const lease: Check = ({ node, a }) => {
  if (!ownVerbs.includes(a.verb)) return noOpinion('can only get, create, update, patch, or delete a node lease');
  if (a.namespace !== 'kube-node-lease') return noOpinion('can only access leases in the "kube-node-lease" system namespace');
  // On create the name is not known yet; admission compares it.
  return a.verb === 'create' || a.name === node ? allow : noOpinion('can only access node lease with the same name as the requesting node');
};

const csiNode: Check = ({ node, a }) => {
  if (!ownVerbs.includes(a.verb)) return noOpinion('can only get, create, update, patch, or delete a CSINode');
  if (a.subresource !== '') return noOpinion('cannot authorize CSINode subresources');
  return a.verb === 'create' || a.name === node ? allow : noOpinion('can only access CSINode with the same name as the requesting node');
};

const resourceSlice: Check = (asked) => {
  const { node, a } = asked;
  if (a.subresource !== '') return noOpinion('cannot authorize ResourceSlice subresources');
  if (a.verb === 'create') return allow;
  if (['get', 'update', 'patch', 'delete'].includes(a.verb)) return related(asked);
  if (!['watch', 'list', 'deletecollection'].includes(a.verb)) return noOpinion('only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection');
  return restrictsTo(a, 'spec.nodeName', node) ? allow : noOpinion('can only list/watch/deletecollection resourceslices with nodeName field selector');
};

/** A node sees itself only; who lists or watches one by its name has that name in the attributes. */
const nodeObject: Check = ({ node, a }) => {
  if (a.subresource === 'status') return ['update', 'patch'].includes(a.verb) ? allow : noOpinion('');
  if (a.subresource !== '') return noOpinion('');
  if (['create', 'update', 'patch'].includes(a.verb)) return allow;
  if (!['get', 'list', 'watch'].includes(a.verb)) return noOpinion('');
  if (a.name === node) return allow;
  return noOpinion(a.name === '' ? `node '${node}' cannot read all nodes, only its own Node object` : `node '${node}' cannot read '${a.name}', only its own Node object`);
};

const podSubresources: Readonly<Record<string, readonly string[]>> = { '': ['create', 'delete'], status: ['update', 'patch'], eviction: ['create'] };

const pod: Check = ({ node, a, graph }) => {
  if (a.subresource === '' && a.verb === 'get') {
    if (a.name === '') return noOpinion('No Object name found');
    // Unlike upstream's: one that is gone must answer 404, so that the kubelet forgets it.
    return graph.podIsElsewhere(node, a.namespace, a.name) ? noOpinion(`no relationship found between node '${node}' and this object`) : allow;
  }
  if (a.subresource === '' && ['list', 'watch'].includes(a.verb)) {
    if (restrictsTo(a, 'spec.nodeName', node)) return allow;
    if (a.name === '') return noOpinion('can only list/watch pods with spec.nodeName field selector');
    return graph.podIsOf(node, a.namespace, a.name) ? allow : noOpinion(`no relationship found between node '${node}' and this object`);
  }
  return (podSubresources[a.subresource] ?? []).includes(a.verb) ? allow : noOpinion('');
};

/** By `resource.group`. */
const checks: Readonly<Record<string, Check>> = {
  'secrets.': readNamespaced,
  'configmaps.': readNamespaced,
  'persistentvolumeclaims.': claim,
  'persistentvolumes.': getOnly,
  'resourceclaims.resource.k8s.io': getOnly,
  'volumeattachments.storage.k8s.io': getOnly,
  'serviceaccounts.': token,
  'leases.coordination.k8s.io': lease,
  'csinodes.storage.k8s.io': csiNode,
  'resourceslices.resource.k8s.io': resourceSlice,
  'nodes.': nodeObject,
  'pods.': pod,
};

/** `rules`: the ClusterRole system:node, which by default is bound to nobody. */
export function nodeAuthorizer(cache: CacheReader, graph: NodeGraph, rules: readonly PolicyRule[]): Authorizer {
  return {
    name: 'Node',
    async authorize(a): Promise<AuthorizationDecision> {
      if (!a.user.groups.includes(nodesGroup) || !a.user.name.startsWith('system:node:')) return noOpinion('');
      const node = nodeOfUser(a.user);
      if (node === undefined) return noOpinion(`unknown node for user ${JSON.stringify(a.user.name)}`);
      const check = a.isResourceRequest ? checks[`${a.resource}.${a.group}`] : undefined;
      if (check === undefined) return rules.some((rule) => ruleAllows(rule, a)) ? allow : noOpinion('');
      const first = check({ node, a, graph });
      if (first.decision === 'allow') return first;
      // Kinds that were not asked for before are only now read.
      await cache.whenReady();
      return check({ node, a, graph });
    },
  };
}
