import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { kubeconfig } from '../../kubeconfig.ts';
import type { DataPaths } from '../../paths.ts';
import { apiAddress, apiserverAddresses, kubernetesServiceAddress, nodeHosts, type ClusterSettings } from '../../settings.ts';
import type * as certificates from './certificates.ts';
import type { CertificateAuthority, CertificateRequest, KeyPair } from './certificates.ts';

/** The library costs a quarter of a second to load, and a second `cox up` needs none of it. */
type Maker = typeof certificates;

const renewBeforeMs = 30 * 86_400_000;

class Pki {
  readonly #folder: string;
  readonly #maker: Maker;

  constructor(folder: string, maker: Maker) {
    this.#folder = folder;
    this.#maker = maker;
  }

  #path(name: string): string {
    return `${this.#folder}/${name}`;
  }

  #write(name: string, text: string, mode: number): void {
    writeFileSync(this.#path(name), text, { mode });
  }

  async authority(name: string, commonName: string): Promise<CertificateAuthority> {
    if (existsSync(this.#path(`${name}.key`))) return { certPem: readFileSync(this.#path(`${name}.crt`), 'utf8'), keyPem: readFileSync(this.#path(`${name}.key`), 'utf8') };
    const made = await this.#maker.newAuthority(commonName);
    this.#write(`${name}.crt`, made.certPem, 0o644);
    this.#write(`${name}.key`, made.keyPem, 0o600);
    return made;
  }

  /** Made anew when its names change or it is about to end. */
  async pair(name: string, authority: CertificateAuthority, request: CertificateRequest): Promise<KeyPair> {
    const wanted = JSON.stringify({ request, issuer: authority.certPem });
    const known = this.#known(name, wanted);
    if (known !== undefined) return known;
    const made = await this.#maker.issue(authority, request);
    this.#write(`${name}.crt`, made.certPem, 0o644);
    this.#write(`${name}.key`, made.keyPem, 0o600);
    this.#write(`${name}.request.json`, wanted, 0o600);
    return made;
  }

  #known(name: string, wanted: string): KeyPair | undefined {
    if (!existsSync(this.#path(`${name}.request.json`)) || readFileSync(this.#path(`${name}.request.json`), 'utf8') !== wanted) return undefined;
    const certPem = readFileSync(this.#path(`${name}.crt`), 'utf8');
    if (this.#maker.notAfterMs(certPem) < Date.now() + renewBeforeMs) return undefined;
    return { certPem, keyPem: readFileSync(this.#path(`${name}.key`), 'utf8') };
  }

  async signingKey(): Promise<void> {
    if (existsSync(this.#path('sa.key'))) return;
    const made = await this.#maker.newSigningKey();
    this.#write('sa.key', made.privatePem, 0o600);
    this.#write('sa.pub', made.publicPem, 0o644);
  }
}

/** Everything that proves who is who, as kubeadm lays it out. Done again it changes nothing that is still right. */
export async function makePki(settings: ClusterSettings, paths: DataPaths): Promise<void> {
  mkdirSync(paths.pki, { recursive: true, mode: 0o700 });
  const pki = new Pki(paths.pki, await import('./certificates.ts'));
  const cluster = await pki.authority('ca', 'kubernetes');
  const etcd = await pki.authority('etcd-ca', 'etcd-ca');
  const frontProxy = await pki.authority('front-proxy-ca', 'front-proxy-ca');
  await pki.signingKey();
  await pki.pair('etcd-server', etcd, { commonName: 'etcd', hosts: ['localhost', '127.0.0.1'] });
  await pki.pair('etcd-peer', etcd, { commonName: 'etcd-peer', hosts: ['localhost', '127.0.0.1'] });
  await pki.pair('apiserver-etcd-client', etcd, { commonName: 'kube-apiserver-etcd-client' });
  await pki.pair('apiserver', cluster, { commonName: 'kube-apiserver', client: false, hosts: apiserverHosts(settings) });
  await pki.pair('scheduler-server', cluster, { commonName: 'kube-scheduler', client: false, hosts: ['localhost', '127.0.0.1'] });
  await pki.pair('apiserver-kubelet-client', cluster, { commonName: 'kube-apiserver-kubelet-client', organizations: ['kubeadm:cluster-admins', 'system:masters'] });
  await pki.pair('front-proxy-client', frontProxy, { commonName: 'front-proxy-client' });
  await writeKubeconfigs(pki, cluster, settings, paths);
}

function apiserverHosts(settings: ClusterSettings): readonly string[] {
  return [...new Set(['localhost', '127.0.0.1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local',
    kubernetesServiceAddress(settings), apiAddress(settings), ...apiserverAddresses(settings)])];
}

async function writeKubeconfigs(pki: Pki, cluster: CertificateAuthority, settings: ClusterSettings, paths: DataPaths): Promise<void> {
  const server = `https://${apiAddress(settings)}:${settings.port}`;
  const users = [
    { file: paths.adminKubeconfig, name: 'kubernetes-admin', request: { commonName: 'kubernetes-admin', organizations: ['system:masters'] } },
    { file: `${paths.pki}/controller-manager.kubeconfig`, name: 'controller-manager', request: { commonName: 'system:kube-controller-manager' } },
    { file: `${paths.pki}/scheduler.kubeconfig`, name: 'scheduler', request: { commonName: 'system:kube-scheduler' } },
    { file: `${paths.pki}/dns.kubeconfig`, name: 'dns', request: { commonName: 'coxswain:dns' } },
  ];
  for (const user of users) {
    const pair = await pki.pair(user.name, cluster, user.request);
    writeFileSync(user.file, kubeconfig(server, cluster.certPem, user.name, pair), { mode: 0o600 });
  }
}

/** A node gets only this: the token to ask for a certificate with, and the authority to trust. */
export function writeBootstrapKubeconfigs(settings: ClusterSettings, paths: DataPaths, token: string): void {
  const server = `https://${apiAddress(settings)}:${settings.port}`;
  const caPem = readFileSync(`${paths.pki}/ca.crt`, 'utf8');
  for (const node of nodeHosts(settings)) {
    const files = paths.node(node.name);
    mkdirSync(files.root, { recursive: true, mode: 0o700 });
    writeFileSync(`${files.root}/ca.crt`, caPem, { mode: 0o644 });
    writeFileSync(files.bootstrapKubeconfig, kubeconfig(server, caPem, 'bootstrap', { token }), { mode: 0o600 });
  }
}
