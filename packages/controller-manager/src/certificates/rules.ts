import type { CertificateSigningRequestSpec } from 'kubernetes-types/certificates/v1';
import type { CertificateRequest } from './signer.ts';

export type KubernetesSigner =
  | 'kubernetes.io/kube-apiserver-client' | 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving' | 'kubernetes.io/legacy-unknown';

const nodeUserPrefix = 'system:node:';
const nodesGroup = 'system:nodes';

type Spec = Pick<CertificateSigningRequestSpec, 'usages' | 'signerName' | 'username' | 'groups'>;

function usagesAre(spec: Spec, required: readonly string[], allowed: readonly string[]): boolean {
  const usages = spec.usages ?? [];
  return required.every((usage) => usages.includes(usage)) && usages.every((usage) => required.includes(usage) || allowed.includes(usage));
}

function isNodeSubject(request: CertificateRequest): boolean {
  return request.organizations.length === 1 && request.organizations[0] === nodesGroup && request.commonName.startsWith(nodeUserPrefix);
}

/** Why a request may not be signed by that signer; undefined: it may. Upstream's texts. */
export function refusal(spec: Spec, request: CertificateRequest): string | undefined {
  switch (spec.signerName as KubernetesSigner) {
    case 'kubernetes.io/kube-apiserver-client-kubelet':
      if (!isNodeSubject(request)) return subjectRefusal(request);
      if (request.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
      if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
      if (request.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
      if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
      return usagesAre(spec, ['digital signature', 'client auth'], ['key encipherment']) ? undefined : 'usages did not match [digital signature client auth]';
    case 'kubernetes.io/kubelet-serving':
      if (!isNodeSubject(request)) return subjectRefusal(request);
      if (request.dnsNames.length === 0 && request.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
      if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
      if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
      return usagesAre(spec, ['digital signature', 'server auth'], ['key encipherment']) ? undefined : 'usages did not match [digital signature server auth]';
    case 'kubernetes.io/kube-apiserver-client':
      return usagesAre(spec, ['client auth'], ['digital signature', 'key encipherment']) ? undefined : 'usages did not match [client auth]';
    case 'kubernetes.io/legacy-unknown':
      return undefined;
    default:
      return `unrecognized signerName: ${spec.signerName ?? ''}`;
  }
}

function subjectRefusal(request: CertificateRequest): string {
  if (request.organizations.length !== 1 || request.organizations[0] !== nodesGroup) return 'subject organization is not system:nodes';
  return 'subject common name does not begin with system:node:';
}

export function isOurSigner(signerName: string | undefined): boolean {
  return signerName === 'kubernetes.io/kube-apiserver-client' || signerName === 'kubernetes.io/kube-apiserver-client-kubelet'
    || signerName === 'kubernetes.io/kubelet-serving' || signerName === 'kubernetes.io/legacy-unknown';
}

/** What lets a request be approved without a human. */
export type ApprovalRule =
  /** Whoever may `create` this subresource of certificatesigningrequests. */
  | { readonly kind: 'access'; readonly subresource: 'nodeclient' | 'selfnodeclient'; readonly message: string }
  /** The node's own names: compared with the Node object. */
  | { readonly kind: 'serving'; readonly nodeName: string; readonly message: string };

/** Undefined: left to a human. */
export function approvalRule(spec: Spec, request: CertificateRequest): ApprovalRule | undefined {
  if (refusal(spec, request) !== undefined) return undefined;
  const own = spec.username === request.commonName && (spec.groups ?? []).includes(nodesGroup);
  if (spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet') {
    return own ? { kind: 'access', subresource: 'selfnodeclient', message: 'Auto approving self kubelet client certificate after SubjectAccessReview.' }
      : { kind: 'access', subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' };
  }
  if (spec.signerName === 'kubernetes.io/kubelet-serving' && own) {
    return { kind: 'serving', nodeName: request.commonName.slice(nodeUserPrefix.length), message: 'Auto approving kubelet serving certificate for the addresses of its own node.' };
  }
  return undefined;
}

/** kubeadm grants these by ClusterRoleBindings; we know them without. */
export function isGrantedByGroup(rule: ApprovalRule, groups: readonly string[]): boolean {
  if (rule.kind !== 'access') return false;
  return rule.subresource === 'nodeclient' ? groups.includes('system:bootstrappers') : groups.includes(nodesGroup);
}

/** Each name and address that the request asks for belongs to the node. */
export function namesBelongTo(request: CertificateRequest, nodeName: string, addresses: readonly string[]): boolean {
  const known = new Set([nodeName, ...addresses].map((address) => address.toLowerCase()));
  return [...request.dnsNames, ...request.ipAddresses].every((wanted) => known.has(wanted.toLowerCase()));
}
