import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { freePorts, makeCertificates, StoreCluster } from '@coxswain/etcd-lite/bench';
import { nodeArguments } from '../node-arguments.ts';
import { connectAll, type Endpoint } from './wire.ts';

/** A program whose processor time and memory are told. */
export interface WatchedProcess { readonly name: string; readonly pid: number }

export interface Target extends Endpoint {
  readonly name: string;
  processes(): readonly WatchedProcess[];
  /** undefined: it is not ours to restart. Resolves with the time until it was ready. */
  readonly restart?: () => Promise<number>;
  /** Of its store, if that is ours. */
  readonly storeEndpoints?: readonly string[];
  close(): Promise<void>;
}

const cox = fileURLToPath(new URL('../../../../cli/src/edge/main.ts', import.meta.url));
const token = 'bench-token';
const readyWithinMs = 120_000;

export interface OwnOptions {
  readonly directory: string;
  readonly members: 1 | 3;
  readonly storeTls: boolean;
  /** Given to Node of the API server, for profiles. */
  readonly nodeArguments: readonly string[];
  /** Admission plugins that are off beside ServiceAccount. */
  readonly withoutAdmission?: readonly string[];
  /** Further ones of the API server. */
  readonly flags?: readonly string[];
}

/** Our API server with a store of its own, each as a process, as `cox up` starts them. */
export async function startOwn(options: OwnOptions): Promise<Target> {
  const store = await StoreCluster.start({ kind: 'etcd-lite', size: options.members, tls: options.storeTls, parent: options.directory });
  const server = new OwnServer(options, store);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    await store.remove();
    throw error;
  }
  return {
    name: 'coxswain', server: server.url, token, storeEndpoints: store.endpoints,
    processes: () => [{ name: 'apiserver', pid: server.pid }, ...store.members.flatMap((member) => (member.process?.pid === undefined ? [] : [{ name: member.name, pid: member.process.pid }]))],
    restart: async () => {
      await server.stop();
      return server.start();
    },
    close: async () => {
      await server.stop();
      await store.remove();
    },
  };
}

class OwnServer {
  readonly #options: OwnOptions;
  readonly #store: StoreCluster;
  readonly #directory: string;
  #port = 0;
  #process: ChildProcess | undefined;

  constructor(options: OwnOptions, store: StoreCluster) {
    this.#options = options;
    this.#store = store;
    this.#directory = join(store.directory, 'apiserver');
    mkdirSync(this.#directory, { recursive: true });
    makeCertificates(this.#directory);
    writeFileSync(join(this.#directory, 'sa.key'), generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(join(this.#directory, 'tokens.csv'), `${token},bench,bench-uid,"system:masters"\n`);
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  #flags(): readonly string[] {
    const file = (name: string): string => join(this.#directory, name);
    const of = this.#store.certificates;
    return [
      `--etcd-servers=${this.#store.endpoints.join(',')}`, ...(of === undefined ? [] : [`--etcd-cafile=${of.ca}`, `--etcd-certfile=${of.clientCert}`, `--etcd-keyfile=${of.clientKey}`]),
      '--bind-address=127.0.0.1', '--advertise-address=192.0.2.1', `--secure-port=${this.#port}`, `--tls-cert-file=${file('member.crt')}`, `--tls-private-key-file=${file('member.key')}`, `--token-auth-file=${file('tokens.csv')}`,
      '--authorization-mode=Node,RBAC', '--service-account-issuer=https://kubernetes.default.svc', `--service-account-signing-key-file=${file('sa.key')}`,
      '--service-cluster-ip-range=10.96.0.0/16', `--disable-admission-plugins=${['ServiceAccount', ...this.#options.withoutAdmission ?? []].join(',')}`, '--allow-privileged', ...this.#options.flags ?? [],
    ];
  }

  async start(): Promise<number> {
    if (this.#port === 0) this.#port = (await freePorts(1))[0] as number;
    const log = openSync(join(this.#directory, 'log'), 'a');
    const startMs = performance.now();
    this.#process = spawn(process.execPath, [...nodeArguments, ...this.#options.nodeArguments, cox, 'apiserver', ...this.#flags()], { stdio: ['ignore', log, log], cwd: this.#options.directory });
    closeSync(log);
    await this.#ready(this.#process);
    return performance.now() - startMs;
  }

  async #ready(child: ChildProcess): Promise<void> {
    const endMs = performance.now() + readyWithinMs;
    while (performance.now() < endMs && child.exitCode === null && child.signalCode === null) {
      try {
        const [connection] = await connectAll({ server: this.url, token }, 1);
        try {
          if ((await connection?.call({ method: 'GET', path: '/readyz' }))?.status === 200) return;
        } finally {
          connection?.close();
        }
      } catch {
        // It does not listen yet; the loop has an end.
      }
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    throw new Error(`the API server is not ready:\n${readFileSync(join(this.#directory, 'log'), 'utf8').slice(-2000)}`);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

/** Somebody else's API server, which runs already. */
export function foreign(server: string, bearer: string, pids: readonly string[]): Target {
  const processes = pids.map((pid) => ({ name: readFileSync(`/proc/${Number(pid)}/comm`, 'utf8').trim(), pid: Number(pid) }));
  return { name: new URL(server).host, server, token: bearer, processes: () => processes, close: () => Promise.resolve() };
}
