import type { Client } from '@coxswain/client';
import { fromUtf8, type Host, type Listener, type ServerTls } from '@coxswain/host';
import { messageOf } from '../api-types.ts';
import type { NodeFiles } from '../system.ts';
import { CertificateStore } from './certificate-store.ts';
import { rotationMs, type CertificatePair, type CertificateSubject, type KeyTools } from './key-tools.ts';
import { requestCertificate } from './signing-request.ts';

export interface ServingOptions {
  readonly nodeName: string;
  readonly address: string;
  readonly certDirectory: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** By a signing request; until it is approved a self-signed one serves. */
  readonly bootstrap: boolean;
  readonly clientCaPem: string | undefined;
}

/** The certificate of the kubelet's own server. */
export class ServingCertificate {
  readonly #host: Host;
  readonly #tools: KeyTools;
  readonly #options: ServingOptions;
  readonly #store: CertificateStore;
  #pair: CertificatePair | undefined;
  #signed = false;

  constructor(host: Host, files: NodeFiles, tools: KeyTools, options: ServingOptions) {
    this.#host = host;
    this.#tools = tools;
    this.#options = options;
    this.#store = new CertificateStore(host, files, options.certDirectory, 'kubelet-server');
  }

  get #subject(): CertificateSubject {
    const { nodeName, address } = this.#options;
    return { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'], dnsNames: [nodeName], ipAddresses: address === '' ? [] : [address] };
  }

  async initial(): Promise<ServerTls> {
    const { certFile, keyFile } = this.#options;
    if (certFile !== '' && keyFile !== '') {
      const read = async (path: string): Promise<string> => fromUtf8(await this.#host.disk.readFile(path));
      this.#pair = { certPem: await read(certFile), keyPem: await read(keyFile) };
      this.#signed = true;
      return this.#tls(this.#pair);
    }
    const kept = await this.#store.load(this.#tools, this.#subject.commonName);
    const fits = kept !== undefined && (this.#options.address === '' || this.#tools.read(kept.certPem)?.ipAddresses.includes(this.#options.address) === true);
    this.#signed = fits;
    this.#pair = fits ? kept : await this.#tools.selfSigned(this.#subject, this.#host.clock.nowMs());
    return this.#tls(this.#pair);
  }

  #tls(pair: CertificatePair): ServerTls {
    return { ...pair, ...(this.#options.clientCaPem === undefined ? {} : { clientCaPem: this.#options.clientCaPem }), clientCertificate: 'request' };
  }

  /** Gets a signed certificate if there is none, and a new one in time. Ends when `signal` aborts. */
  async maintain(client: Client, listener: Listener, signal: AbortSignal): Promise<void> {
    if (!this.#options.bootstrap || this.#options.certFile !== '') return;
    while (!signal.aborted) {
      const facts = this.#signed && this.#pair !== undefined ? this.#tools.read(this.#pair.certPem) : undefined;
      if (facts !== undefined) await this.#host.timers.sleep(Math.max(0, rotationMs(facts, this.#host) - this.#host.clock.nowMs()), signal);
      if (signal.aborted) return;
      try {
        this.#pair = await requestCertificate(client, this.#host, this.#tools, 'kubernetes.io/kubelet-serving', this.#subject, signal);
        this.#signed = true;
        await this.#store.save(this.#pair);
        listener.updateTls(this.#tls(this.#pair));
        this.#host.log.info('serving certificate is signed');
      } catch (error) {
        if (signal.aborted) return;
        this.#host.log.warn('serving certificate is not signed', { error: messageOf(error) });
        await this.#host.timers.sleep(30_000, signal);
      }
    }
  }
}
