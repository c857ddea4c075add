import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEtcdClient, type EtcdClient } from '@coxswain/etcd-lite/client';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../src/edge/main.ts', import.meta.url));
const host = createRealHost(silentLogger);
const names = ['one', 'two', 'three'] as const;
const basePort = 27_379;
const clientUrl = (name: string): string => `http://127.0.0.1:${basePort + names.indexOf(name as 'one') * 10}`;
const peerUrl = (name: string): string => `http://127.0.0.1:${basePort + 1 + names.indexOf(name as 'one') * 10}`;
const everyone = names.map((name) => `${name}=${peerUrl(name)}`).join(',');
const endpoints = names.map(clientUrl);

interface Ran { readonly code: number; readonly text: string }

function cox(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, 'etcd', ...args], (error, stdout, stderr) => { resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }); });
    child.stdin?.end();
  });
}

describe('what an operator does to a store', () => {
  let directory: string;
  const running = new Map<string, ChildProcess>();

  beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'etcd-operations-')); });
  afterEach(async () => { await Promise.all([...running.keys()].map(kill)); });
  afterAll(() => { rmSync(directory, { recursive: true, force: true }); });

  const path = (name: string): string => join(directory, name);

  function start(name: string, dataDir: string, ...flags: readonly string[]): void {
    const log = openSync(path(`${name}.log`), 'a');
    running.set(name, spawn(process.execPath, [main, 'etcd-lite', '--name', name, '--data-dir', path(dataDir), '--listen-client-urls', clientUrl(name), '--advertise-client-urls', clientUrl(name),
      '--listen-peer-urls', peerUrl(name), '--initial-advertise-peer-urls', peerUrl(name), ...flags], { stdio: ['ignore', log, log] }));
  }

  async function kill(name: string): Promise<void> {
    const child = running.get(name);
    running.delete(name);
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Asks until it is answered: members that have just been started have no leader yet. */
  async function insist<T>(urls: readonly string[], ask: (client: EtcdClient) => Promise<T>): Promise<T> {
    const client = createEtcdClient(host, { endpoints: urls, requestTimeoutMs: 5000 });
    const endMs = performance.now() + 40_000;
    for (;;) {
      try {
        return await ask(client);
      } catch (error) {
        if (performance.now() > endMs) throw new Error(`${(error as Error).message}\n${names.map((name) => readFileSync(path(`${name}.log`), 'utf8').slice(-800)).join('\n')}`, { cause: error });
        await host.timers.sleep(100);
      }
    }
  }

  const contents = (urls: readonly string[]): Promise<readonly string[]> => insist(urls, async (client) => (await client.range({ key: utf8('k'), rangeEnd: utf8('l') })).kvs.map((kv) => `${fromUtf8(kv.key)}=${fromUtf8(kv.value)}`));

  it('a dead member is replaced; a snapshot is restored elsewhere; a lost quorum is recovered from', async () => {
    for (const name of names) start(name, name, '--initial-cluster', everyone);
    const written = Array.from({ length: 40 }, (_, at) => `k${String(at).padStart(2, '0')}=v${at}`);
    for (const pair of written) await insist(endpoints, (client) => client.put({ key: utf8(pair.split('=')[0] as string), value: utf8(pair.split('=')[1] as string) }));
    const all = `--endpoints=${endpoints.join()}`;
    expect(await cox('doctor', all)).toMatchObject({ code: 0, text: expect.stringContaining('3 of 3 voting members answer') as unknown });

    // A member's machine is lost.
    await kill('three');
    expect(await cox('doctor', all)).toMatchObject({ code: 1, text: expect.stringContaining('the loss of one more stops all writes') as unknown });
    expect(await cox('member', 'replace', 'three', all)).toMatchObject({ code: 2, text: expect.stringContaining('nothing was done') as unknown });
    expect(await cox('member', 'replace', 'three', all, '--yes')).toMatchObject({ code: 0, text: expect.stringContaining('--initial-cluster-state=existing') as unknown });
    start('three', 'three-anew', '--initial-cluster', everyone, '--initial-cluster-state', 'existing');
    const promoted = await insist(endpoints, async () => {
      const ran = await cox('member', 'promote', 'three', all, '--yes');
      if (ran.code !== 0) throw new Error(ran.text);
      return ran;
    });
    expect(promoted.text).toContain('three');
    expect((await cox('member', all)).text.match(/ voter /g)).toHaveLength(3);

    // A snapshot, and what is left of it after a bit has turned over.
    const file = path('snapshot');
    expect(await cox('snapshot', 'save', file, all)).toMatchObject({ code: 0 });
    expect(await cox('snapshot', 'status', file)).toMatchObject({ code: 0, text: expect.stringMatching(/revision 41 .* 40 keys, .*: whole/) as unknown });
    const damaged = readFileSync(file);
    damaged[damaged.length - 700] = (damaged[damaged.length - 700] as number) ^ 4;
    writeFileSync(path('damaged'), damaged);
    expect(await cox('snapshot', 'status', path('damaged'))).toMatchObject({ code: 1, text: expect.stringContaining('is no whole snapshot') as unknown });
    expect(await cox('snapshot', 'restore', path('damaged'), '--data-dir', path('never'), '--yes')).toMatchObject({ code: 1 });

    // The quorum is lost: only two's data are left, and the ghosts of one and three.
    for (const name of names) await kill(name);
    const plan = await cox('recover', '--survivor', path('two'), '--out', path('two-recovered'));
    expect(plan).toMatchObject({ code: 2, text: expect.stringMatching(/chosen: .*two.*\n.*last entry known to be committed: \d+.*\n1 of 3 voting members: writes may be missing that were acknowledged after \d{4}-/) as unknown });
    expect(await cox('recover', '--survivor', path('two'), '--out', path('two-recovered'), '--yes')).toMatchObject({ code: 0 });
    start('two', 'two-recovered', '--initial-cluster', `two=${peerUrl('two')}`);
    start('one', 'one', '--initial-cluster', everyone);
    start('three', 'three-anew', '--initial-cluster', everyone, '--initial-cluster-state', 'existing');
    expect(await contents([clientUrl('two')])).toEqual(written);
    const revision = await insist([clientUrl('two')], async (client) => (await client.put({ key: utf8('x'), value: utf8('1') })).revision);
    expect(revision).toBeGreaterThan(1_000_041);
    expect(await insist([clientUrl('two')], (client) => client.memberList())).toHaveLength(1);

    // All three anew from the file.
    for (const name of names) {
      await kill(name);
      const restored = await cox('snapshot', 'restore', file, '--name', name, '--data-dir', path(`${name}-restored`), '--initial-cluster', everyone, '--initial-cluster-token', 'again', '--bump-revision', '5000', '--yes');
      expect(restored).toMatchObject({ code: 0, text: expect.stringContaining('restored revision 41 as 5041') as unknown });
    }
    for (const name of names) start(name, `${name}-restored`, '--initial-cluster', everyone, '--initial-cluster-token', 'again');
    expect(await contents(endpoints)).toEqual(written);
    expect((await cox('doctor', all)).text).toContain('have the same data at revision 5041');
  });
});
