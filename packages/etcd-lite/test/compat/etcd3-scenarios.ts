import { once } from 'node:events';
import type { Etcd3, IKeyValue, Watcher } from 'etcd3';
import type { StoreCluster } from '../../src/edge/bench/cluster.ts';

export interface Context {
  readonly client: Etcd3;
  readonly cluster: StoreCluster;
  /** Another client of the same cluster; closed by the test. */
  readonly connect: (more?: { readonly username: string; readonly password: string }, endpoints?: readonly string[]) => Etcd3;
}

/** What it resolves to must be the same for etcd and for etcd-lite. */
export interface Scenario {
  readonly name: string;
  readonly run: (context: Context) => Promise<unknown>;
}

/** The outcome or how it failed. */
async function outcome(act: () => unknown): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `${error.constructor.name}: ${error.message}`;
  }
}

const plain = (kv: IKeyValue | null | undefined): unknown => (kv === undefined || kv === null ? undefined : { key: kv.key.toString(), value: kv.value.toString(), version: kv.version, lease: kv.lease === '0' ? 'none' : 'some' });

/** Ends when `count` events came. */
async function events(watcher: Watcher, count: number, act: () => Promise<void>): Promise<unknown[]> {
  const seen: unknown[] = [];
  const all = new Promise<void>((resolve) => {
    const saw = (type: string) => (kv: IKeyValue, previous?: IKeyValue): void => { seen.push([type, plain(kv), plain(previous)]); if (seen.length === count) resolve(); };
    watcher.on('put', saw('put'));
    watcher.on('delete', saw('delete'));
  });
  await act();
  await all;
  return seen;
}

async function seed(client: Etcd3, pairs: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, value] of Object.entries(pairs)) await client.put(key).value(value);
}

const reading: readonly Scenario[] = [
  {
    name: 'one key in every form',
    run: async ({ client }) => {
      await seed(client, { 'get/text': 'text', 'get/number': '42', 'get/json': '{"a":[1]}' });
      return [
        await client.get('get/text'), await client.get('get/text').string(), (await client.get('get/text').buffer())?.toString(), await client.get('get/number').number(), await client.get('get/json').json(),
        await client.get('get/none'), await client.get('get/none').number(), await client.get('get/text').exists(), await client.get('get/none').exists(),
        await client.get('get/text').serializable(true), await outcome(() => client.get('get/text').revision(99_999)),
      ];
    },
  },
  {
    name: 'ranges: prefix, bounds, limit, order, counts, keys, filters by revision',
    run: async ({ client }) => {
      await seed(client, { 'r/a': '3', 'r/b': '2', 'r/c': '1' });
      const first = await client.get('r/a').exec();
      await client.put('r/a').value('4');
      const all = (): ReturnType<Etcd3['getAll']> => client.getAll().prefix('r/');
      const { mod_revision: mod = '0' } = first.kvs[0] ?? {};
      return [
        await all().strings(), await all().numbers(), await all().json(), await all().keys(), (await all().keyBuffers()).map(String), await all().count(), await all().limit(2).strings(),
        await all().sort('Key', 'Descend').keys(), await all().sort('Value', 'Ascend').keys(), await all().sort('Version', 'Descend').keys(), await all().sort('Mod', 'Descend').keys(), await all().sort('Create', 'Descend').keys(),
        await client.getAll().inRange({ start: 'r/a', end: 'r/c' }).keys(), await client.getAll().inRange({ prefix: 'r/' }).count(), await client.namespace('r/').getAll().all().keys(),
        await all().revision(mod).strings(), await all().minModRevision(Number(mod) + 1).keys(), await all().maxModRevision(mod).keys(), await all().maxCreateRevision(mod).keys(), await all().minCreateRevision(Number(mod) + 1).keys(),
      ];
    },
  },
  {
    name: 'puts and deletions, with what was there before',
    run: async ({ client }) => {
      await seed(client, { 'w/1': 'a', 'w/2': 'b', 'w/3': 'c', 'w/4': 'd' });
      return [
        plain(await client.put('w/1').value('a2').getPrevious()), (await client.put('w/1').touch()).prev_kv, await client.get('w/1'), await outcome(() => client.put('w/none').touch()), await outcome(() => client.put('').value('x')),
        await client.put('w/buffer').value(Buffer.from([0, 255])).then(async () => (await client.get('w/buffer').buffer())?.toString('hex')), await client.put('w/number').value(7).then(() => client.get('w/number').number()),
        (await client.delete().key('w/1').getPrevious()).map(plain), (await client.delete().key('w/1')).deleted, (await client.delete().inRange({ start: 'w/2', end: 'w/4' })).deleted, (await client.delete().prefix('w/')).deleted,
        await client.namespace('w/').delete().all().then((answer) => answer.deleted), await outcome(() => client.put('w/big').value('x'.repeat(1_700_000))),
      ];
    },
  },
  {
    name: 'namespaces',
    run: async ({ client }) => {
      const ns = client.namespace('ns/');
      const inner = ns.namespace('in/');
      await ns.put('k').value('1');
      await inner.put('k').value('2');
      const watcher = await inner.watch().key('k').create();
      const seen = await events(watcher, 1, async () => { await ns.put('in/k').value('3'); });
      await watcher.cancel();
      return [await client.getAll().prefix('ns/').strings(), await ns.getAll().strings(), await inner.getAll().strings(), await inner.if('k', 'Value', '==', '3').then(inner.put('k').value('4')).commit().then((answer) => answer.succeeded), seen, (await ns.delete().all()).deleted];
    },
  },
  {
    name: 'transactions',
    run: async ({ client }) => {
      await seed(client, { 'txn/a': '1' });
      const succeeds = async (target: 'Value' | 'Version' | 'Create' | 'Mod' | 'Lease', operator: '==' | '!=' | '<' | '>', value: string | number): Promise<boolean> => (await client.if('txn/a', target, operator, value).then().commit()).succeeded;
      const mixed = await client.if('txn/a', 'Value', '==', '1').and('txn/none', 'Version', '==', 0)
        .then(client.put('txn/a').value('2'), client.put('txn/b').value('3'), client.get('txn/a'), client.delete().key('txn/c')).else(client.get('txn/a')).commit();
      const otherwise = await client.if('txn/a', 'Value', '==', '1').then(client.put('txn/a').value('9')).else(client.get('txn/a'), client.getAll().prefix('txn/')).commit();
      return [
        await succeeds('Value', '==', '2'), await succeeds('Value', '!=', '2'), await succeeds('Value', '<', '3'), await succeeds('Value', '>', '3'), await succeeds('Version', '==', 2), await succeeds('Version', '>', 5),
        await succeeds('Create', '>', 0), await succeeds('Mod', '<', 1), await succeeds('Lease', '==', 0), mixed.succeeded, mixed.responses.map((one) => Object.entries(one).filter(([, value]) => value !== null).map(([name]) => name).toSorted((a, b) => a.localeCompare(b))), otherwise.succeeded,
        otherwise.responses.map((one) => one.response_range?.kvs.map(plain)), await outcome(() => client.if('txn/a', 'Version', '>', 0).then(client.put('txn/x').value('1'), client.put('txn/x').value('2')).commit()),
        await client.getAll().prefix('txn/').strings(),
      ];
    },
  },
  {
    name: 'software transactions in every isolation, against a writer in between',
    run: async ({ client }) => {
      const out: unknown[] = [];
      for (const isolation of [0, 1, 2, 3]) {
        await seed(client, { 'stm/a': '1', 'stm/b': '10' });
        let disturbed = false;
        out.push(await outcome(() => client.stm({ isolation, retries: 3, prefetch: ['stm/a'] }).transact(async (tx) => {
          const a = Number(await tx.get('stm/a'));
          if (!disturbed) { disturbed = true; await client.put('stm/a').value('5'); }
          await tx.put('stm/b').value(String(a + 1));
          await tx.delete().key('stm/none');
          return [await tx.get('stm/b'), await tx.get('stm/a')];
        })), await client.getAll().prefix('stm/').strings());
      }
      out.push(await outcome(() => client.stm({ retries: 0 }).transact(async (tx) => { await tx.get('stm/a'); await client.put('stm/a').value('6'); await tx.put('stm/b').value('x'); })));
      return out;
    },
  },
];

const leasing: readonly Scenario[] = [
  {
    name: 'a lease: keys, keep-alive, revocation',
    run: async ({ client }) => {
      const lease = client.lease(60);
      await lease.put('lease/a').value('1');
      await client.put('lease/b').value('2').lease(await lease.grant());
      const { TTL } = await lease.keepaliveOnce();
      const id = await lease.grant();
      const { grantedTTL, keys } = await client.leaseClient.leaseTimeToLive({ ID: id, keys: true });
      const before = await client.getAll().prefix('lease/').strings();
      await client.put('lease/b').value('3').ignoreLease();
      await lease.revoke();
      return [TTL, grantedTTL, keys.map(String).toSorted(), before, await client.getAll().prefix('lease/').strings(), lease.revoked(), await outcome(() => client.put('lease/a').value('1').lease(id)), await outcome(() => client.leaseClient.leaseRevoke({ ID: id }))];
    },
  },
  {
    name: 'a lease that is kept outlives its time, one that is released does not, and its loss is told',
    run: async ({ client }) => {
      const kept = client.lease(2);
      await kept.put('kept').value('1');
      const released = client.lease(2, { autoKeepAlive: false });
      await released.put('released').value('1');
      const watcher = await client.watch().key('released').create();
      const gone = await events(watcher, 1, () => Promise.resolve());
      await watcher.cancel();
      const lost = new Promise<string>((resolve) => { kept.on('lost', (error) => { resolve(error.constructor.name); }); });
      const stillThere = await client.get('kept');
      await client.leaseClient.leaseRevoke({ ID: await kept.grant() });
      return [gone, stillThere, await lost, await client.get('kept')];
    },
  },
  {
    name: 'locks: one holder, the next after it, and freed when its function throws',
    run: async ({ client, connect }) => {
      const other = connect();
      const lock = client.lock('mutex');
      await lock.ttl(10).acquire();
      const refused = await outcome(() => other.lock('mutex').acquire());
      await lock.release();
      const held = await other.lock('mutex').do(() => 'held');
      const threw = await outcome(() => client.lock('mutex').do(() => { throw new Error('within'); }));
      return [refused, held, threw, await client.lock('mutex').do(() => 'free again')];
    },
  },
  {
    name: 'elections: leader, observer, proclamation, succession',
    run: async ({ client, connect }) => {
      const [one, two] = [client.election('e', 5), connect().election('e', 5)];
      const first = await one.campaign('first').wait();
      const observer = await two.observe();
      // Nobody leads (undefined) is seen or not, as fast as the observer asks.
      const changes: string[] = [];
      const change = (to: string): Promise<void> => new Promise((resolve) => { observer.on('change', (value) => { if (value !== undefined) changes.push(value); if (value === to) resolve(); }); });
      const leader = await two.leader();
      const proclaimed = change('first again');
      await first.proclaim('first again');
      await proclaimed;
      const second = two.campaign('second');
      const elected = once(second, 'elected');
      const waiting = once(second, '_isWaiting');
      const succeeded = change('second');
      // It must stand in line before the first one goes.
      await waiting;
      await first.resign();
      await elected;
      await succeeded;
      const last = await one.leader();
      await second.resign();
      await observer.cancel();
      return [leader, [...new Set(changes)], last, await one.leader(), await outcome(() => first.proclaim('late'))];
    },
  },
];

const watching: readonly Scenario[] = [
  {
    name: 'watchers: key, prefix, range, previous values, only and ignored kinds, from a revision',
    run: async ({ client }) => {
      const start = (await client.put('watch/a').value('0')).header.revision;
      const act = async (): Promise<void> => {
        await client.put('watch/a').value('1');
        await client.put('watch/b').value('2');
        await client.delete().key('watch/a');
        await client.put('watch/z').value('3');
      };
      const build = client.watch().prefix('watch/').withPreviousKV();
      const all = await build.create();
      const deletes = await client.watch().prefix('watch/').only('delete').create();
      // In etcd3 1.1 `ignore` does what `only` does.
      const ignoring = await client.watch().inRange({ start: 'watch/a', end: 'watch/c' }).ignore('delete').create();
      // Its first event may come with its creation.
      const past = client.watch().key('watch/a').startRevision(start).watcher();
      const seen = await Promise.all([events(all, 4, act), events(deletes, 1, () => Promise.resolve()), events(ignoring, 1, () => Promise.resolve()), events(past, 3, () => Promise.resolve())]);
      const ids = new Set([all, deletes, ignoring, past].map((watcher) => watcher.id));
      for (const watcher of [all, deletes, ignoring, past]) await watcher.cancel();
      return [seen, ids.size];
    },
  },
  {
    name: 'a watcher of a compacted revision is told',
    run: async ({ client }) => {
      const { revision } = (await client.put('c').value('1')).header;
      await client.put('c').value('2');
      await client.kv.compact({ revision: Number(revision) + 1, physical: true });
      const watcher = client.watch().key('c').startRevision(String(Number(revision) - 1)).watcher();
      const failed = await new Promise<unknown>((resolve) => { watcher.on('error', (error) => { resolve(error.message.replace(/\d+/g, 'N')); }); });
      return [failed, await outcome(() => client.get('c').revision(Number(revision) - 1)), await outcome(() => client.kv.compact({ revision: 1 }))];
    },
  },
  {
    name: 'a watcher goes on where it was when its member is killed, and requests go to the others',
    run: async ({ connect, cluster }) => {
      const victim = cluster.members[0];
      if (victim === undefined || cluster.members.length < 3) return 'one member';
      const watching = connect(undefined, [victim.clientUrl, ...cluster.endpoints.slice(1)]);
      const writing = connect(undefined, cluster.endpoints.slice(1));
      const watcher = await watching.watch().prefix('life/').create();
      const seen = await events(watcher, 60, async () => {
        for (let at = 0; at < 20; at += 1) await writing.put(`life/${at}`).value(String(at));
        await cluster.signal(victim, 'SIGKILL');
        for (let at = 20; at < 60; at += 1) await retry(() => writing.put(`life/${at}`).value(String(at)));
      });
      cluster.run(victim);
      await cluster.ready();
      await watcher.cancel();
      return new Set(seen.map((event) => JSON.stringify(event))).size;
    },
  },
];

/** A leader may just have died. */
async function retry(act: () => unknown): Promise<void> {
  for (let left = 100; ; left -= 1) {
    try {
      await act();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
}

const administering: readonly Scenario[] = [
  {
    name: 'members and maintenance',
    run: async ({ client }) => {
      const { members } = await client.cluster.memberList({});
      const status = await client.maintenance.status();
      const hash = await client.maintenance.hash();
      return [members.map((member) => [member.name, member.peerURLs.length, member.clientURLs.length].join(' ')).toSorted(), Number(status.dbSize) > 0, status.leader !== '0', Number(hash.hash) > 0, (await client.maintenance.alarm({ action: 'Get', memberID: 0, alarm: 'None' })).alarms];
    },
  },
  {
    name: 'roles and users',
    run: async ({ client, connect }) => {
      const role = client.role('reader');
      await role.create();
      await role.grant([{ permission: 'Read', range: client.range({ prefix: 'auth/' }) }, { permission: 'Readwrite', key: 'auth/own' }]);
      const granted = (await role.permissions()).map((one) => [one.permission, one.range.start.toString(), one.range.end.toString()]);
      const user = await client.user('ann').create('secret');
      await user.addRole(role);
      const root = await client.user('root').create('toor');
      await (await client.role('root').create()).addUser(root);
      const again = await outcome(() => client.user('ann').create('x'));
      const names = [(await client.getUsers()).map((one) => one.name), (await client.getRoles()).map((one) => one.name), (await user.roles()).map((one) => one.name)];
      await client.auth.authEnable();
      const admin = connect({ username: 'root', password: 'toor' });
      const ann = connect({ username: 'ann', password: 'secret' });
      await admin.put('auth/x').value('1');
      const checks = [
        await ann.get('auth/x'), await outcome(() => ann.put('auth/x').value('2')), await ann.put('auth/own').value('mine').then(() => ann.get('auth/own')), await outcome(() => ann.get('other')), await outcome(() => ann.getAll().prefix('auth/').keys()),
        await outcome(() => connect({ username: 'ann', password: 'wrong' }).get('auth/x')), await outcome(() => ann.user('eve').create('x')), await outcome(() => ann.if('auth/x', 'Version', '>', 0).then(ann.put('auth/x').value('3')).commit()),
      ];
      await admin.user('ann').setPassword('new');
      const renewed = await outcome(() => connect({ username: 'ann', password: 'new' }).get('auth/x'));
      await admin.role('reader').revoke({ permission: 'Read', range: client.range({ prefix: 'auth/' }) });
      const revoked = await outcome(() => connect({ username: 'ann', password: 'new' }).get('auth/x'));
      await admin.auth.authDisable();
      await user.removeRole(role);
      const noRoles = (await user.roles()).length;
      await user.delete();
      await role.delete();
      await client.user('root').delete();
      await client.role('root').delete();
      return [granted, again, names, checks, renewed, revoked, noRoles, await outcome(() => user.delete()), await outcome(() => role.delete()), (await client.getUsers()).length];
    },
  },
];

export const scenarios: readonly Scenario[] = [...reading, ...leasing, ...watching, ...administering];
