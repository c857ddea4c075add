import { fromUtf8, utf8, type Host } from '@coxswain/host';
import type { NodeFiles } from '../system.ts';
import { splitPair, type CertificatePair, type KeyTools } from './key-tools.ts';

/** One kind of certificate of this kubelet (`kubelet-client`, `kubelet-server`) on disk. */
export class CertificateStore {
  readonly #host: Host;
  readonly #files: NodeFiles;
  readonly #directory: string;
  readonly #name: string;

  constructor(host: Host, files: NodeFiles, directory: string, name: string) {
    this.#host = host;
    this.#files = files;
    this.#directory = directory;
    this.#name = name;
  }

  get path(): string { return `${this.#directory}/${this.#name}-current.pem`; }

  /** Undefined if there is none, or it is no longer valid, or it is not for `commonName`. */
  async load(tools: KeyTools, commonName: string): Promise<CertificatePair | undefined> {
    if (!(await this.#host.disk.exists(this.path))) return undefined;
    const pair = splitPair(fromUtf8(await this.#host.disk.readFile(this.path)));
    const facts = pair === undefined ? undefined : tools.read(pair.certPem);
    if (facts === undefined || facts.notAfterMs <= this.#host.clock.nowMs() || facts.commonName !== commonName) return undefined;
    return pair;
  }

  async save(pair: CertificatePair): Promise<void> {
    await this.#files.makeDirectory(this.#directory, 0o700);
    const stamp = new Date(this.#host.clock.nowMs()).toISOString().slice(0, 19).replaceAll(':', '-').replace('T', '-');
    const file = `${this.#name}-${stamp}.pem`;
    await this.#host.disk.writeFileAtomic(`${this.#directory}/${file}`, utf8(`${pair.certPem.trimEnd()}\n${pair.keyPem}`), { mode: 0o600 });
    await this.#files.symlink(file, `${this.path}.new`);
    await this.#host.disk.rename(`${this.path}.new`, this.path);
  }
}
