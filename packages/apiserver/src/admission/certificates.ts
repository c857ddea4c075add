import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../types.ts';
import { typedOrNone } from '../typed.ts';
import { isResource, refuse } from './attributes.ts';

const group = 'certificates.k8s.io';

/** The right on one signer, or on all of its domain. */
async function mayUseSigner(authorizer: Authorizer, a: AdmissionAttributes, verb: 'approve' | 'sign', signerName: string): Promise<boolean> {
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
    async validate(a) {
      if (isResource(a, group, 'certificatesigningrequests', 'approval')) await requireSigner(authorizer, a, 'approve');
    },
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    operations: ['UPDATE'],
    async validate(a) {
      if (!isResource(a, group, 'certificatesigningrequests', 'status')) return;
      const outcome = (object: AdmissionAttributes['object']): string => {
        const status = typedOrNone<CertificateSigningRequest>(object)?.status;
        return JSON.stringify([status?.certificate ?? '', (status?.conditions ?? []).filter((one) => one.type === 'Failed').length]);
      };
      if (outcome(a.oldObject) !== outcome(a.object)) await requireSigner(authorizer, a, 'sign');
    },
  };
}
