import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeNamespaces, removeNamespaces, type Namespace } from './namespaces.ts';

const program = fileURLToPath(new URL('run-member.ts', import.meta.url));
const faketime = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1'].find((path) => existsSync(path));

export interface ChaosMember {
  readonly name: string;
  readonly namespace: Namespace;
  process: ChildProcess | undefined;
}

/** Members as processes, each in a network namespace and on a small tmpfs of its own, its wall clock behind libfaketime. */
export class ChaosCluster {
  readonly directory: string;
  readonly members: readonly ChaosMember[];
  readonly #diskMegabytes: number;
  readonly #flags: readonly string[];

  constructor(size: number, options: { readonly diskMegabytes: number; readonly flags?: readonly string[] }) {
    this.directory = mkdtempSync(join(tmpdir(), 'etcd-chaos-'));
    this.#diskMegabytes = options.diskMegabytes;
    this.#flags = options.flags ?? [];
    this.members = makeNamespaces(size).map((namespace, at) => ({ name: `m${at + 1}`, namespace, process: undefined }));
    for (const member of this.members) {
      mkdirSync(this.#disk(member));
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${this.#diskMegabytes}m`, 'tmpfs', this.#disk(member)]);
      this.shiftClock(member, 0);
    }
  }

  #disk(member: ChaosMember): string {
    return join(this.directory, member.name);
  }

  static get hasFaketime(): boolean {
    return faketime !== undefined;
  }

  get endpoints(): readonly string[] {
    return this.members.map(({ namespace }) => `http://${namespace.address}:2379`);
  }

  start(member: ChaosMember): void {
    const { name, namespace: { address, name: netns } } = member;
    const log = openSync(join(this.directory, `${name}.log`), 'a');
    const peers = this.members.map((one) => `${one.name}=http://${one.namespace.address}:2380`).join(',');
    member.process = spawn('ip', ['netns', 'exec', netns, process.execPath, program, '--name', name, '--data-dir', join(this.#disk(member), 'data'),
      '--listen-client-urls', `http://${address}:2379`, '--advertise-client-urls', `http://${address}:2379`, '--listen-peer-urls', `http://${address}:2380`,
      '--initial-advertise-peer-urls', `http://${address}:2380`, '--initial-cluster', peers, ...this.#flags], { stdio: ['ignore', log, log], env: { ...process.env, ...this.#clock(member) } });
  }

  startAll(): void {
    for (const member of this.members) this.start(member);
  }

  /** Only the wall clock: a machine's monotonic clock does not jump. */
  #clock(member: ChaosMember): NodeJS.ProcessEnv {
    if (faketime === undefined) return {};
    return { LD_PRELOAD: faketime, FAKETIME_TIMESTAMP_FILE: join(this.directory, `${member.name}.clock`), FAKETIME_NO_CACHE: '1', DONT_FAKE_MONOTONIC: '1' };
  }

  shiftClock(member: ChaosMember, seconds: number): void {
    writeFileSync(join(this.directory, `${member.name}.clock`), `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`);
  }

  signal(member: ChaosMember, signal: NodeJS.Signals): void {
    member.process?.kill(signal);
  }

  async kill(member: ChaosMember): Promise<void> {
    const { process: child } = member;
    member.process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Leaves the member not a byte; returns how to give the space back. */
  fillDisk(member: ChaosMember): () => void {
    const filler = join(this.#disk(member), 'filler');
    const { bavail, bsize } = statfsSync(this.#disk(member));
    execFileSync('sh', ['-c', `head -c ${bavail * bsize + bsize} /dev/zero > '${filler}' || true`], { stdio: 'pipe' });
    return () => { rmSync(filler, { force: true }); };
  }

  log(member: ChaosMember): string {
    return readFileSync(join(this.directory, `${member.name}.log`), 'utf8');
  }

  lastWords(): string {
    return this.members.map((member) => `== ${member.name}\n${this.log(member).split('\n').slice(-12).join('\n')}`).join('\n');
  }

  async remove(): Promise<void> {
    for (const member of this.members) {
      this.signal(member, 'SIGCONT');
      await this.kill(member);
      execFileSync('umount', [this.#disk(member)]);
    }
    removeNamespaces(this.members.length);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
