import { createPrivateKey, X509Certificate } from 'node:crypto';
import { DiskError, type ClientTls, type Host, type ServerTls, type TimerHandle } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { CertificatePolicy } from '../server/certificate-policy.ts';
import type { TlsIdentity } from '../server/config.ts';
import { revokedSerials } from './revocation-list.ts';
import { tlsSettings, type TlsSettings } from './tls-settings.ts';

/** How often files are looked at; etcd reads them at every handshake. */
const checkMs = 5000;

/** The flags of one side. */
interface Side {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly auth: string;
  readonly crl: string;
  readonly auto: string;
  readonly hostNames: string;
  readonly commonNames: string | undefined;
  readonly urls: string;
  readonly fixtures: string;
}

const clientSide: Side = {
  cert: 'cert-file', key: 'key-file', ca: 'trusted-ca-file', auth: 'client-cert-auth', crl: 'client-crl-file', auto: 'auto-tls',
  hostNames: 'client-cert-allowed-hostname', commonNames: undefined, urls: 'listen-client-urls', fixtures: 'client',
};
const peerSide: Side = {
  cert: 'peer-cert-file', key: 'peer-key-file', ca: 'peer-trusted-ca-file', auth: 'peer-client-cert-auth', crl: 'peer-crl-file', auto: 'peer-auto-tls',
  hostNames: 'peer-cert-allowed-hostname', commonNames: 'peer-cert-allowed-cn', urls: 'listen-peer-urls', fixtures: 'peer',
};

interface SideFiles {
  readonly side: Side;
  readonly certFile: string;
  readonly keyFile: string;
  readonly auto: boolean;
}

export function absolute(path: string): string {
  return path.startsWith('/') ? path : `${process.cwd()}/${path}`;
}

/** What the TLS flags say, read from files, and read again when they change. */
export class TlsFiles {
  readonly #flags: FlagValues;
  readonly #host: Host;
  readonly #settings: TlsSettings;
  readonly #client: SideFiles | undefined;
  readonly #peer: SideFiles | undefined;
  #identity: TlsIdentity = {};
  #seen = '';
  #complaint = '';
  #timer: TimerHandle | undefined;

  /** Throws UsageError if something does not fit or cannot be read. */
  static async open(flags: FlagValues, host: Host, dataDir: string): Promise<TlsFiles> {
    const files = new TlsFiles(flags, host, await sideFiles(flags, host, dataDir, clientSide), await sideFiles(flags, host, dataDir, peerSide));
    const content = await files.#read();
    files.#identity = files.#identityOf(content);
    files.#seen = JSON.stringify([...content]);
    return files;
  }

  private constructor(flags: FlagValues, host: Host, client: SideFiles | undefined, peer: SideFiles | undefined) {
    this.#flags = flags;
    this.#host = host;
    this.#settings = tlsSettings(flags);
    this.#client = client;
    this.#peer = peer;
  }

  get identity(): TlsIdentity {
    return this.#identity;
  }

  /** Calls `changed` whenever the files have become something else that fits. */
  watch(changed: (identity: TlsIdentity) => void): void {
    if (this.#client === undefined && this.#peer === undefined) return;
    this.#timer = this.#host.timers.after(checkMs, () => {
      void this.check(changed).then(() => { if (this.#timer !== undefined) this.watch(changed); });
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Half a file or one that does not fit its pair changes nothing, and is told once. */
  async check(changed: (identity: TlsIdentity) => void): Promise<void> {
    try {
      const content = await this.#read();
      const seen = JSON.stringify([...content]);
      if (seen === this.#seen) return;
      this.#identity = this.#identityOf(content);
      this.#seen = seen;
      this.#complaint = '';
      changed(this.#identity);
      this.#host.log.info('certificates reloaded');
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#complaint) this.#host.log.warn('changed certificate files cannot be used; the old ones stay in use', { error: message });
      this.#complaint = message;
    }
  }

  /** All files by flag. */
  async #read(): Promise<Map<string, string>> {
    const content = new Map<string, string>();
    const read = async (flag: string, path: string): Promise<void> => { if (path !== '') content.set(flag, await readText(this.#host, flag, path)); };
    for (const files of [this.#client, this.#peer]) {
      if (files === undefined) continue;
      await read(files.side.cert, files.certFile);
      await read(files.side.key, files.keyFile);
      await read(files.side.ca, this.#flags.string(files.side.ca));
      await read(files.side.crl, this.#flags.string(files.side.crl));
    }
    if (this.#peer !== undefined) {
      await read('peer-client-cert-file', this.#flags.string('peer-client-cert-file'));
      await read('peer-client-key-file', this.#flags.string('peer-client-key-file'));
    }
    return content;
  }

  #identityOf(content: ReadonlyMap<string, string>): TlsIdentity {
    const client = this.#serverTls(this.#client, content);
    const peer = this.#serverTls(this.#peer, content);
    return {
      ...(client === undefined ? {} : { client }), ...(peer === undefined ? {} : { peer, peerClient: this.#clientTls(peer, content) }),
      ...this.#policy(this.#client, content, 'clientPolicy'), ...this.#policy(this.#peer, content, 'peerPolicy'),
    };
  }

  #policy(files: SideFiles | undefined, content: ReadonlyMap<string, string>, key: 'clientPolicy' | 'peerPolicy'): TlsIdentity {
    if (files === undefined) return {};
    const { side } = files;
    const crl = content.get(side.crl);
    const policy: CertificatePolicy = {
      allowedCommonNames: side.commonNames === undefined ? [] : this.#flags.strings(side.commonNames), allowedHostNames: this.#flags.strings(side.hostNames),
      revokedSerials: crl === undefined ? new Set() : serialsOf(side.crl, crl),
    };
    return { [key]: policy };
  }

  #serverTls(files: SideFiles | undefined, content: ReadonlyMap<string, string>): ServerTls | undefined {
    if (files === undefined) return undefined;
    const { side } = files;
    const pair = checkPair(side.cert, content.get(side.cert) as string, side.key, content.get(side.key) as string);
    const clientCaPem = content.get(side.ca);
    if (clientCaPem === undefined) return { ...pair, ...this.#settings };
    checkCertificate(side.ca, clientCaPem);
    return { ...pair, ...this.#settings, clientCaPem, clientCertificate: this.#flags.bool(side.auth) ? 'require' : 'none' };
  }

  #clientTls(peer: ServerTls, content: ReadonlyMap<string, string>): ClientTls {
    const [cert, key] = [content.get('peer-client-cert-file'), content.get('peer-client-key-file')];
    const pair = cert === undefined || key === undefined ? peer : checkPair('peer-client-cert-file', cert, 'peer-client-key-file', key);
    // As in etcd: who makes its own certificate cannot be told from anyone else who does.
    const trust: ClientTls = this.#peer?.auto === true ? { insecureSkipVerify: true } : peer.clientCaPem === undefined ? {} : { caPem: peer.clientCaPem };
    return { certPem: pair.certPem, keyPem: pair.keyPem, ...trust };
  }
}

async function sideFiles(flags: FlagValues, host: Host, dataDir: string, side: Side): Promise<SideFiles | undefined> {
  const [certFile, keyFile] = [flags.string(side.cert), flags.string(side.key)];
  if (certFile === '' && keyFile === '' && flags.bool(side.auto)) {
    const hosts = flags.strings(side.urls).map((url) => (URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : url));
    // The X.509 library is large, and nothing else here needs it.
    const { selfSigned } = await import('./self-signed.ts');
    return { side, auto: true, ...await selfSigned(host, `${dataDir}/fixtures/${side.fixtures}`, hosts, flags.int('self-signed-cert-validity')) };
  }
  if (certFile === '' && keyFile === '' && flags.string(side.ca) === '' && !flags.bool(side.auth)) return undefined;
  if (certFile === '' || keyFile === '') throw new UsageError(`--${side.cert} and --${side.key} must be given together`);
  if (flags.bool(side.auth) && flags.string(side.ca) === '') throw new UsageError(`--${side.auth} needs --${side.ca}`);
  return { side, certFile, keyFile, auto: false };
}

export async function readFlagFile(host: Host, flag: string, path: string): Promise<Uint8Array> {
  try {
    return await host.disk.readFile(absolute(path));
  } catch (error) {
    if (error instanceof DiskError) throw new UsageError(`--${flag}: ${error.message}`);
    throw error;
  }
}

/** A revocation list may be binary. */
async function readText(host: Host, flag: string, path: string): Promise<string> {
  return Buffer.from(await readFlagFile(host, flag, path)).toString('latin1');
}

function checkCertificate(flag: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new UsageError(`--${flag}: not a certificate in PEM`);
  }
}

function checkPair(certFlag: string, certPem: string, keyFlag: string, keyPem: string): { readonly certPem: string; readonly keyPem: string } {
  const certificate = checkCertificate(certFlag, certPem);
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    throw new UsageError(`--${keyFlag}: not a private key in PEM`);
  }
  if (!fits) throw new UsageError(`--${keyFlag}: the key does not belong to the certificate of --${certFlag}`);
  return { certPem, keyPem };
}

function serialsOf(flag: string, content: string): ReadonlySet<string> {
  try {
    return revokedSerials(Uint8Array.from(Buffer.from(content, 'latin1')));
  } catch {
    throw new UsageError(`--${flag}: not a revocation list`);
  }
}
