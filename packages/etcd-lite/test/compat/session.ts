import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fromUtf8 } from '@coxswain/host';
import type { StoreCluster } from '../../src/edge/bench/cluster.ts';
import { codecs } from '../../src/wire/schema.ts';
import { Mask, squeeze } from './mask.ts';
import { nameOf, type Step } from './step.ts';

export interface Answer {
  readonly step: string;
  /** Undefined: it was still running and was interrupted. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

interface Raw {
  readonly code: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const stepTimeoutMs = 20_000;
/** On a busy machine its own few seconds are not enough for a password to be checked. */
const patience = ['--dial-timeout=20s', '--command-timeout=30s'] as const;

/** Runs steps one after the other against one cluster; answers come masked. */
export class Session {
  readonly #cluster: StoreCluster;
  readonly #mask: Mask;
  readonly #saved = new Map<string, string>();

  private constructor(cluster: StoreCluster) {
    this.#cluster = cluster;
    this.#mask = new Mask(cluster);
    this.#saved.set('DIR', cluster.directory);
    this.#saved.set('MIRROR', new URL(cluster.endpoints[0] as string).host);
    const files = cluster.certificates;
    this.#saved.set('MIRRORFLAGS', files === undefined ? '' : `--dest-insecure-transport=false --dest-cacert=${files.ca} --dest-cert=${files.clientCert} --dest-key=${files.clientKey}`);
  }

  static async open(cluster: StoreCluster): Promise<Session> {
    const session = new Session(cluster);
    const list = (await session.#etcdctl({ args: ['member', 'list', '-w', 'json'] })).stdout.toString();
    session.#mask.addId(BigInt(/"cluster_id":(\d+)/.exec(list)?.[1] as string), 'CLUSTER');
    for (const [, id, name] of list.matchAll(/"ID":(\d+),"name":"store(\d)"/g)) session.#mask.addId(BigInt(id as string), `MEMBER${name}`);
    return session;
  }

  async run(steps: readonly Step[]): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    for (const step of steps) {
      if (step.size !== undefined && step.size !== this.#cluster.options.size) continue;
      answers.push(...await this.#step(step));
    }
    return answers;
  }

  async #step(step: Step): Promise<readonly Answer[]> {
    if (step.args.some((word) => word === '$LEADER' || word === '$FOLLOWER')) await this.#findLeader();
    const meanwhile: Answer[] = [];
    const deadlineMs = Date.now() + stepTimeoutMs;
    let raw = await this.#etcdctl(step, meanwhile);
    while (step.until !== undefined && !step.until.test(raw.stdout.toString()) && Date.now() < deadlineMs) raw = await this.#etcdctl(step, meanwhile);
    this.#save(step, raw.stdout.toString());
    const name = nameOf(step);
    if (step.codeOnly === true) return [{ step: name, code: raw.code, stdout: '', stderr: '' }, ...meanwhile];
    const out = step.decode === undefined ? raw.stdout.toString() : decode(step.decode, raw.stdout);
    const shown = { step: name, code: raw.code, stdout: this.#show(step, out), stderr: logFirst(squeeze(this.#mask.apply(raw.stderr))) };
    return [shown, ...meanwhile];
  }

  /** Members answer in the order they like in some commands. */
  #show(step: Step, text: string): string {
    const masked = squeeze(this.#mask.apply(text));
    return step.anyOrder === true || step.args[0] === 'endpoint' || step.args[0] === 'member' ? masked.split('\n').toSorted().join('\n') : masked;
  }

  #save(step: Step, stdout: string): void {
    for (const [name, pattern] of Object.entries(step.save ?? {})) {
      const found = pattern.exec(stdout)?.[1];
      if (found === undefined) continue;
      const isId = !name.endsWith('REV');
      const id = isId ? BigInt(stdout.includes('"ID"') ? found : `0x${found}`) : undefined;
      this.#saved.set(name, id === undefined ? found : id.toString(16));
      if (id !== undefined) this.#mask.addId(id, name);
    }
  }

  async #findLeader(): Promise<void> {
    const raw = await this.#etcdctl({ args: ['endpoint', 'status', '-w', 'json'] });
    const leader = /"leader":(\d+)/.exec(raw.stdout.toString())?.[1] ?? '0';
    const others = [...raw.stdout.toString().matchAll(/"member_id":(\d+)/g)].map((match) => match[1] as string).filter((id) => id !== leader);
    this.#saved.set('LEADER', BigInt(leader).toString(16));
    this.#saved.set('FOLLOWER', BigInt(others[0] ?? 0).toString(16));
    this.#mask.addId(BigInt(leader), 'LEADER');
    if (others[0] !== undefined) this.#mask.addId(BigInt(others[0]), 'FOLLOWER');
    if (others[1] !== undefined) this.#mask.addId(BigInt(others[1]), 'FOLLOWER2');
  }

  #fill(text: string): string {
    return text.replace(/\$([A-Z]+\d?)/g, (all, name: string) => this.#saved.get(name) ?? all);
  }

  async #etcdctl(step: Step, meanwhile: Answer[] = []): Promise<Raw> {
    const args = step.args.flatMap((word) => (word === '$MIRRORFLAGS' ? this.#fill(word).split(' ').filter((flag) => flag !== '') : [this.#fill(word)]));
    const [flag = '', endpoints = '', ...tls] = this.#cluster.clientFlags;
    const one = step.one === true ? endpoints.split(',')[0] as string : endpoints;
    const keyFromEnvironment = step.env?.['ETCDCTL_WATCH_KEY'] !== undefined;
    const child = spawn('etcdctl', [flag, one, ...tls, ...patience, ...args], { env: { ...process.env, ETCDCTL_API: '3', ...(keyFromEnvironment ? step.env : {}) }, stdio: 'pipe' });
    // It may have ended before it reads anything.
    child.stdin.on('error', () => undefined);
    child.stdin.write(this.#fill(step.stdin ?? ''));
    // An interactive watch would end with its input.
    if (step.lines === undefined) child.stdin.end();
    return this.#finish(step, child, meanwhile);
  }

  async #finish(step: Step, child: ChildProcess, meanwhile: Answer[]): Promise<Raw> {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const closed = once(child, 'close');
    const lines = (): number => Buffer.concat(stdout).toString().split('\n').length - 1;
    const wrote = (count: number): Promise<void> => new Promise((resolve) => {
      const look = (): void => { if (lines() >= count) resolve(); };
      child.stdout?.on('data', look);
      look();
    });
    child.stdout?.on('data', (chunk: Buffer) => { stdout.push(chunk); });
    child.stderr?.on('data', (chunk: Buffer) => { stderr.push(chunk); });
    const late = AbortSignal.timeout(stepTimeoutMs * 2);
    late.addEventListener('abort', () => child.kill('SIGKILL'));
    if (step.lines !== undefined) {
      await Promise.race([wrote(step.linesFirst ?? 0), closed]);
      if (step.meanwhile !== undefined) meanwhile.push(...await this.run(step.meanwhile));
      await Promise.race([wrote(step.lines), closed]);
      child.kill('SIGINT');
    }
    const [code, signal] = await closed as [number | null, string | null];
    if (signal === 'SIGKILL') stderr.push(Buffer.from('[still running after its time]'));
    return { code: code ?? undefined, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
  }
}

/** Its goroutines log in whichever order. */
function logFirst(text: string): string {
  const lines = text.split('\n');
  const isLog = (line: string): boolean => line.startsWith('log: ');
  return [...lines.filter(isLog).toSorted(), ...lines.filter((line) => !isLog(line))].join('\n');
}

/** The header apart: it names the member that answered. */
function decode(type: NonNullable<Step['decode']>, bytes: Uint8Array): string {
  const { header, ...rest } = codecs[type].decode(bytes) as { readonly header?: { readonly revision: number } };
  return JSON.stringify({ revision: header?.revision, ...rest }, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Uint8Array ? fromUtf8(value) : value;
  });
}
