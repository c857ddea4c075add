import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientTls } from '@coxswain/host';

const program = fileURLToPath(new URL('run-member.ts', import.meta.url));

export function isInstalled(name: string): boolean {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

export interface RealMember { readonly name: string; readonly clientUrl: string; readonly peerUrl: string; process: ChildProcess | undefined }

/** Three processes on this machine with certificates of their own authority; real clocks, disk and sockets. */
export class RealCluster {
  readonly directory: string;
  readonly members: RealMember[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<RealCluster> {
    const cluster = new RealCluster(mkdtempSync(join(tmpdir(), 'etcd-lite-')));
    cluster.#makeCertificates();
    const ports = await freePorts(6);
    for (const [at, name] of ['one', 'two', 'three'].entries()) {
      cluster.members.push({ name, clientUrl: `https://127.0.0.1:${ports[at]}`, peerUrl: `https://127.0.0.1:${ports[at + 3]}`, process: undefined });
    }
    return cluster;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.directory, stdio: 'pipe' });
  }

  #makeCertificates(): void {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    this.#openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=etcd-ca', '-days', '2');
    writeFileSync(this.path('ext'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n');
    for (const name of ['member', 'client']) {
      this.#openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      this.#openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.crt`, '-days', '2', '-extfile', 'ext');
    }
  }

  get endpoints(): readonly string[] {
    return this.members.map((member) => member.clientUrl);
  }

  get tls(): ClientTls {
    const read = (name: string): string => readFileSync(this.path(name), 'utf8');
    return { caPem: read('ca.crt'), certPem: read('client.crt'), keyPem: read('client.key') };
  }

  /** One more machine; it is started like the others, and knows of all that are here. */
  async another(name: string): Promise<RealMember> {
    const [client, peer] = await freePorts(2);
    const member: RealMember = { name, clientUrl: `https://127.0.0.1:${client}`, peerUrl: `https://127.0.0.1:${peer}`, process: undefined };
    this.members.push(member);
    return member;
  }

  emptyDisk(member: RealMember): void {
    rmSync(this.path(member.name), { recursive: true, force: true });
  }

  start(member: RealMember, flags: readonly string[] = []): void {
    const certificate = ['--cert-file', this.path('member.crt'), '--key-file', this.path('member.key'), '--trusted-ca-file', this.path('ca.crt'), '--client-cert-auth'];
    const peer = ['--peer-cert-file', this.path('member.crt'), '--peer-key-file', this.path('member.key'), '--peer-trusted-ca-file', this.path('ca.crt'), '--peer-client-cert-auth'];
    mkdirSync(this.path('logs'), { recursive: true });
    const log = openSync(this.path(`logs/${member.name}`), 'a');
    member.process = spawn(process.execPath, [
      program, '--name', member.name, '--data-dir', this.path(member.name), '--listen-client-urls', member.clientUrl, '--advertise-client-urls', member.clientUrl,
      '--listen-peer-urls', member.peerUrl, '--initial-advertise-peer-urls', member.peerUrl, '--snapshot-count', '500',
      '--initial-cluster', this.members.map((one) => `${one.name}=${one.peerUrl}`).join(','), ...certificate, ...peer, ...flags,
    ], { stdio: ['ignore', log, log] });
  }

  startAll(): void {
    for (const member of this.members) this.start(member);
  }

  async kill(member: RealMember): Promise<void> {
    const { process: child } = member;
    member.process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Debian's etcdctl with the client's certificate. */
  etcdctl(args: readonly string[], input = ''): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    const tls = ['--cacert', this.path('ca.crt'), '--cert', this.path('client.crt'), '--key', this.path('client.key')];
    return new Promise((resolve) => {
      const child = execFile('etcdctl', [...tls, ...(args.includes('--endpoints') ? [] : ['--endpoints', this.endpoints.join(',')]), ...args], { env: { ...process.env, ETCDCTL_API: '3' }, timeout: 30_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
      // It may have ended before it reads anything.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    });
  }

  logs(): string {
    return this.members.map(({ name }) => `== ${name}\n${readFileSync(this.path(`logs/${name}`), 'utf8').split('\n').slice(-15).join('\n')}`).join('\n');
  }

  async remove(): Promise<void> {
    for (const member of this.members) await this.kill(member);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
