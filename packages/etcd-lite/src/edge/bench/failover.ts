import { Caller } from './calls.ts';
import type { StoreCluster, StoreMember } from './cluster.ts';
import { tlsOf, type Experiment } from './experiment.ts';
import { Pulse } from './pulse.ts';
import type { Sample } from './rows.ts';

/** etcd's default, and what the members are given. */
const electionTimeoutMs = 1000;
/** Writes to see afterwards, so that a second pause is seen too. */
const settledWrites = 300;

async function leaderOf(cluster: StoreCluster): Promise<{ readonly leader: StoreMember; readonly follower: StoreMember; readonly followerId: bigint }> {
  const client = cluster.client();
  try {
    const { leader } = await client.status();
    const members = await client.memberList();
    const named = (name: string | undefined): StoreMember => cluster.members.find((member) => member.name === name) as StoreMember;
    const follower = members.find((member) => member.id !== leader);
    return { leader: named(members.find((member) => member.id === leader)?.name), follower: named(follower?.name), followerId: follower?.id ?? 0n };
  } finally {
    await client.close();
  }
}

async function pauseOf(pulse: Pulse, act: () => Promise<void>): Promise<Sample> {
  pulse.mark();
  await act();
  await pulse.more(settledWrites);
  return { value: pulse.longestMs };
}

async function measure(cluster: StoreCluster): Promise<readonly Sample[]> {
  const pulse = new Pulse(cluster.endpoints, tlsOf(cluster));
  await pulse.start();
  try {
    const quiet = await pauseOf(pulse, () => Promise.resolve());
    const { follower } = await leaderOf(cluster);
    const killed = await pauseOf(pulse, () => cluster.signal(follower, 'SIGKILL'));
    const back = await pauseOf(pulse, async () => { cluster.run(follower); await cluster.ready(); });
    const { leader, followerId } = await leaderOf(cluster);
    const caller = await Caller.connect(leader.clientUrl, tlsOf(cluster));
    const moved = await pauseOf(pulse, () => caller.moveLeader(followerId));
    caller.close();
    const last = (await leaderOf(cluster)).leader;
    const lost = await pauseOf(pulse, () => cluster.signal(last, 'SIGKILL'));
    return [quiet, killed, back, moved, lost];
  } finally {
    pulse.stop();
  }
}

export function failover(): Experiment {
  const limit = { kind: 'limit', atMost: 1.2 * electionTimeoutMs } as const;
  const name = (what: string): string => `longest time without writes: ${what}`;
  return {
    title: 'members fail', sizes: [3], transports: ['plaintext', 'mutual TLS'], alone: true, repeatsMax: Infinity, flags: ['--election-timeout', String(electionTimeoutMs), '--heartbeat-interval', '100'],
    rows: [
      { name: name('nothing happens'), unit: 'ms', reach: { kind: 'shown' } }, { name: name('a follower is killed'), unit: 'ms', reach: limit }, { name: name('it comes back'), unit: 'ms', reach: limit },
      { name: name('the leader moves'), unit: 'ms', reach: { kind: 'limit', atMost: 100 } }, { name: name('the leader is killed'), unit: 'ms', reach: limit },
    ],
    measure,
  };
}
