import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInstalled, RealCluster, type RealMember } from './support/real-cluster.ts';

interface Listed { readonly ID: number; readonly name?: string; readonly peerURLs: readonly string[]; readonly isLearner?: boolean }

describe.skipIf(!isInstalled('etcdctl') || !isInstalled('openssl'))('etcdctl changes the members of real processes', () => {
  let cluster: RealCluster;
  let endpoints: RealMember[];

  /** With the endpoints that are to be asked; again while the cluster says that it is too early. */
  async function etcdctl(...args: string[]): Promise<string> {
    for (;;) {
      const result = await cluster.etcdctl(['--command-timeout', '20s', '--dial-timeout', '20s', '--endpoints', endpoints.map((member) => member.clientUrl).join(','), ...args]);
      if (result.code === 0) return result.stdout;
      if (!/unhealthy cluster|in sync with leader|context deadline exceeded|request timed out|no leader|not enough started|connection refused/.test(result.stderr)) throw new Error(`${args.join(' ')}: ${result.stderr}\n${cluster.logs()}`);
    }
  }

  async function refusal(...args: string[]): Promise<string> {
    const result = await cluster.etcdctl(['--command-timeout', '20s', '--dial-timeout', '20s', '--endpoints', endpoints.map((member) => member.clientUrl).join(','), ...args]);
    expect(result.code, result.stdout).not.toBe(0);
    return result.stderr;
  }

  async function list(): Promise<readonly Listed[]> {
    return (JSON.parse(await etcdctl('member', 'list', '-w', 'json')) as { readonly members: readonly Listed[] }).members;
  }

  /** As `member list` prints it: ids do not fit JSON's numbers. */
  async function id(member: RealMember): Promise<string> {
    const line = (await etcdctl('member', 'list')).split('\n').find((one) => one.includes(member.peerUrl));
    return (line ?? '').split(',')[0] as string;
  }

  async function leader(): Promise<RealMember> {
    for (;;) {
      const lines = (await etcdctl('endpoint', 'status')).split('\n').map((line) => line.split(', '));
      const url = lines.find((fields) => fields[4] === 'true')?.[0];
      const found = cluster.members.find((member) => member.clientUrl === url);
      if (found !== undefined) return found;
    }
  }

  beforeAll(async () => {
    cluster = await RealCluster.create();
    endpoints = [...cluster.members];
    cluster.startAll();
    await etcdctl('put', 'before', '1');
  }, 60_000);

  afterAll(async () => { await cluster.remove(); });

  it('adds a fourth as a learner, which refuses what needs a vote, and promotes it', async () => {
    const fourth = await cluster.another('four');
    expect(await etcdctl('member', 'add', 'four', '--learner', '--peer-urls', fourth.peerUrl)).toMatch(/^Member +[0-9a-f]+ added to cluster/);
    expect(await refusal('member', 'add', 'five', '--learner', '--peer-urls', 'https://127.0.0.1:1')).toContain('etcdserver: too many learner members in cluster');
    expect(await refusal('member', 'add', 'five', '--peer-urls', (endpoints[0] as RealMember).peerUrl)).toContain('etcdserver: Peer URLs already exists');
    cluster.start(fourth, ['--initial-cluster-state', 'existing']);
    await etcdctl('member', 'promote', await id(fourth));
    endpoints.push(fourth);
    const listed = (await list()).map((member) => `${member.name} ${member.isLearner ?? false}`);
    expect(new Set(listed)).toEqual(new Set(['four false', 'one false', 'three false', 'two false']));
    expect(await refusal('member', 'promote', await id(fourth))).toContain('etcdserver: can only promote a learner member');
    expect(await cluster.etcdctl(['--endpoints', fourth.clientUrl, 'get', 'before', '--print-value-only'])).toMatchObject({ stdout: '1\n' });
  }, 60_000);

  it('removes the leader, which says so and ends; the others go on', async () => {
    const victim = await leader();
    const process = victim.process as NonNullable<RealMember['process']>;
    const ended = once(process, 'exit');
    expect(await etcdctl('member', 'remove', await id(victim))).toMatch(/^Member +[0-9a-f]+ removed from cluster/);
    endpoints = endpoints.filter((member) => member !== victim);
    await ended;
    expect(cluster.logs()).toContain('the member has been permanently removed from the cluster');
    await etcdctl('put', 'after', '2');
    expect(await refusal('member', 'remove', 'abcdef')).toContain('etcdserver: member not found');
    cluster.members.splice(cluster.members.indexOf(victim), 1);
    expect(await list()).toHaveLength(3);
  }, 60_000);

  it('updates peer URLs', async () => {
    const [member] = endpoints as [RealMember];
    expect(await etcdctl('member', 'update', await id(member), '--peer-urls', `${member.peerUrl},https://localhost:1`)).toMatch(/updated in cluster/);
    const urls = async (): Promise<string> => ((await list()).find((one) => one.name === member.name)?.peerURLs ?? []).join();
    // etcdctl 3.4 asks one member for what it knows: one that was without a leader for a moment knows it a moment later.
    while ((await urls()) !== [member.peerUrl, 'https://localhost:1'].toSorted().join());
    await etcdctl('member', 'update', await id(member), '--peer-urls', member.peerUrl);
    while ((await urls()) !== member.peerUrl);
  }, 60_000);

  it('replaces a killed member whose disk is empty', async () => {
    const victim = endpoints[endpoints.length - 1] as RealMember;
    const old = await id(victim);
    await cluster.kill(victim);
    cluster.emptyDisk(victim);
    endpoints = endpoints.filter((member) => member !== victim);
    await etcdctl('member', 'remove', old);
    await etcdctl('member', 'add', victim.name, '--peer-urls', victim.peerUrl);
    cluster.start(victim, ['--initial-cluster-state', 'existing']);
    endpoints.push(victim);
    for (;;) {
      const result = await cluster.etcdctl(['--endpoints', victim.clientUrl, 'get', 'after', '--print-value-only']);
      if (result.stdout === '2\n') break;
      expect(victim.process?.exitCode, cluster.logs()).toBeNull();
    }
    expect(await id(victim)).not.toBe(old);
    await etcdctl('put', 'replaced', '3');
  }, 60_000);
});
