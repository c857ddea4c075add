import { rfc3339Micros, utf8, type Clock, type Crypto } from '@coxswain/host';
import { resources, type Client } from '@coxswain/client';
import type { Lease } from 'kubernetes-types/coordination/v1';
import { ensure } from './ensure.ts';

const leaseDurationSeconds = 3600;
const identityLabel = 'apiserver.kubernetes.io/identity';

export interface ServerIdentity {
  readonly hostname: string;
  /** Several servers may share a host. */
  readonly address: string;
  /** New at every start. */
  readonly serverId: string;
}

/** The same at every start. */
export function serverName(crypto: Crypto, { hostname, address }: ServerIdentity): string {
  const digest = crypto.hash('sha256', utf8(`${hostname} ${address}`)).toBase64({ alphabet: 'base64url' }).toLowerCase().replaceAll(/[^a-z0-9]/g, '').slice(0, 26);
  return `apiserver-${digest}`;
}

/** Which servers there are, for whoever asks `kubectl get lease -n kube-system`. */
export async function renewIdentityLease(host: { readonly clock: Clock; readonly crypto: Crypto }, client: Client, identity: ServerIdentity): Promise<void> {
  const name = serverName(host.crypto, identity);
  const renewTime = rfc3339Micros(host.clock.nowMs());
  const wanted: Lease = {
    apiVersion: 'coordination.k8s.io/v1', kind: 'Lease',
    metadata: { name, namespace: 'kube-system', labels: { [identityLabel]: 'kube-apiserver', 'kubernetes.io/hostname': identity.hostname } },
    spec: { holderIdentity: `${name}_${identity.serverId}`, leaseDurationSeconds, renewTime },
  };
  await ensure(client, resources.leases, wanted, (existing) => ({ ...existing, spec: { ...existing.spec, ...wanted.spec } }));
}
