import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInstalled, StoreCluster, type StoreKind } from '../src/edge/bench/cluster.ts';
import { codecs } from '../src/wire/schema.ts';
import { Session, type Answer } from './compat/session.ts';
import { ctl, type Step } from './compat/step.ts';
import { callRaw, rangeRequest } from './support/raw-call.ts';

const missing = ['etcd', 'etcdctl', 'openssl'].filter((name) => !isInstalled(name));
if (missing.length > 0) console.log(`skipped: ${missing.join(' and ')} not installed`);

const host = createRealHost(silentLogger);
/** Cheap passwords: what is measured here is words, not time. */
const cheap = ['--bcrypt-cost', '4'];
const root = '--user=root:rootpw';

/** The session of etcd's guide on authentication (op-guide/authentication/rbac), and what it says will be refused. */
const guide: readonly Step[] = [
  ctl('user list'), ctl('user add root --interactive=false', { stdin: 'rootpw\n' }), ctl('user add myusername:mypw'), ctl('user add nopw --no-password'), ctl('user add myusername:again'), ctl("user add ''  --no-password"),
  ctl('role add root'), ctl('role list'), ctl('role add myrolename'), ctl('role add myrolename'), ctl('user grant-role root root'), ctl('user get root'),
  ctl('role grant-permission myrolename read /foo'), ctl('role grant-permission myrolename --prefix=true read /foo/'), ctl('role grant-permission myrolename write /foo/bar'), ctl('role grant-permission myrolename readwrite key1 key5'),
  ctl('role grant-permission myrolename --prefix=true readwrite /pub/'), ctl('role get myrolename'), ctl('role revoke-permission myrolename /foo/bar'), ctl('role revoke-permission myrolename /nothing'),
  ctl('user grant-role myusername myrolename'), ctl('user grant-role myusername nonsense'), ctl('user grant-role nonsense myrolename'), ctl('user get myusername'), ctl('user get myusername --detail'), ctl('user get nonsense'),
  ctl('put /foo open'), ctl('get /foo', { name: 'get while it is off' }), ctl(`${root} get /foo`, { name: 'a user while it is off' }),
  ctl('auth enable'), ctl('auth enable', { name: 'enable again, as nobody' }), ctl('put /foo 1', { name: 'put as nobody' }), ctl('get /foo', { name: 'get as nobody' }), ctl('watch /foo', { name: 'watch as nobody' }), ctl('user list', { name: 'users as nobody' }),
  ctl('endpoint health', { name: 'health as nobody' }),
  ...['get /foo', 'put /foo 1', 'get /foo/ --prefix', 'put /foo/bar 1', 'put key1 1', 'put key4 1', 'put key5 1', 'get key1 key5', 'get key1 key6', 'put /pub/1 1 --prev-kv', 'get /pub/ --prefix', 'get /pub/ --from-key', 'get --prefix /',
    'del /pub/ --prefix --prev-kv', 'del /foo', 'lease list', 'lease grant 100', 'watch /secret', 'alarm list', 'alarm disarm', 'auth disable', 'user list', 'user add x:y', 'user get myusername', 'user get root',
    'role get myrolename', 'role list', 'user passwd myusername --interactive=false', 'user delete nopw', 'role delete myrolename'].map((line) => ctl(`--user=myusername:mypw ${line}`, { stdin: 'x\n' })),
  ctl('--user=myusername:mypw txn', { stdin: 'value("/foo") = "open"\n\nput key1 2\nget /foo\n\nput key1 3\n\n' }), ctl('--user=myusername:mypw txn', { name: 'txn with a secret', stdin: 'value("/secret") = "x"\n\nput key1 2\n\n\n' }),
  ctl('--user=myusername --password=mypw get /foo'), ctl('--user=myusername:wrong get /foo'), ctl('--user=nobody:mypw get /foo'), ctl('--user=nopw:mypw get /foo'), ctl('--user=nopw: get /foo'),
  ctl(`${root} put /secret 1`), ctl(`${root} get / --prefix`), ctl(`${root} user list`), ctl(`${root} user delete root`), ctl(`${root} role delete root`), ctl(`${root} user revoke-role root root`), ctl(`${root} user passwd myusername --interactive=false`, { stdin: 'newpw\n' }),
  ctl('--user=myusername:mypw get /foo', { name: 'the old password' }), ctl('--user=myusername:newpw get /foo'), ctl(`${root} user passwd nopw --interactive=false`, { stdin: 'x\n' }), ctl(`${root} role revoke-permission myrolename /foo`), ctl('--user=myusername:newpw get /foo', { name: 'what was revoked' }),
  ctl('--user=myusername:newpw get key1'), ctl(`${root} user revoke-role myusername myrolename`), ctl(`${root} user revoke-role myusername myrolename`, { name: 'revoke twice' }), ctl('--user=myusername:newpw get key1', { name: 'without roles' }),
  ctl(`${root} user grant-role myusername root`), ctl('--user=myusername:newpw user list', { name: 'another root' }), ctl(`${root} user delete myusername`), ctl('--user=myusername:newpw get key1', { name: 'a deleted user' }), ctl(`${root} role delete myrolename`),
  ctl(`${root} auth disable`), ctl('get /secret', { name: 'get when it is off again' }), ctl('user delete root'), ctl('auth enable', { name: 'enable without root' }),
];

async function answersOf(kind: StoreKind, parent: string): Promise<readonly Answer[]> {
  const cluster = await StoreCluster.start({ kind, size: 1, tls: false, parent, flags: cheap });
  try {
    return await (await Session.open(cluster)).run(guide);
  } finally {
    await cluster.remove();
  }
}

/** One word to etcdctl a word; what it says, and whether that is all right with it. */
async function etcdctl(flags: readonly string[], line: string): Promise<{ readonly code: number; readonly out: string }> {
  const child = spawn('etcdctl', [...flags, ...line.split(' ')], { env: { ...process.env, ETCDCTL_API: '3' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { out += chunk.toString(); });
  const [code] = await once(child, 'close') as [number];
  return { code, out };
}

async function mustCtl(flags: readonly string[], ...lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { code, out } = await etcdctl(flags, line);
    expect(code, `${line}: ${out}`).toBe(0);
  }
}

const setUp = ['user add root:rootpw', 'user grant-role root root', 'user add alice:alicepw', 'role add app', 'role grant-permission app readwrite a/ --prefix=true', 'user grant-role alice app'] as const;

describe.skipIf(missing.length > 0)('authentication with real processes', () => {
  let parent: string;
  beforeAll(() => { parent = mkdtempSync(join(tmpdir(), 'auth-')); });
  afterAll(() => { rmSync(parent, { recursive: true, force: true }); });

  it('the guide\'s session gets the same answers from Debian\'s etcd and from etcd-lite, line by line', async () => {
    const [theirs, ours] = await Promise.all([answersOf('etcd', parent), answersOf('etcd-lite', parent)]);
    expect(ours.length).toBe(guide.length);
    expect(ours.filter((answer, at) => JSON.stringify(answer) !== JSON.stringify(theirs[at])).map((answer) => ({ ours: answer, theirs: theirs.find(({ step }) => step === answer.step) }))).toEqual([]);
    expect(theirs.filter(({ stderr }) => stderr.includes('permission denied')).length).toBeGreaterThan(15);
  });

  it('no password is in the files or the log of a member', async () => {
    const cluster = await StoreCluster.start({ kind: 'etcd-lite', size: 1, tls: false, parent, flags: cheap });
    try {
      await mustCtl(cluster.clientFlags, 'user add root:very-secret-pw', 'user grant-role root root', 'auth enable', '--user=root:very-secret-pw put a 1');
      expect((await etcdctl(cluster.clientFlags, '--user=root:other-secret-pw put a 1')).out).toContain('etcdserver: authentication failed, invalid user ID or password');
      const found = spawn('grep', ['-r', '-c', '-a', 'secret-pw', cluster.directory], { stdio: ['ignore', 'pipe', 'inherit'] });
      let out = '';
      found.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); });
      await once(found, 'close');
      expect(out.trim().split('\n').filter((line) => !line.endsWith(':0'))).toEqual([]);
      expect(out).toContain('/wal/');
    } finally {
      await cluster.remove();
    }
  });

  it('a JSON web token of one member holds on all, until anything is changed', async () => {
    const key = (name: string): string => join(parent, name);
    execFileSync('openssl', ['genrsa', '-out', key('jwt.key'), '2048'], { stdio: 'pipe' });
    execFileSync('openssl', ['rsa', '-in', key('jwt.key'), '-pubout', '-out', key('jwt.pub')], { stdio: 'pipe' });
    const pair = `--auth-token=jwt,pub-key=${key('jwt.pub')},priv-key=${key('jwt.key')},sign-method=PS256,ttl=10m`;
    const cluster = await StoreCluster.start({ kind: 'etcd-lite', size: 3, tls: false, parent, flags: [...cheap, pair] });
    try {
      await mustCtl(cluster.clientFlags, ...setUp, 'auth enable', '--user=alice:alicepw put a/1 v');
      const [one = ''] = cluster.endpoints;
      const { token } = await callRaw(host, one, '/etcdserverpb.Auth/Authenticate', codecs.authenticateRequest, codecs.authenticateResponse, { name: 'alice', password: 'alicepw' });
      expect(token.split('.')).toHaveLength(3);
      for (const url of cluster.endpoints) {
        const { kvs } = await callRaw(host, url, '/etcdserverpb.KV/Range', codecs.rangeRequest, codecs.rangeResponse, rangeRequest({ key: utf8('a/1') }), { token });
        expect(kvs).toHaveLength(1);
      }
      // The token is of the state before this change: a new one is needed, and etcdctl gets itself one.
      await mustCtl(cluster.clientFlags, `${root} role grant-permission app read b`);
      await expect(callRaw(host, one, '/etcdserverpb.KV/Range', codecs.rangeRequest, codecs.rangeResponse, rangeRequest({ key: utf8('a/1') }), { token })).rejects.toThrow('etcdserver: revision of auth store is old');
      await mustCtl(cluster.clientFlags, '--user=alice:alicepw get b');
    } finally {
      await cluster.remove();
    }
  });

  it('a client\'s certificate says who it is, unless it says so itself', async () => {
    const cluster = await StoreCluster.start({ kind: 'etcd-lite', size: 1, tls: true, parent, flags: cheap });
    try {
      await mustCtl(cluster.clientFlags, ...setUp, 'user add client --no-password', 'role add certified', 'role grant-permission certified readwrite c/ --prefix=true', 'user grant-role client certified', 'auth enable');
      await mustCtl(cluster.clientFlags, 'put c/1 v', '--user=alice:alicepw put a/1 v', `${root} put any v`);
      for (const line of ['put a/1 v', '--user=alice:alicepw put c/1 v', 'user list']) expect((await etcdctl(cluster.clientFlags, line)).out).toContain('etcdserver: permission denied');
    } finally {
      await cluster.remove();
    }
  });

  it('over HTTP: a token by JSON, sent as Authorization, from both stores', async () => {
    const tell = async (kind: StoreKind): Promise<readonly unknown[]> => {
      const cluster = await StoreCluster.start({ kind, size: 1, tls: false, parent, flags: cheap });
      try {
        await mustCtl(cluster.clientFlags, ...setUp, 'auth enable');
        const post = async (path: string, body: object, token?: string): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> => {
          const response = await fetch(`${cluster.endpoints[0]}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), headers: token === undefined ? {} : { authorization: token } });
          return { status: response.status, body: await response.json() as Record<string, unknown> };
        };
        const { body } = await post('auth/authenticate', { name: 'alice', password: 'alicepw' });
        const put = { key: btoa('a/1'), value: btoa('v') };
        const denied = [await post('kv/put', put), await post('kv/put', put, 'nonsense'), await post('kv/put', { key: btoa('b'), value: '' }, String(body['token'])), await post('auth/authenticate', { name: 'alice', password: 'x' }), await post('auth/user/list', {}, String(body['token']))];
        expect((await post('kv/put', put, String(body['token']))).status).toBe(200);
        return denied.map((answer) => [answer.status, answer.body['code'], answer.body['message']]);
      } finally {
        await cluster.remove();
      }
    };
    const [theirs, ours] = await Promise.all([tell('etcd'), tell('etcd-lite')]);
    expect(ours).toEqual(theirs);
    expect(theirs.map((answer) => (answer as readonly unknown[])[2])).toContain('etcdserver: permission denied');
  });

  it('users, roles and the switch are there after a restart; a token from before may have to be asked for again', async () => {
    const cluster = await StoreCluster.start({ kind: 'etcd-lite', size: 1, tls: false, parent, flags: [...cheap, '--snapshot-count', '5'] });
    try {
      await mustCtl(cluster.clientFlags, ...setUp, 'auth enable', '--user=alice:alicepw put a/1 v');
      const [member] = cluster.members;
      if (member === undefined) throw new Error('no member');
      await cluster.signal(member, 'SIGKILL');
      cluster.run(member);
      await expect.poll(async () => (await etcdctl(cluster.clientFlags, '--user=alice:alicepw get a/1')).out, { timeout: 20_000 }).toBe('a/1\nv\n');
      expect((await etcdctl(cluster.clientFlags, '--user=alice:alicepw get b')).out).toContain('etcdserver: permission denied');
      expect((await etcdctl(cluster.clientFlags, 'get a/1')).out).toContain('etcdserver: user name is empty');
    } finally {
      await cluster.remove();
    }
  });
});
