import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LeaderKey } from '../src/concurrency/messages.ts';
import { isInstalled, StoreCluster, type StoreKind } from '../src/edge/bench/cluster.ts';
import { codecs } from '../src/wire/schema.ts';
import { callRaw, refusal, streamRaw } from './support/raw-call.ts';

const isMissing = !isInstalled('etcd');
if (isMissing) console.log('skipped: etcd not installed');

const host = createRealHost(silentLogger);
const [first, second, unknown] = [0x1111n, 0x2222n, 0x3333n];

/** One story told to a store; what it answered, revisions included. */
async function tell(url: string): Promise<readonly unknown[]> {
  const said: unknown[] = [];
  const lock = (lease: bigint) => callRaw(host, url, '/v3lockpb.Lock/Lock', codecs.lockRequest, codecs.lockResponse, { name: utf8('l'), lease });
  const unlock = (key: string) => callRaw(host, url, '/v3lockpb.Lock/Unlock', codecs.unlockRequest, codecs.unlockResponse, { key: utf8(key) });
  const campaign = (lease: bigint, value: string, name = 'e') => callRaw(host, url, '/v3electionpb.Election/Campaign', codecs.campaignRequest, codecs.campaignResponse, { name: utf8(name), lease, value: utf8(value) });
  const leader = () => callRaw(host, url, '/v3electionpb.Election/Leader', codecs.leaderRequest, codecs.leaderResponse, { name: utf8('e') });
  const proclaim = (key: LeaderKey | undefined, value: string) => callRaw(host, url, '/v3electionpb.Election/Proclaim', codecs.proclaimRequest, codecs.proclaimResponse, { leader: key, value: utf8(value) });
  const resign = (key: LeaderKey | undefined) => callRaw(host, url, '/v3electionpb.Election/Resign', codecs.resignRequest, codecs.resignResponse, { leader: key });
  const note = (what: string, answer: unknown): void => {
    const { header, ...rest } = answer as { readonly header?: { readonly revision: number } };
    said.push([what, header?.revision, JSON.stringify(rest, (_key, value: unknown) => (value instanceof Uint8Array ? fromUtf8(value) : typeof value === 'bigint' ? value.toString() : value))]);
  };
  for (const ID of [first, second]) await callRaw(host, url, '/etcdserverpb.Lease/LeaseGrant', codecs.leaseGrantRequest, codecs.leaseGrantResponse, { ID, TTL: 600 });
  note('lock', await lock(first));
  note('lock again', await lock(first));
  const waiting = lock(second);
  await seen(url, `l/${second.toString(16)}`);
  note('unlock', await unlock(`l/${first.toString(16)}`));
  note('second', await waiting);
  note('unlock of none', await unlock('l/none'));
  said.push(await refusal(lock(unknown)), await refusal(unlock('')), await refusal(leader()));
  const one = await campaign(first, 'a');
  note('campaign', one);
  const stop = new AbortController();
  const observed = streamRaw(host, url, '/v3electionpb.Election/Observe', codecs.leaderRequest, codecs.leaderResponse, [{ name: utf8('e') }], {}, stop.signal);
  const observe = async (what: string): Promise<void> => { note(what, (await observed.next()).value); };
  await observe('observed');
  note('leader', await leader());
  note('proclaim', await proclaim(one.leader, 'a2'));
  await observe('observed the proclamation');
  note('campaign again', await campaign(first, 'a3'));
  await observe('observed the campaign');
  const follower = campaign(second, 'b');
  await seen(url, `e/${second.toString(16)}`);
  note('resign', await resign(one.leader));
  note('follower', await follower);
  await observe('observed the follower');
  note('leader then', await leader());
  note('resign again', await resign(one.leader));
  said.push(await refusal(proclaim(one.leader, 'x')), await refusal(proclaim(undefined, 'x')), await refusal(resign(undefined)), await refusal(campaign(unknown, 'x')));
  note('another election', await campaign(first, 'x', 'other/with/slashes'));
  stop.abort();
  return said;
}

/** Resolves when the key is there. */
async function seen(url: string, key: string): Promise<void> {
  const stop = new AbortController();
  const create = { key: utf8(key), rangeEnd: new Uint8Array(0), startRevision: 1, progressNotify: false, filters: [], prevKv: false, watchId: 0, fragment: false };
  for await (const { events } of streamRaw(host, url, '/etcdserverpb.Watch/Watch', codecs.watchRequest, codecs.watchResponse, [{ createRequest: create }], {}, stop.signal)) if (events.length > 0) break;
  stop.abort();
}

describe.skipIf(isMissing)('Lock and Election', () => {
  let parent: string;
  beforeAll(() => { parent = mkdtempSync(join(tmpdir(), 'concurrency-')); });
  afterAll(() => { rmSync(parent, { recursive: true, force: true }); });

  async function answersOf(kind: StoreKind): Promise<readonly unknown[]> {
    const cluster = await StoreCluster.start({ kind, size: 1, tls: false, parent });
    try {
      return await tell(cluster.endpoints[0] as string);
    } finally {
      await cluster.remove();
    }
  }

  it('answer as Debian\'s etcd does, with the same revisions, keys and errors', async () => {
    const [theirs, ours] = await Promise.all([answersOf('etcd'), answersOf('etcd-lite')]);
    expect(ours).toEqual(theirs);
    expect(theirs.length).toBeGreaterThan(20);
  });
});
