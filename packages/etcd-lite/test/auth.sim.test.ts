import { emptyBytes, NetworkError, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { EtcdError } from '@coxswain/etcd-lite/client';
import { describe, expect, it } from 'vitest';
import { permissionType, type RoleGrantPermissionRequest, type UserChangePasswordRequest } from '../src/auth/messages.ts';
import type { Codec } from '../src/wire/codec.ts';
import type { PutRequest } from '../src/wire/messages.ts';
import { codecs } from '../src/wire/schema.ts';
import { callRaw, rangeRequest, streamRaw, watchCreate } from './support/raw-call.ts';
import { SimCluster } from './support/sim-cluster.ts';

/** Longer than anything that was sent can still arrive and be applied. */
const settledMs = 45_000;
const [runMs, requestMs] = [150_000, 9000];

/** One client at the wire: its own token, any member, one attempt. */
class Caller {
  readonly host: Host;
  readonly #endpoints: readonly string[];
  token: string | undefined;

  constructor(host: Host, endpoints: readonly string[]) {
    this.host = host;
    this.#endpoints = endpoints;
  }

  async call<Q extends object, R extends object>(path: string, request: Codec<Q>, response: Codec<R>, value: Q): Promise<R> {
    const url = this.#endpoints[this.host.random.uint32() % this.#endpoints.length] as string;
    const stop = new AbortController();
    const timer = this.host.timers.after(requestMs, () => { stop.abort(); });
    try {
      return await callRaw(this.host, url, path, request, response, value, this.token === undefined ? {} : { token: this.token }, stop.signal);
    } finally {
      timer.cancel();
    }
  }

  auth<Q extends object>(method: string, request: Codec<Q>, value: Q): Promise<object> {
    return this.call(`/etcdserverpb.Auth/${method}`, request, codecs.headerResponse, value);
  }

  async authenticate(name: string, password: string): Promise<void> {
    this.token = undefined;
    this.token = (await this.call('/etcdserverpb.Auth/Authenticate', codecs.authenticateRequest, codecs.authenticateResponse, { name, password })).token;
  }

  put(key: string): Promise<object> {
    return this.call('/etcdserverpb.KV/Put', codecs.putRequest, codecs.putResponse, putRequest(key));
  }
}

function putRequest(key: string): PutRequest {
  return { key: utf8(key), value: utf8('v'), lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
}

/** What a failure says: the server's words, or that nothing is known. */
function wordsOf(error: unknown): string {
  if (error instanceof EtcdError) return error.message;
  if (error instanceof NetworkError) return 'network';
  throw error;
}

async function until<T>(host: Host, act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      wordsOf(error);
      await host.timers.sleep(100);
    }
  }
}

/** Done already counts: an attempt may have been done although its answer was lost. */
async function setUp(root: Caller): Promise<void> {
  const step = async (method: string, request: Codec<object>, value: object): Promise<void> => until(root.host, async () => {
    try {
      await root.auth(method, request, value);
    } catch (error) {
      if (!wordsOf(error).includes('already exist')) throw error;
    }
  });
  for (const name of ['root', 'alice']) await step('UserAdd', codecs.userAddRequest, { name, password: `${name}-0`, hashedPassword: '' });
  await step('RoleAdd', codecs.nameRequest, { name: 'app' });
  await step('UserGrantRole', codecs.userGrantRoleRequest, { user: 'root', role: 'root' });
  await step('UserGrantRole', codecs.userGrantRoleRequest, { user: 'alice', role: 'app' });
  await step('AuthEnable', codecs.emptyRequest, {});
  await until(root.host, () => root.authenticate('root', 'root-0'));
}

/** `unknown`: whether it is granted. */
type What = 'grant' | 'revoke' | 'password' | 'off' | 'on' | 'unknown';
type Outcome = 'done' | 'refused' | 'unknown';
interface Change { readonly what: What; readonly callMs: number; readonly returnMs: number }
interface Attempt { readonly callMs: number; readonly returnMs: number; readonly result: string; readonly tokenMs: number }

const keys = { key: utf8('k/'), rangeEnd: utf8('k0') };
const grantRequest: RoleGrantPermissionRequest = { name: 'app', perm: { permType: permissionType.readWrite, ...keys } };

/** Root, who changes its mind all the time. */
class Administrator {
  readonly changes: Change[] = [];
  readonly #root: Caller;
  password = 'alice-0';
  #count = 0;

  constructor(root: Caller) {
    this.#root = root;
  }

  async run(): Promise<void> {
    const { clock, timers, random } = this.#root.host;
    while (clock.monotonicMs() < runMs) {
      await timers.sleep(random.float() * 1500);
      const dice = random.float();
      if (dice < 0.4) await this.#do('grant', () => this.#root.auth('RoleGrantPermission', codecs.roleGrantPermissionRequest, grantRequest));
      else if (dice < 0.75) await this.#do('revoke', () => this.#root.auth('RoleRevokePermission', codecs.roleRevokePermissionRequest, { role: 'app', ...keys }), 'permission is not granted');
      else if (dice < 0.9) await this.#changePassword();
      else await this.#offAndOn();
    }
  }

  async #changePassword(): Promise<void> {
    this.#count += 1;
    const request: UserChangePasswordRequest = { name: 'alice', password: `alice-${this.#count}`, hashedPassword: '' };
    const outcome = await this.#do('password', () => this.#root.auth('UserChangePassword', codecs.userChangePasswordRequest, request));
    if (outcome === 'done') this.password = request.password;
    if (outcome === 'unknown') await until(this.#root.host, async () => { await this.#signIn(); await this.#root.auth('UserChangePassword', codecs.userChangePasswordRequest, { ...request, password: this.password }); });
  }

  async #offAndOn(): Promise<void> {
    if (await this.#do('off', () => this.#root.auth('AuthDisable', codecs.emptyRequest, {})) === 'refused') return;
    this.#root.token = undefined;
    await this.#signIn();
    this.changes.push({ what: 'on', callMs: this.#root.host.clock.monotonicMs(), returnMs: this.#root.host.clock.monotonicMs() });
  }

  async #signIn(): Promise<void> {
    await until(this.#root.host, () => this.#root.authenticate('root', 'root-0').catch(async (error: unknown) => {
      if (!wordsOf(error).includes('not enabled')) throw error;
      await this.#root.auth('AuthEnable', codecs.emptyRequest, {});
      throw error;
    }));
  }

  /** After an outcome that is not known it waits until nothing can happen any more. */
  async #do(what: What, act: () => Promise<unknown>, alsoDone = 'nothing else'): Promise<Outcome> {
    const { clock, timers } = this.#root.host;
    const callMs = clock.monotonicMs();
    const note = (as: What): void => { this.changes.push({ what: as, callMs, returnMs: clock.monotonicMs() }); };
    try {
      await act();
      note(what);
      return 'done';
    } catch (error) {
      const words = wordsOf(error);
      if (words.includes(alsoDone)) {
        note(what);
        return 'done';
      }
      if (isRefusal(error)) {
        if (/invalid auth token|user name is empty|revision of auth store is old/.test(words)) await this.#signIn();
        return 'refused';
      }
      await timers.sleep(settledMs);
      if (what !== 'password') note(what === 'off' ? what : 'unknown');
      return 'unknown';
    }
  }
}

/** It was certainly not done. */
function isRefusal(error: unknown): boolean {
  return error instanceof NetworkError ? error.kind === 'refused' : error instanceof EtcdError && [3, 5, 7, 9, 16].includes(error.code);
}

async function user(caller: Caller, admin: Administrator, attempts: Attempt[]): Promise<void> {
  const { clock, timers, random } = caller.host;
  let tokenMs = 0;
  while (clock.monotonicMs() < runMs) {
    await timers.sleep(random.float() * 100);
    const callMs = clock.monotonicMs();
    let result = 'done';
    try {
      if (caller.token === undefined) {
        await caller.authenticate('alice', admin.password);
        tokenMs = clock.monotonicMs();
        continue;
      }
      await caller.put(`k/${random.uint32() % 10}`);
    } catch (error) {
      result = wordsOf(error);
      if (/invalid auth token|user name is empty/.test(result)) caller.token = undefined;
    }
    attempts.push({ callMs, returnMs: clock.monotonicMs(), result, tokenMs });
  }
}

async function unrest(cluster: SimCluster, host: Host): Promise<void> {
  const { sim, members } = cluster;
  while (host.clock.monotonicMs() < runMs) {
    await host.timers.sleep(1000 + sim.random.float() * 5000);
    const victim = (sim.random.float() < 0.5 ? cluster.leader() : undefined) ?? members[sim.random.uint32() % members.length] as (typeof members)[number];
    if (sim.random.float() < 0.5) {
      cluster.kill(victim, true);
      await host.timers.sleep(sim.random.float() * 5000);
      cluster.start(victim);
    } else {
      sim.partition([victim.name], members.filter((member) => member !== victim).map(({ name }) => name));
      await host.timers.sleep(sim.random.float() * 6000);
      sim.heal();
    }
  }
  sim.heal();
}

/** Between the answer to one change and the call of the next the state is known: what must and must not succeed then? */
function judge(changes: readonly Change[], attempts: readonly Attempt[]): { readonly allowed: number; readonly denied: number; readonly void: number } {
  const counted = { allowed: 0, denied: 0, void: 0 };
  let state: 'granted' | 'revoked' | 'unknown' = 'revoked';
  let isOn = true;
  for (const [at, change] of changes.entries()) {
    if (change.what === 'grant') state = 'granted';
    if (change.what === 'revoke') state = 'revoked';
    if (change.what === 'unknown') state = 'unknown';
    if (change.what === 'off' || change.what === 'on') isOn = change.what === 'on';
    const untilMs = changes[at + 1]?.callMs ?? Number.POSITIVE_INFINITY;
    const during = attempts.filter((attempt) => attempt.callMs > change.returnMs && attempt.returnMs < untilMs);
    if (isOn) {
      for (const attempt of during) {
        if (state === 'revoked') expect(attempt.result, `revoked at ${change.returnMs}, asked at ${attempt.callMs}`).not.toBe('done');
        if (state === 'granted') expect(attempt.result, `granted at ${change.returnMs}, asked at ${attempt.callMs}`).not.toBe('etcdserver: permission denied');
        if (state === 'revoked' && attempt.result === 'etcdserver: permission denied') counted.denied += 1;
        if (state === 'granted' && attempt.result === 'done') counted.allowed += 1;
      }
    }
    if (change.what !== 'password') continue;
    const later = attempts.filter((attempt) => isOn && attempt.tokenMs < change.callMs && attempt.callMs > change.returnMs && attempt.returnMs < (changes.find(({ what, callMs }) => what === 'off' && callMs > change.returnMs)?.callMs ?? Number.POSITIVE_INFINITY));
    for (const attempt of later) {
      expect(attempt.result, `token of ${attempt.tokenMs}, password changed at ${change.returnMs}, asked at ${attempt.callMs}`).not.toBe('done');
      counted.void += 1;
    }
  }
  return counted;
}

const covered = { allowed: 0, denied: 0, void: 0, installed: 0 };

describe.each([1, 2, 3])('auth changes while members die and are cut off: seed %i', (seed) => {
  it('what was revoked is never used, what was granted always works, and all members agree', async () => {
    let installed = 0;
    const sim = new Simulation({ seed, onTrace: (line) => { if (line.includes('state installed')) installed += 1; } });
    const cluster = new SimCluster(sim, ['m1', 'm2', 'm3'], { authToken: { kind: 'simple', ttlMs: 300_000 } });
    cluster.startAll();
    const caller = (name: string): Caller => new Caller(sim.start(name, name).host, cluster.endpoints);
    const root = caller('root');
    await sim.runUntil(setUp(root), 60_000, 'the set-up');
    const admin = new Administrator(root);
    const attempts: Attempt[] = [];
    const load = [admin.run(), user(caller('c1'), admin, attempts), user(caller('c2'), admin, attempts), user(caller('c3'), admin, attempts)];
    await sim.runUntil(Promise.all([...load, unrest(cluster, sim.start('nemesis', 'nemesis').host)]), 3 * runMs, 'the load');
    expect(cluster.failures).toEqual([]);
    const same = await sim.run(30_000, () => new Set(cluster.members.map((member) => member.running?.status().applied)).size === 1);
    expect(same).toBe(true);
    const [first, ...others] = cluster.members.map((member) => member.running?.status().auth());
    expect(first?.revision).toBeGreaterThan(12);
    for (const other of others) expect(other).toEqual(first);
    const counted = judge(admin.changes, attempts);
    console.log(`seed ${seed}: ${admin.changes.length} changes, ${attempts.length} puts, judged ${JSON.stringify(counted)}, ${installed} snapshots installed`);
    for (const name of ['allowed', 'denied', 'void'] as const) covered[name] += counted[name];
    covered.installed += installed;
    sim.stop();
  });
});

it('the seeds together had all of it: what must work, what must not, void tokens, whole states installed', () => {
  expect(covered.allowed).toBeGreaterThan(200);
  expect(covered.denied).toBeGreaterThan(200);
  expect(covered.void).toBeGreaterThan(3);
  expect(covered.installed).toBeGreaterThan(1);
});

async function withMembers(names: readonly string[], tell: (root: Caller, cluster: SimCluster, sim: Simulation) => Promise<void>): Promise<void> {
  const sim = new Simulation({ seed: 5 });
  const cluster = new SimCluster(sim, names);
  cluster.startAll();
  const root = new Caller(sim.start('root', 'root').host, cluster.endpoints);
  await sim.runUntil((async () => { await setUp(root); await tell(root, cluster, sim); })(), 2_000_000, 'the story');
  expect(cluster.failures).toEqual([]);
  sim.stop();
}

const words = async (act: Promise<unknown>): Promise<string> => act.then(() => 'done', wordsOf);

describe('tokens', () => {
  it('of one member hold on all, at once', () => withMembers(['m1', 'm2', 'm3'], async (root, cluster) => {
    for (let round = 0; round < 10; round += 1) {
      await root.authenticate('root', 'root-0');
      for (const url of cluster.endpoints) await callRaw(root.host, url, '/etcdserverpb.KV/Put', codecs.putRequest, codecs.putResponse, putRequest('x'), { token: root.token as string });
    }
  }));

  it('end when they are not used', () => withMembers(['m1'], async (root) => {
    await root.host.timers.sleep(299_000);
    expect(await words(root.put('x'))).toBe('done');
    await root.host.timers.sleep(299_000);
    expect(await words(root.put('x'))).toBe('done');
    await root.host.timers.sleep(301_000);
    expect(await words(root.put('x'))).toBe('etcdserver: invalid auth token');
  }));
});

describe('what each call needs', () => {
  it('nobody, a user without roles and root, at every service', () => withMembers(['m1'], async (root, cluster) => {
    const alice = new Caller(root.host, cluster.endpoints);
    await alice.authenticate('alice', 'alice-0');
    const nobody = new Caller(root.host, cluster.endpoints);
    const ask = async <Q extends object, R extends object>(path: string, request: Codec<Q>, response: Codec<R>, value: Q): Promise<readonly string[]> =>
      Promise.all([nobody, alice, root].map((who) => words(who.call(`/etcdserverpb.${path}`, request, response, value))));
    const [empty, denied] = ['etcdserver: user name is empty', 'etcdserver: permission denied'];
    const forRoot = [empty, denied, 'done'];
    const forKnown = [empty, 'done', 'done'];
    expect(await ask('KV/Range', codecs.rangeRequest, codecs.rangeResponse, rangeRequest({ key: utf8('x') }))).toEqual(forRoot);
    expect(await ask('KV/Range', codecs.rangeRequest, codecs.rangeResponse, rangeRequest({ key: utf8('x'), serializable: true }))).toEqual(forRoot);
    expect(await ask('KV/Put', codecs.putRequest, codecs.putResponse, putRequest('x'))).toEqual(forRoot);
    expect(await ask('KV/DeleteRange', codecs.deleteRangeRequest, codecs.deleteRangeResponse, { key: utf8('x'), rangeEnd: emptyBytes, prevKv: false })).toEqual(forRoot);
    const readTxn = { compare: [], success: [{ requestRange: rangeRequest({ key: utf8('x') }) }], failure: [] };
    expect(await ask('KV/Txn', codecs.txnRequest, codecs.txnResponse, readTxn)).toEqual(forRoot);
    expect(await ask('KV/Txn', codecs.txnRequest, codecs.txnResponse, { compare: [], success: [{ requestTxn: readTxn }], failure: [{ requestPut: putRequest('x') }] })).toEqual(forRoot);
    expect(await ask('KV/Compact', codecs.compactionRequest, codecs.compactionResponse, { revision: 2, physical: false })).toEqual(forRoot);
    expect(await ask('Maintenance/Status', codecs.statusRequest, codecs.statusResponse, {})).toEqual(forKnown);
    expect(await ask('Cluster/MemberList', codecs.memberListRequest, codecs.memberListResponse, { linearizable: true })).toEqual(forKnown);
    expect(await ask('Maintenance/Alarm', codecs.alarmRequest, codecs.alarmResponse, { action: 0, memberID: 0n, alarm: 0 })).toEqual(forKnown);
    expect(await ask('Maintenance/Alarm', codecs.alarmRequest, codecs.alarmResponse, { action: 2, memberID: 0n, alarm: 1 })).toEqual(forRoot);
    expect(await ask('Maintenance/HashKV', codecs.hashKvRequest, codecs.hashKvResponse, { revision: 0 })).toEqual(forRoot);
    expect(await ask('Maintenance/Defragment', codecs.defragmentRequest, codecs.defragmentResponse, {})).toEqual(forRoot);
    expect(await ask('Auth/AuthStatus', codecs.emptyRequest, codecs.authStatusResponse, {})).toEqual(forRoot);
    expect(await ask('Auth/UserList', codecs.emptyRequest, codecs.userListResponse, {})).toEqual(forRoot);
    expect(await ask('Auth/UserGet', codecs.nameRequest, codecs.userGetResponse, { name: 'alice' })).toEqual(forKnown);
    expect(await ask('Auth/RoleGet', codecs.roleRequest, codecs.roleGetResponse, { role: 'app' })).toEqual(forKnown);
    expect(await ask('Auth/RoleAdd', codecs.nameRequest, codecs.headerResponse, { name: 'new' })).toEqual(forRoot);
    await root.call('/etcdserverpb.Lease/LeaseGrant', codecs.leaseGrantRequest, codecs.leaseGrantResponse, { ID: 7n, TTL: 600 });
    const lease = { ID: 7n };
    expect(await ask('Lease/LeaseTimeToLive', codecs.leaseTimeToLiveRequest, codecs.leaseTimeToLiveResponse, { ...lease, keys: true })).toEqual(forKnown);
    await root.call('/etcdserverpb.KV/Put', codecs.putRequest, codecs.putResponse, { ...putRequest('secret'), lease: 7n });
    expect(await ask('Lease/LeaseTimeToLive', codecs.leaseTimeToLiveRequest, codecs.leaseTimeToLiveResponse, { ...lease, keys: true })).toEqual(forRoot);
    expect(await ask('Lease/LeaseTimeToLive', codecs.leaseTimeToLiveRequest, codecs.leaseTimeToLiveResponse, { ...lease, keys: false })).toEqual(forKnown);
    expect(await ask('Lease/LeaseLeases', codecs.leaseLeasesRequest, codecs.leaseLeasesResponse, {})).toEqual(forRoot);
    expect(await ask('Lease/LeaseKeepAlive', codecs.leaseKeepAliveRequest, codecs.leaseKeepAliveResponse, lease)).toEqual(forRoot);
    expect(await ask('Lease/LeaseRevoke', codecs.leaseRevokeRequest, codecs.leaseRevokeResponse, lease)).toEqual(['etcdserver: user name is empty', denied, 'done']);
    expect(await ask('Lease/LeaseGrant', codecs.leaseGrantRequest, codecs.leaseGrantResponse, { ID: 8n, TTL: 600 })).toEqual([empty, 'done', 'etcdserver: lease already exists']);
  }));

  it('locks: who may write and read the queue', () => withMembers(['m1'], async (root, cluster) => {
    const range = { key: utf8('l/'), rangeEnd: utf8('l0') };
    await root.auth('RoleGrantPermission', codecs.roleGrantPermissionRequest, { name: 'app', perm: { permType: permissionType.readWrite, ...range } });
    const alice = new Caller(root.host, cluster.endpoints);
    await alice.authenticate('alice', 'alice-0');
    const lock = async (who: Caller, name: string): Promise<Uint8Array> => (await who.call('/v3lockpb.Lock/Lock', codecs.lockRequest, codecs.lockResponse, { name: utf8(name), lease: 0n })).key;
    expect(await words(lock(new Caller(root.host, cluster.endpoints), 'l'))).toBe('etcdserver: user name is empty');
    expect(await words(lock(alice, 'm'))).toBe('etcdserver: permission denied');
    const key = await lock(alice, 'l');
    // Who gives up waiting leaves the queue, although by then nobody says who it was.
    const stop = new AbortController();
    const waiting = words(callRaw(root.host, cluster.endpoints[0] as string, '/v3lockpb.Lock/Lock', codecs.lockRequest, codecs.lockResponse, { name: utf8('l'), lease: 0n }, { token: alice.token as string }, stop.signal));
    const places = async (): Promise<number> => (await root.call('/etcdserverpb.KV/Range', codecs.rangeRequest, codecs.rangeResponse, rangeRequest(range))).count;
    while (await places() < 2) await root.host.timers.sleep(1);
    stop.abort();
    await waiting;
    while (await places() > 1) await root.host.timers.sleep(1);
    await alice.call('/v3lockpb.Lock/Unlock', codecs.unlockRequest, codecs.unlockResponse, { key });
    expect(await places()).toBe(0);
    expect(await words(alice.call('/v3electionpb.Election/Leader', codecs.leaderRequest, codecs.leaderResponse, { name: utf8('m') }))).toBe('etcdserver: permission denied');
    expect(await words(alice.call('/v3electionpb.Election/Leader', codecs.leaderRequest, codecs.leaderResponse, { name: utf8('l') }))).toBe('election: no leader');
  }));

  it('a watch: when it is created, by what its user may read then; it goes on after that', () => withMembers(['m1'], async (root, cluster) => {
    await root.auth('RoleGrantPermission', codecs.roleGrantPermissionRequest, grantRequest);
    const alice = new Caller(root.host, cluster.endpoints);
    await alice.authenticate('alice', 'alice-0');
    const denied = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
    const watch = (create: Parameters<typeof watchCreate>[0], token: string | undefined, signal: AbortSignal): AsyncGenerator<{ readonly cancelReason?: string; readonly events: readonly object[] }> =>
      streamRaw(root.host, cluster.endpoints[0] as string, '/etcdserverpb.Watch/Watch', codecs.watchRequest, codecs.watchResponse, [{ createRequest: watchCreate(create) }], token === undefined ? {} : { token }, signal);
    const reason = async (create: Parameters<typeof watchCreate>[0], token: string | undefined): Promise<string | undefined> => {
      const stop = new AbortController();
      const answer = await watch(create, token, stop.signal).next();
      stop.abort();
      return answer.done === true ? 'end' : answer.value.cancelReason;
    };
    expect(await reason(keys, undefined)).toBe('rpc error: code = InvalidArgument desc = etcdserver: user name is empty');
    expect(await reason(keys, 'nonsense')).toBe('rpc error: code = Unauthenticated desc = etcdserver: invalid auth token');
    expect(await reason(keys, alice.token)).toBe('');
    for (const create of [{ key: utf8('k/'), rangeEnd: Uint8Array.of(0) }, { key: emptyBytes, rangeEnd: Uint8Array.of(0) }, { key: utf8('k0') }]) expect(await reason(create, alice.token)).toBe(denied);
    const stop = new AbortController();
    const going = watch(keys, alice.token, stop.signal);
    await going.next();
    await root.auth('RoleRevokePermission', codecs.roleRevokePermissionRequest, { role: 'app', ...keys });
    expect(await reason(keys, alice.token)).toBe(denied);
    await root.put('k/1');
    const next = await going.next();
    expect(next.done === true ? 0 : next.value.events.length).toBe(1);
    stop.abort();
  }));
});
