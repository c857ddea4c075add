import { requestSubject, type RequestSubject } from '@coxswain/api';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import type { KubeObject } from '@coxswain/client';
import { mastersGroup } from '../authn/users.ts';
import { sameForRights } from '../authz/escalation.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../types.ts';
import { typed, typedOrNone } from '../typed.ts';
import { isResource, refuse } from './attributes.ts';

const group = 'certificates.k8s.io';

/** The right on one signer, or on all of its domain. */
async function mayUseSigner(authorizer: Authorizer, a: AdmissionAttributes, verb: 'approve' | 'sign' | 'attest', signerName: string): Promise<boolean> {
  const [domain = ''] = signerName.split('/');
  for (const name of [signerName, `${domain}/*`]) {
    const { decision } = await authorizer.authorize({
      user: a.user, verb, isResourceRequest: true, path: '', group, version: '*', resource: 'signers', subresource: '', namespace: '', name,
    });
    if (decision === 'allow') return true;
  }
  return false;
}

async function requireSigner(authorizer: Authorizer, a: AdmissionAttributes, verb: 'approve' | 'sign'): Promise<void> {
  const signerName = typedOrNone<CertificateSigningRequest>(a.oldObject)?.spec.signerName ?? '';
  if (await mayUseSigner(authorizer, a, verb, signerName)) return;
  throw refuse(a, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`);
}

/** To write the approval subresource is not enough: the right must be to approve for that signer. */
export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    operations: ['UPDATE'],
    resources: new Set(['certificatesigningrequests/approval']),
    async validate(a) {
      if (isResource(a, group, 'certificatesigningrequests', 'approval')) await requireSigner(authorizer, a, 'approve');
    },
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    operations: ['UPDATE'],
    resources: new Set(['certificatesigningrequests/status']),
    async validate(a) {
      if (!isResource(a, group, 'certificatesigningrequests', 'status')) return;
      const outcome = (object: AdmissionAttributes['object']): string => {
        const status = typedOrNone<CertificateSigningRequest>(object)?.status;
        return JSON.stringify([status?.certificate ?? '', status?.conditions ?? []]);
      };
      if (outcome(a.oldObject) !== outcome(a.object)) await requireSigner(authorizer, a, 'sign');
    },
  };
}

/** Whoever may approve client certificates must not thereby make an administrator whom no rule binds. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  operations: ['CREATE'],
  resources: new Set(['certificatesigningrequests']),
  validate(a) {
    const request = isResource(a, group, 'certificatesigningrequests') ? typedOrNone<CertificateSigningRequest>(a.object) : undefined;
    if (request?.spec.signerName !== 'kubernetes.io/kube-apiserver-client') return Promise.resolve();
    if (subjectOf(a, request, 'failed to parse CSR').organizations.includes(mastersGroup)) throw refuse(a, 'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed');
    return Promise.resolve();
  },
};

/** What cannot be read is refused, with `problem` before the reason. */
export function subjectOf(a: AdmissionAttributes, request: CertificateSigningRequest, problem: string): RequestSubject {
  try {
    return requestSubject(request.spec.request);
  } catch (error) {
    throw refuse(a, `${problem}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** To publish trust in a signer's name one must be allowed to speak for the signer. */
export function clusterTrustBundleAttest(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'ClusterTrustBundleAttest',
    operations: ['CREATE', 'UPDATE'],
    resources: new Set(['clustertrustbundles']),
    async validate(a) {
      if (!isResource(a, group, 'clustertrustbundles')) return;
      const signerName = typedOrNone<KubeObject & { readonly spec?: { readonly signerName?: string } }>(a.object)?.spec?.signerName ?? '';
      if (signerName === '' || (a.object !== undefined && sameForRights(typedOrNone<KubeObject>(a.oldObject), typed<KubeObject>(a.object)))) return;
      if (!await mayUseSigner(authorizer, a, 'attest', signerName)) throw refuse(a, `user not permitted to attest for signerName ${JSON.stringify(signerName)}`);
    },
  };
}
