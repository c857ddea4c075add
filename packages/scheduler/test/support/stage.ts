import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOwn } from '@coxswain/apiserver/bench';
import { createClient, createInformerFactory, isNotFound, resources, type Client, type Informer, type InformerFactory, type KubeObject } from '@coxswain/client';
import { makeCertificates } from '@coxswain/etcd-lite/bench';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { Way } from './way.ts';

const cox = fileURLToPath(new URL('../../../cli/src/edge/main.ts', import.meta.url));
const lease = { namespace: 'kube-system', name: 'kube-scheduler' };

/** Resolves when it holds, asked at each change. */
export function until<T extends KubeObject>(informer: Informer<T>, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => { if (holds()) resolve(); };
    informer.addHandler({ added: check, updated: check, deleted: check });
    check();
  });
}

export interface Scheduler {
  readonly process: ChildProcess;
  log(): string;
}

/** A server of its own, and schedulers as processes that come and go. */
export class Stage {
  readonly server: Awaited<ReturnType<typeof startOwn>>;
  readonly client: Client;
  readonly factory: InformerFactory;
  readonly pods: Informer<Pod>;
  readonly leases: Informer<Lease>;
  readonly #directory: string;
  readonly #stopping = new AbortController();
  #schedulers: ChildProcess[] = [];
  #ways: Way[] = [];
  #started = 0;
  #leader = '';

  private constructor(directory: string, server: Stage['server']) {
    this.#directory = directory;
    this.server = server;
    const host = createRealHost(silentLogger);
    this.client = createClient(host, { server: server.server, userAgent: 'test', tls: { insecureSkipVerify: true }, bearerToken: server.token });
    this.factory = createInformerFactory(host, this.client);
    this.pods = this.factory.informer(resources.pods);
    this.leases = this.factory.informer(resources.leases);
  }

  static async open(name: string): Promise<Stage> {
    const directory = mkdtempSync(join(tmpdir(), `${name}-`));
    mkdirSync(join(directory, 'tls'));
    makeCertificates(join(directory, 'tls'));
    const stage = new Stage(directory, await startOwn({ directory, members: 1, storeTls: false, nodeArguments: [], withoutAdmission: ['TaintNodesByCondition'] }));
    await stage.factory.start(stage.#stopping.signal);
    return stage;
  }

  /** Further informers, which are asked for before. */
  watch(): Promise<void> {
    return this.factory.start(this.#stopping.signal);
  }

  async way(): Promise<{ readonly way: Way; readonly address: string }> {
    const way = new Way(this.server.server, { certificate: join(this.#directory, 'tls', 'member.crt'), key: join(this.#directory, 'tls', 'member.key') });
    this.#ways.push(way);
    return { way, address: await way.open() };
  }

  get #holder(): string {
    return this.leases.lister.get(lease)?.spec?.holderIdentity ?? '';
  }

  /** As if its time were over. It is long: who leads on a busy machine may not come to renew a short one, and end. */
  async #endLease(): Promise<void> {
    try {
      await this.client.patch(resources.leases, lease, 'merge', { spec: { holderIdentity: '' } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Instead of the one that led, which is stopped or dead. Resolves when it leads. */
  async startScheduler(address: string, profiles?: readonly object[]): Promise<Scheduler> {
    this.#started += 1;
    const [kubeconfig, config, logPath] = ['kubeconfig', 'config', 'log'].map((suffix) => join(this.#directory, `${this.#started}.${suffix}`)) as [string, string, string];
    writeFileSync(kubeconfig, JSON.stringify({
      apiVersion: 'v1', kind: 'Config', 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }], users: [{ name: 'u', user: { token: this.server.token } }],
    }), { mode: 0o600 });
    writeFileSync(config, JSON.stringify({
      apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration', clientConnection: { kubeconfig }, leaderElection: { leaseDuration: '600s', renewDeadline: '500s', retryPeriod: '200ms' },
      ...(profiles === undefined ? {} : { profiles }),
    }));
    const former = this.#leader;
    await this.#endLease();
    const log = openSync(logPath, 'w');
    const child = spawn(process.execPath, [cox, 'scheduler', `--config=${config}`, '--secure-port=0'], { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#schedulers.push(child);
    await until(this.leases, () => this.#holder !== '' && this.#holder !== former);
    this.#leader = this.#holder;
    return { process: child, log: () => readFileSync(logPath, 'utf8') };
  }

  /** Ends the schedulers and the ways they went. */
  async clear(): Promise<void> {
    const ended = this.#schedulers.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).map((child) => once(child, 'exit'));
    for (const child of this.#schedulers) child.kill('SIGKILL');
    await Promise.all(ended);
    for (const way of this.#ways) way.close();
    [this.#schedulers, this.#ways] = [[], []];
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.clear();
    await this.server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
