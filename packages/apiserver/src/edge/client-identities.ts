import type { ClientTls } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { ProxyIdentity } from '../aggregation/upstream.ts';
import { clientTls, readFlagFile } from './config-from-flags.ts';
import type { Trust } from './trust.ts';

function kubeletTls(flags: FlagValues): ClientTls {
  const tls = clientTls(flags, { ca: 'kubelet-certificate-authority', cert: 'kubelet-client-certificate', key: 'kubelet-client-key' });
  return tls.caPem === undefined ? { ...tls, insecureSkipVerify: true } : tls;
}

function proxyIdentity(flags: FlagValues): ProxyIdentity | undefined {
  const certPem = readFlagFile(flags, 'proxy-client-cert-file');
  const keyPem = readFlagFile(flags, 'proxy-client-key-file');
  if ((certPem === undefined) !== (keyPem === undefined)) throw new UsageError('--proxy-client-cert-file and --proxy-client-key-file go together');
  return certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem };
}

/** The files that `ClientIdentities` reads. */
export const identityFlags = ['kubelet-certificate-authority', 'kubelet-client-certificate', 'kubelet-client-key', 'proxy-client-cert-file', 'proxy-client-key-file'] as const;

/**
 * Who this server is to kubelets and to aggregated servers, as the files say by the last look. While they say the same it is the same
 * object, by which connections are kept; a new one begins new connections.
 */
export class ClientIdentities {
  readonly #flags: FlagValues;
  #kubelet: ClientTls;
  #proxy: ProxyIdentity | undefined;

  constructor(flags: FlagValues) {
    this.#flags = flags;
    this.#kubelet = kubeletTls(flags);
    this.#proxy = proxyIdentity(flags);
  }

  /** Answers whether anything is another. Throws where a file cannot be used, and then nothing is. */
  reload(): boolean {
    const [kubelet, proxy] = [kubeletTls(this.#flags), proxyIdentity(this.#flags)];
    const [newKubelet, newProxy] = [JSON.stringify(kubelet) !== JSON.stringify(this.#kubelet), JSON.stringify(proxy) !== JSON.stringify(this.#proxy)];
    if (newKubelet) this.#kubelet = kubelet;
    if (newProxy) this.#proxy = proxy;
    return newKubelet || newProxy;
  }

  readonly kubelet = (): ClientTls => this.#kubelet;
  readonly proxy = (): ProxyIdentity | undefined => this.#proxy;
}

/** What files say and may say otherwise while the server runs. */
export interface Followed {
  readonly trust: Trust;
  readonly identities: ClientIdentities;
}
