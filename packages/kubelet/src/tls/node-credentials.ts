import { createClient, type Client, type KubeconfigResult } from '@coxswain/client';
import { utf8, type ClientTls, type Host } from '@coxswain/host';
import { encodeBase64 } from '../base64.ts';
import { messageOf } from '../api-types.ts';
import type { NodeFiles } from '../system.ts';
import { CertificateStore } from './certificate-store.ts';
import { rotationMs, type CertificatePair, type KeyTools } from './key-tools.ts';
import { requestCertificate } from './signing-request.ts';

const userAgent = 'kubelet/v1.32.0 (linux) coxswain';

export interface CredentialOptions {
  readonly nodeName: string;
  readonly certDirectory: string;
  readonly kubeconfigPath: string;
  readonly rotate: boolean;
  /** Undefined if the file does not exist. */
  readonly load: (path: string) => Promise<KubeconfigResult | undefined>;
  readonly bootstrapPath: string;
}

/** Every call goes to the client of the newest certificate. */
function currentClient(current: () => Client): Client {
  return {
    get: (type, key) => current().get(type, key), list: (type, options) => current().list(type, options), watch: (type, options) => current().watch(type, options),
    create: (type, object, options) => current().create(type, object, options), update: (type, object, options) => current().update(type, object, options),
    updateStatus: (type, object, options) => current().updateStatus(type, object, options),
    patch: (type, key, patchType, body, options) => current().patch(type, key, patchType, body, options),
    delete: (type, key, options) => current().delete(type, key, options), deleteCollection: (type, options, deleteOptions) => current().deleteCollection(type, options, deleteOptions),
    createSubresource: (type, key, subresource, body) => current().createSubresource(type, key, subresource, body), raw: (request) => current().raw(request),
  };
}

function kubeconfigText(server: string, caPem: string | undefined, pemPath: string): string {
  const ca = caPem === undefined ? '' : `    certificate-authority-data: ${encodeBase64(utf8(caPem))}\n`;
  return `apiVersion: v1
kind: Config
clusters:
- name: default-cluster
  cluster:
${ca}    server: ${server}
contexts:
- name: default-context
  context:
    cluster: default-cluster
    namespace: default
    user: default-auth
current-context: default-context
users:
- name: default-auth
  user:
    client-certificate: ${pemPath}
    client-key: ${pemPath}
`;
}

/** The node's identity towards the API server: from a kubeconfig, or by a bootstrap token and a signing request. */
export class NodeCredentials {
  readonly #host: Host;
  readonly #tools: KeyTools;
  readonly #options: CredentialOptions;
  readonly #store: CertificateStore;
  #client: Client | undefined;
  #pair: CertificatePair | undefined;

  constructor(host: Host, files: NodeFiles, tools: KeyTools, options: CredentialOptions) {
    this.#host = host;
    this.#tools = tools;
    this.#options = options;
    this.#store = new CertificateStore(host, files, options.certDirectory, 'kubelet-client');
  }

  get #subject(): { commonName: string; organizations: string[]; dnsNames: string[]; ipAddresses: string[] } {
    return { commonName: `system:node:${this.#options.nodeName}`, organizations: ['system:nodes'], dnsNames: [], ipAddresses: [] };
  }

  /** Answers a client that stays good over rotations. */
  async establish(signal: AbortSignal): Promise<Client> {
    const { kubeconfigPath, bootstrapPath, load } = this.#options;
    this.#pair = await this.#store.load(this.#tools, this.#subject.commonName);
    // A kubeconfig that points to our own file is of no use without a valid certificate in it.
    const own = await load(kubeconfigPath).catch((error: unknown) => { if (this.#pair === undefined && bootstrapPath !== '') return undefined; throw error; });
    const usesStore = own !== undefined && (await this.#host.disk.exists(this.#store.path));
    if (own !== undefined && (!usesStore || this.#pair !== undefined)) this.#use(own, usesStore ? this.#pair : undefined);
    else await this.#bootstrap(signal);
    if (this.#options.rotate && this.#pair !== undefined) void this.#rotate(signal);
    return currentClient(() => this.#client as Client);
  }

  #use(config: KubeconfigResult, pair: CertificatePair | undefined): void {
    const tls: ClientTls = pair === undefined ? config.tls : { ...config.tls, certPem: pair.certPem, keyPem: pair.keyPem };
    this.#client = createClient(this.#host, { server: config.server, tls, userAgent, ...(pair !== undefined || config.bearerToken === undefined ? {} : { bearerToken: config.bearerToken }) });
  }

  async #bootstrap(signal: AbortSignal): Promise<void> {
    const { bootstrapPath, kubeconfigPath, load } = this.#options;
    const bootstrap = bootstrapPath === '' ? undefined : await load(bootstrapPath);
    if (bootstrap === undefined) throw new Error(`there is no ${kubeconfigPath} and no --bootstrap-kubeconfig to get one with`);
    this.#host.log.info('asking for a client certificate', { node: this.#options.nodeName });
    this.#use(bootstrap, undefined);
    if (this.#pair === undefined) {
      this.#pair = await requestCertificate(this.#client as Client, this.#host, this.#tools, 'kubernetes.io/kube-apiserver-client-kubelet', this.#subject, signal);
      await this.#store.save(this.#pair);
    }
    const text = kubeconfigText(bootstrap.server, bootstrap.tls.caPem, this.#store.path);
    await this.#host.disk.writeFileAtomic(kubeconfigPath, utf8(text), { mode: 0o600 });
    this.#use({ ...bootstrap, bearerToken: '' }, this.#pair);
    this.#host.log.info('client certificate is signed', { kubeconfig: kubeconfigPath });
  }

  async #rotate(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const facts = this.#tools.read((this.#pair as CertificatePair).certPem);
      if (facts === undefined) return;
      await this.#host.timers.sleep(Math.max(0, rotationMs(facts, this.#host) - this.#host.clock.nowMs()), signal);
      if (signal.aborted) return;
      try {
        this.#pair = await requestCertificate(this.#client as Client, this.#host, this.#tools, 'kubernetes.io/kube-apiserver-client-kubelet', this.#subject, signal);
        await this.#store.save(this.#pair);
        const config = await this.#options.load(this.#options.kubeconfigPath);
        if (config !== undefined) this.#use(config, this.#pair);
        this.#host.log.info('client certificate is renewed');
      } catch (error) {
        this.#host.log.warn('client certificate is not renewed', { error: messageOf(error) });
        await this.#host.timers.sleep(60_000, signal);
      }
    }
  }
}
