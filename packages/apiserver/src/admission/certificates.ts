import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import { mastersGroup } from '../authn/users.ts';
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

/** DER of the attribute type organizationName, 2.5.4.10. */
const organizationName = [0x06, 0x03, 0x55, 0x04, 0x0a];

function startsAt(data: Uint8Array, at: number, pattern: ArrayLike<number>): boolean {
  for (let i = 0; i < pattern.length; i += 1) if (data[at + i] !== pattern[i]) return false;
  return true;
}

/** The ways in which a parser may be made to read that string: short and long length, one and two bytes a character. */
function encodings(text: string): number[][] {
  const narrow = [...new TextEncoder().encode(text)];
  const wide = narrow.flatMap((byte) => [0, byte]);
  return [narrow, wide].flatMap((value) => [[value.length, ...value], [0x81, value.length, ...value]]);
}

/** Whether that organization is named anywhere in a PKCS#10 request: its attribute type, a string type, the string. */
export function namesOrganization(der: Uint8Array, organization: string): boolean {
  const wanted = encodings(organization);
  for (let at = 0; at < der.length; at += 1) {
    if (startsAt(der, at, organizationName) && wanted.some((value) => startsAt(der, at + organizationName.length + 1, value))) return true;
  }
  return false;
}

function derOf(request: string | undefined): Uint8Array {
  const pem = new TextDecoder().decode(Uint8Array.fromBase64(request ?? ''));
  const body = /-----BEGIN [A-Z ]*CERTIFICATE REQUEST-----([\s\S]*?)-----END/.exec(pem)?.[1] ?? '';
  return Uint8Array.fromBase64(body.replaceAll(/\s/g, ''));
}

/** Whoever may approve client certificates must not thereby make an administrator whom no rule binds. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  operations: ['CREATE'],
  validate(a) {
    const request = isResource(a, group, 'certificatesigningrequests') ? typedOrNone<CertificateSigningRequest>(a.object) : undefined;
    if (request?.spec.signerName !== 'kubernetes.io/kube-apiserver-client') return Promise.resolve();
    if (namesOrganization(derOf(request.spec.request), mastersGroup)) throw refuse(a, 'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed');
    return Promise.resolve();
  },
};
