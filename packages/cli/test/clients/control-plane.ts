import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makePki } from '../../src/edge/up/pki.ts';
import { dataPaths, type DataPaths } from '../../src/paths.ts';
import { apiserverAddresses, type ClusterSettings } from '../../src/settings.ts';
import { eventually } from '../cluster.ts';
import { run } from '../../src/edge/shell.ts';

const main = fileURLToPath(new URL('../../src/edge/main.ts', import.meta.url));

export interface Setup {
  readonly name: string;
  readonly store: 'etcd-lite' | 'etcd';
  readonly apiservers: number;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
    server.on('error', reject);
  });
}

/** Store, API servers (behind one address if several) and controller manager as processes on loopback: no node. */
export class ControlPlane {
  readonly setup: Setup;
  readonly directory: string;
  readonly paths: DataPaths;
  readonly #settings: ClusterSettings;
  readonly #children: { readonly name: string; readonly process: ChildProcess }[] = [];

  private constructor(setup: Setup, directory: string, port: number) {
    this.setup = setup;
    this.directory = directory;
    this.paths = dataPaths(directory);
    this.#settings = {
      data: directory, nodes: 1, apiservers: setup.apiservers, port, podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16', nodeCidr: '127.0.0.0/24',
      hollow: 0, registry: false, controllerManagerArgs: [], apiserverArgs: [],
    };
  }

  static async start(setup: Setup): Promise<ControlPlane> {
    const plane = new ControlPlane(setup, mkdtempSync(join(tmpdir(), 'cox-clients-')), await freePort());
    try {
      await plane.#startAll();
    } catch (error) {
      const words = plane.lastWords();
      await plane.stop();
      throw new Error(`${setup.name} did not start:\n${words}`, { cause: error });
    }
    return plane;
  }

  get kubeconfig(): string {
    return this.paths.adminKubeconfig;
  }

  async #startAll(): Promise<void> {
    mkdirSync(this.paths.pki, { recursive: true });
    await makePki(this.#settings, this.paths);
    const store = await this.#startStore();
    const addresses = apiserverAddresses(this.#settings);
    for (const [at, address] of addresses.entries()) this.#cox(`apiserver-${at}`, 'apiserver', this.#apiserverFlags(store, address));
    if (addresses.length > 1) this.#cox('balancer', 'balancer', { address: '127.0.0.1', port: this.#settings.port, backends: addresses.map((address) => `${address}:${this.#settings.port}`).join(',') });
    await eventually('the API server is ready', async () => (await this.kubectl('get', '--raw', '/readyz')).code === 0);
    this.#cox('controller-manager', 'controller-manager', {
      kubeconfig: `${this.paths.pki}/controller-manager.kubeconfig`, 'bind-address': '127.0.0.1', 'secure-port': await freePort(), 'leader-elect': false, 'use-service-account-credentials': true,
      'root-ca-file': `${this.paths.pki}/ca.crt`, 'cluster-signing-cert-file': `${this.paths.pki}/ca.crt`, 'cluster-signing-key-file': `${this.paths.pki}/ca.key`,
    });
    await eventually('the controllers work', async () => (await this.kubectl('get', 'serviceaccount', 'default', '-n', 'default')).code === 0);
  }

  /** The same flags for both kinds of store. */
  async #startStore(): Promise<string> {
    const { pki } = this.paths;
    const url = `https://127.0.0.1:${await freePort()}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    const flags = {
      name: 'one', 'data-dir': join(this.directory, 'store'), 'listen-client-urls': url, 'advertise-client-urls': url, 'listen-peer-urls': peer, 'initial-advertise-peer-urls': peer,
      'initial-cluster': `one=${peer}`, 'client-cert-auth': true, 'trusted-ca-file': `${pki}/etcd-ca.crt`, 'cert-file': `${pki}/etcd-server.crt`, 'key-file': `${pki}/etcd-server.key`,
    };
    if (this.setup.store === 'etcd') this.#spawn('store', ['etcd', ...asArgs(flags)]);
    else this.#cox('store', 'etcd-lite', flags);
    return url;
  }

  #apiserverFlags(store: string, address: string): Readonly<Record<string, string | number | boolean>> {
    const { pki } = this.paths;
    return {
      'etcd-servers': store, 'etcd-cafile': `${pki}/etcd-ca.crt`, 'etcd-certfile': `${pki}/apiserver-etcd-client.crt`, 'etcd-keyfile': `${pki}/apiserver-etcd-client.key`,
      // Endpoints may not be on loopback; nobody connects to these.
      'bind-address': address, 'advertise-address': `198.51.100.${address.split('.')[3] ?? ''}`, 'secure-port': this.#settings.port,
      'tls-cert-file': `${pki}/apiserver.crt`, 'tls-private-key-file': `${pki}/apiserver.key`, 'client-ca-file': `${pki}/ca.crt`,
      'authorization-mode': 'Node,RBAC', 'allow-privileged': true, 'service-cluster-ip-range': this.#settings.serviceCidr,
      'service-account-key-file': `${pki}/sa.pub`, 'service-account-signing-key-file': `${pki}/sa.key`, 'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    };
  }

  #cox(name: string, component: string, flags: Readonly<Record<string, string | number | boolean>>): void {
    this.#spawn(name, [process.execPath, main, component, ...asArgs(flags)]);
  }

  #spawn(name: string, [program = '', ...args]: readonly string[]): void {
    const log = openSync(join(this.directory, `${name}.log`), 'w');
    this.#children.push({ name, process: spawn(program, args, { stdio: ['ignore', log, log] }) });
  }

  kubectl(...args: readonly string[]): ReturnType<typeof run> {
    return run('kubectl', args, { env: { ...process.env, KUBECONFIG: this.kubeconfig, HOME: this.directory } });
  }

  lastWords(): string {
    return this.#children.map(({ name }) => `== ${name}\n${readFileSync(join(this.directory, `${name}.log`), 'utf8').split('\n').slice(-12).join('\n')}`).join('\n');
  }

  async stop(): Promise<void> {
    for (const { process: child } of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(killer);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function asArgs(flags: Readonly<Record<string, string | number | boolean>>): readonly string[] {
  return Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
}
