import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import { nodeOfUser } from '../authn/users.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from '../types.ts';
import type { NodeGraph } from './node-graph.ts';
import { ruleAllows } from './rules.ts';

const allow: AuthorizationDecision = { decision: 'allow', reason: '' };
const noOpinion = (reason: string): AuthorizationDecision => ({ decision: 'no-opinion', reason });

type Check = (node: string, a: AuthorizationAttributes, graph: NodeGraph) => AuthorizationDecision | undefined;

function readReferenced(node: string, a: AuthorizationAttributes, graph: NodeGraph): AuthorizationDecision {
  if (!['get', 'list', 'watch'].includes(a.verb)) return noOpinion('can only read resources of this type');
  if (a.subresource !== '') return noOpinion('cannot read subresource');
  if (a.name === '') return noOpinion('No Object name found');
  return graph.refersTo(node, a.resource, a.namespace, a.name) ? allow : noOpinion(`no relationship found between node '${node}' and this object`);
}

function claim(node: string, a: AuthorizationAttributes, graph: NodeGraph): AuthorizationDecision {
  if (a.subresource === 'status' && ['get', 'update', 'patch'].includes(a.verb)) {
    return graph.refersTo(node, a.resource, a.namespace, a.name) ? allow : noOpinion(`no relationship found between node '${node}' and this object`);
  }
  return readReferenced(node, a, graph);
}

function serviceAccount(node: string, a: AuthorizationAttributes, graph: NodeGraph): AuthorizationDecision | undefined {
  if (a.subresource !== 'token') return readReferenced(node, a, graph);
  if (a.verb !== 'create') return noOpinion('can only create tokens for individual service accounts');
  return graph.refersTo(node, 'serviceaccounts', a.namespace, a.name) ? allow : noOpinion(`no relationship found between node '${node}' and this object`);
}

function ownObject(namespace: string, verbs: readonly string[]): Check {
  return (node, a) => {
    if (a.subresource !== '') return noOpinion('cannot authorize subresources of this object');
    if (!verbs.includes(a.verb)) return noOpinion(`can only ${verbs.join(', ')} this object`);
    if (a.namespace !== namespace) return noOpinion(`can only access in the "${namespace}" system namespace`);
    // On create the name is not known yet; admission compares it.
    return a.verb === 'create' || a.name === node ? allow : noOpinion('can only access node object with the same name as the requesting node');
  };
}

/** A node sees itself only; listing asks by name, which the request's parser puts into `name`. */
function node(own: string, a: AuthorizationAttributes): AuthorizationDecision | undefined {
  if (!['get', 'list', 'watch'].includes(a.verb) || a.name === '' || a.name === own) return undefined;
  return noOpinion(`node '${own}' cannot read '${a.name}', only its own Node object`);
}

function pod(own: string, a: AuthorizationAttributes, graph: NodeGraph): AuthorizationDecision | undefined {
  // A pod that is gone must answer 404, so that the kubelet forgets it.
  if (a.verb !== 'get' || !graph.podIsElsewhere(own, a.namespace, a.name)) return undefined;
  return noOpinion(`node '${own}' cannot get a pod of another node`);
}

function volumeAttachment(own: string, a: AuthorizationAttributes): AuthorizationDecision | undefined {
  return a.verb === 'get' ? undefined : noOpinion(`node '${own}' can only get individual resources of this type`);
}

/** By `resource.group`; undefined from a check leaves it to the rules that hold for every node. */
const checks: Readonly<Record<string, Check>> = {
  secrets: readReferenced,
  configmaps: readReferenced,
  persistentvolumeclaims: claim,
  persistentvolumes: readReferenced,
  serviceaccounts: serviceAccount,
  nodes: node,
  pods: pod,
  'volumeattachments.storage.k8s.io': volumeAttachment,
  'leases.coordination.k8s.io': ownObject('kube-node-lease', ['get', 'create', 'update', 'patch', 'delete']),
  'csinodes.storage.k8s.io': ownObject('', ['get', 'create', 'update', 'patch', 'delete']),
};

/** `rules`: the ClusterRole system:node, which by default is bound to nobody. */
export function nodeAuthorizer(graph: NodeGraph, rules: readonly PolicyRule[]): Authorizer {
  return {
    name: 'Node',
    authorize(a): Promise<AuthorizationDecision> {
      const own = nodeOfUser(a.user);
      if (own === undefined) return Promise.resolve(noOpinion(''));
      const check = a.isResourceRequest ? checks[a.group === '' ? a.resource : `${a.resource}.${a.group}`] : undefined;
      const special = check?.(own, a, graph);
      return Promise.resolve(special ?? (rules.some((rule) => ruleAllows(rule, a)) ? allow : noOpinion('')));
    },
  };
}
