import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { v8Threads } from '@coxswain/host/v8-threads';
import { createEtcdClient, EtcdError, type EtcdClient } from '../../client/index.ts';
import { clientTls, makeCertificates, type CertificateFiles } from './certificates.ts';

/** Which program is asked: Debian's etcd or ours. */
export type StoreKind = 'etcd' | 'etcd-lite';

export interface StoreOptions {
  readonly kind: StoreKind;
  readonly size: 1 | 3;
  readonly tls: boolean;
  /** Where its data goes: a folder of its own is made in here. */
  readonly parent: string;
  /** Given to every member besides what makes it a member. */
  readonly flags?: readonly string[];
}

export interface StoreMember {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  process: ChildProcess | undefined;
}

const cox = fileURLToPath(new URL('../../../../cli/src/edge/main.ts', import.meta.url));

export function isInstalled(name: string): boolean {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** All are held at once while they are looked for, so that none is found twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

/** One to three processes of either program on this machine, with the same flags. */
export class StoreCluster {
  readonly options: StoreOptions;
  readonly directory: string;
  readonly members: readonly StoreMember[];
  readonly certificates: CertificateFiles | undefined;

  private constructor(options: StoreOptions, directory: string, members: readonly StoreMember[]) {
    this.options = options;
    this.directory = directory;
    this.members = members;
    this.certificates = options.tls ? makeCertificates(directory) : undefined;
  }

  /** Nothing runs yet. */
  static async create(options: StoreOptions): Promise<StoreCluster> {
    mkdirSync(options.parent, { recursive: true });
    const directory = mkdtempSync(join(options.parent, `${options.kind}-`));
    const ports = await freePorts(options.size * 2);
    const url = (at: number): string => `${options.tls ? 'https' : 'http'}://127.0.0.1:${ports[at]}`;
    const members = Array.from({ length: options.size }, (_, at) => ({ name: `store${at + 1}`, clientUrl: url(at), peerUrl: url(at + options.size), process: undefined }));
    return new StoreCluster(options, directory, members);
  }

  /** Runs all members and waits until all answer. */
  static async start(options: StoreOptions): Promise<StoreCluster> {
    const cluster = await StoreCluster.create(options);
    for (const member of cluster.members) cluster.run(member);
    await cluster.ready();
    return cluster;
  }

  get endpoints(): readonly string[] {
    return this.members.map((member) => member.clientUrl);
  }

  /** What etcdctl wants to reach it. */
  get clientFlags(): readonly string[] {
    const files = this.certificates;
    const tls = files === undefined ? [] : ['--cacert', files.ca, '--cert', files.clientCert, '--key', files.clientKey];
    return ['--endpoints', this.endpoints.join(','), ...tls];
  }

  client(endpoints: readonly string[] = this.endpoints, requestTimeoutMs = 5000): EtcdClient {
    const tls = this.certificates === undefined ? {} : { tls: clientTls(this.certificates) };
    return createEtcdClient(createRealHost(silentLogger), { endpoints, requestTimeoutMs, ...tls });
  }

  /** As `cox` starts a component: the same program, the flags that etcd has. */
  run(member: StoreMember): void {
    const { kind, flags = [] } = this.options;
    const program = kind === 'etcd' ? ['etcd', '--logger', 'zap', '--log-outputs', 'stderr'] : [process.execPath, v8Threads(), cox, 'etcd-lite'];
    const args = [
      ...program.slice(1), '--name', member.name, '--data-dir', join(this.directory, member.name), '--listen-client-urls', member.clientUrl, '--advertise-client-urls', member.clientUrl,
      '--listen-peer-urls', member.peerUrl, '--initial-advertise-peer-urls', member.peerUrl, '--initial-cluster', this.members.map((one) => `${one.name}=${one.peerUrl}`).join(','),
      ...this.#tlsFlags(), ...flags,
    ];
    mkdirSync(join(this.directory, 'logs'), { recursive: true });
    const log = openSync(join(this.directory, 'logs', member.name), 'a');
    member.process = spawn(program[0] as string, args, { stdio: ['ignore', log, log] });
    closeSync(log);
  }

  #tlsFlags(): readonly string[] {
    const files = this.certificates;
    if (files === undefined) return [];
    const of = (prefix: string): string[] => [`--${prefix}cert-file`, files.memberCert, `--${prefix}key-file`, files.memberKey, `--${prefix}trusted-ca-file`, files.ca, `--${prefix}client-cert-auth`];
    return [...of(''), ...of('peer-')];
  }

  /** Resolves when each member answers linearizable reads, which needs a leader; uses up no revision. */
  async ready(timeoutMs = 30_000): Promise<void> {
    await Promise.all(this.members.map(async (member) => {
      const client = this.client([member.clientUrl], 2000);
      try {
        await this.#answers(client, Date.now() + timeoutMs);
      } finally {
        await client.close();
      }
    }));
  }

  async #answers(client: EtcdClient, deadlineMs: number): Promise<void> {
    for (;;) {
      try {
        await client.range({ key: utf8('ready') });
        return;
      } catch (error) {
        if (!(error instanceof EtcdError) || Date.now() > deadlineMs || this.members.some((member) => member.process?.exitCode !== null)) {
          throw new Error(`${this.options.kind} does not answer: ${(error as Error).message}\n${this.logs()}`, { cause: error });
        }
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
    }
  }

  async signal(member: StoreMember, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { process: child } = member;
    member.process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  logs(): string {
    return this.members.map(({ name }) => `== ${name}\n${readFileSync(join(this.directory, 'logs', name), 'utf8').split('\n').slice(-15).join('\n')}`).join('\n');
  }

  async remove(): Promise<void> {
    await Promise.all(this.members.map((member) => this.signal(member, 'SIGKILL')));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
