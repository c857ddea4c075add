import type { Client } from '@coxswain/client';
import { fromUtf8, utf8, type Host } from '@coxswain/host';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import { apiCode, messageOf, signingRequests } from '../api-types.ts';
import { decodeBase64, encodeBase64 } from '../base64.ts';
import type { CertificatePair, CertificateSubject, KeyTools } from './key-tools.ts';

export type NodeSigner = 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving';

const usages: Readonly<Record<NodeSigner, readonly string[]>> = {
  'kubernetes.io/kube-apiserver-client-kubelet': ['digital signature', 'client auth'],
  'kubernetes.io/kubelet-serving': ['digital signature', 'server auth'],
};

/** The request was denied or failed: asking the same again makes no sense until somebody acts. */
class RequestRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RequestRefused';
  }
}

const retryMs = 200;
const maxRetryMs = 1000;

async function create(client: Client, signer: NodeSigner, requestPem: string): Promise<string> {
  const created = await client.create(signingRequests, {
    apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { generateName: 'csr-' },
    spec: { request: encodeBase64(utf8(requestPem)), signerName: signer, usages: [...usages[signer]] },
  });
  return created.metadata?.name ?? '';
}

function outcome(request: CertificateSigningRequest): string | undefined {
  for (const condition of request.status?.conditions ?? []) {
    if (condition.type === 'Denied' || condition.type === 'Failed') throw new RequestRefused(`certificate signing request ${request.metadata?.name ?? ''} is ${condition.type.toLowerCase()}: ${condition.reason ?? ''} ${condition.message ?? ''}`);
  }
  const certificate = request.status?.certificate;
  return certificate === undefined || certificate === '' ? undefined : fromUtf8(decodeBase64(certificate));
}

/** Looks once, then watches until it is signed. */
async function signed(client: Client, host: Host, name: string, signal: AbortSignal): Promise<string> {
  while (!signal.aborted) {
    const present = await client.get(signingRequests, { name });
    const certificate = outcome(present);
    if (certificate !== undefined) return certificate;
    try {
      for await (const event of client.watch(signingRequests, { fieldSelector: `metadata.name=${name}`, resourceVersion: present.metadata?.resourceVersion, signal })) {
        if (event.type === 'ERROR' || event.type === 'DELETED') break;
        const answer = event.type === 'BOOKMARK' ? undefined : outcome(event.object);
        if (answer !== undefined) return answer;
      }
    } catch (error) {
      if (error instanceof RequestRefused) throw error;
      host.log.debug('watch of the signing request broke off', { error: messageOf(error) });
    }
    await host.timers.sleep(retryMs, signal);
  }
  throw new RequestRefused('stopped');
}

/** A new key and its certificate, signed by the cluster. Tries again for as long as the API server cannot be reached. */
export async function requestCertificate(client: Client, host: Host, tools: KeyTools, signer: NodeSigner, subject: CertificateSubject, signal: AbortSignal): Promise<CertificatePair> {
  const { keyPem, requestPem } = await tools.newRequest(subject);
  let name: string | undefined;
  for (let delayMs = retryMs; ; delayMs = Math.min(maxRetryMs, delayMs * 2)) {
    try {
      name ??= await create(client, signer, requestPem);
      const certPem = await signed(client, host, name, signal);
      return { certPem, keyPem };
    } catch (error) {
      if (error instanceof RequestRefused || signal.aborted) throw error;
      if (apiCode(error) === 404) name = undefined;
      host.log.warn('certificate is not signed yet', { signer, error: messageOf(error) });
      await host.timers.sleep(delayMs, signal);
    }
  }
}
