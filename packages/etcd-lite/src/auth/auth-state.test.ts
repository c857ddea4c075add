import { emptyBytes, utf8 } from '@coxswain/host';
import { beforeEach, describe, expect, it } from 'vitest';
import { Machine } from '../machine/machine.ts';
import { reopened } from '../storage/store.fixture.ts';
import type { InternalRequest, PutRequest, TxnRequest } from '../wire/messages.ts';
import { nobody, type AuthState } from './auth-state.ts';
import { permissionType, type AuthOperation } from './messages.ts';
import { decodeAuth, encodeAuth } from './snapshot.ts';
import { AuthState as State } from './auth-state.ts';

const hash = (text: string): string => utf8(text).toBase64();
const put = (key: string, over: Partial<PutRequest> = {}): PutRequest => ({ key: utf8(key), value: utf8('v'), lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false, ...over });
const rangeOf = (key: string, rangeEnd = emptyBytes): object => ({ key: utf8(key), rangeEnd });

let machine: Machine;
let auth: AuthState;

/** The words of the refusal, or `done`. */
function apply(request: Omit<InternalRequest, 'ID'>): string {
  const { error } = machine.apply({ ID: 1n, ...request });
  return error === undefined ? 'done' : error.message;
}

function change(operation: AuthOperation, user?: string): string {
  return apply({ auth: operation, ...(user === undefined ? {} : { user, authRevision: auth.revision }) });
}

/** As user `alice`, whose revision is that of now. */
const asAlice = (request: Omit<InternalRequest, 'ID'>): string => apply({ ...request, user: 'alice', authRevision: auth.revision });
const asRoot = (request: Omit<InternalRequest, 'ID'>): string => apply({ ...request, user: 'root', authRevision: auth.revision });

function grant(permType: number, key: string, rangeEnd: Uint8Array = emptyBytes, user?: string): string {
  return change({ roleGrantPermission: { name: 'app', perm: { permType, key: utf8(key), rangeEnd } } }, user);
}

function users(): void {
  for (const name of ['root', 'alice']) change({ userAdd: { name, password: '', hashedPassword: hash(`$2a$${name}`), options: undefined } });
  change({ roleAdd: { name: 'app' } });
  change({ userGrantRole: { user: 'root', role: 'root' } });
  change({ userGrantRole: { user: 'alice', role: 'app' } });
}

beforeEach(() => {
  machine = new Machine();
  ({ auth } = machine);
});

describe('users, roles and the switch', () => {
  it('is enabled only with a root user that has role root', () => {
    expect(change({ enable: {} })).toBe('etcdserver: root user does not exist');
    change({ userAdd: { name: 'root', password: '', hashedPassword: '', options: undefined } });
    expect(change({ enable: {} })).toBe('etcdserver: root user does not have root role');
    expect(change({ userGrantRole: { user: 'root', role: 'root' } })).toBe('done');
    expect(change({ enable: {} })).toBe('done');
    expect(auth.enabled).toBe(true);
    expect(change({ enable: {} }, 'root')).toBe('done');
  });

  it('refuses what etcd refuses, in its words, and changes nothing then', () => {
    users();
    const before = auth.revision;
    expect(change({ userAdd: { name: '', password: '', hashedPassword: '' } })).toBe('etcdserver: user name is empty');
    expect(change({ userAdd: { name: 'alice', password: '', hashedPassword: '' } })).toBe('etcdserver: user name already exists');
    expect(change({ userDelete: { name: 'none' } })).toBe('etcdserver: user name not found');
    expect(change({ userGrantRole: { user: 'none', role: 'app' } })).toBe('etcdserver: user name not found');
    expect(change({ userGrantRole: { user: 'alice', role: 'none' } })).toBe('etcdserver: role name not found');
    expect(change({ userRevokeRole: { name: 'alice', role: 'root' } })).toBe('etcdserver: role is not granted to the user');
    expect(change({ roleAdd: { name: '' } })).toBe('etcdserver: role name is empty');
    expect(change({ roleAdd: { name: 'app' } })).toBe('etcdserver: role name already exists');
    expect(change({ roleDelete: { role: 'none' } })).toBe('etcdserver: role name not found');
    expect(change({ roleGrantPermission: { name: 'app', perm: undefined } })).toBe('etcdserver: permission not given');
    expect(grant(permissionType.read, '')).toBe('etcdserver: invalid auth management');
    expect(grant(permissionType.read, 'b', utf8('a'))).toBe('etcdserver: invalid auth management');
    expect(change({ roleRevokePermission: { role: 'app', key: utf8('a'), rangeEnd: emptyBytes } })).toBe('etcdserver: permission is not granted to the role');
    expect(change({ userChangePassword: { name: 'alice', password: '', hashedPassword: 'no base64!' } })).toBe('auth: authentication failed, password was given for no password user');
    expect(auth.revision).toBe(before);
  });

  it('keeps root while it is enabled', () => {
    users();
    change({ roleAdd: { name: 'root' } });
    change({ enable: {} });
    expect(change({ userDelete: { name: 'root' } }, 'root')).toBe('etcdserver: invalid auth management');
    expect(change({ roleDelete: { role: 'root' } }, 'root')).toBe('etcdserver: invalid auth management');
    expect(change({ userRevokeRole: { name: 'root', role: 'root' } }, 'root')).toBe('etcdserver: invalid auth management');
    expect(change({ disable: {} }, 'root')).toBe('done');
    expect(change({ userDelete: { name: 'root' } })).toBe('done');
  });

  it('counts every change once, and enabling not', () => {
    users();
    const before = auth.revision;
    change({ enable: {} });
    expect(auth.revision).toBe(before);
    change({ userGrantRole: { user: 'alice', role: 'app' } }, 'root');
    expect(auth.revision).toBe(before);
    change({ disable: {} }, 'root');
    expect(auth.revision).toBe(before + 1);
  });

  it('takes a deleted role from its users', () => {
    users();
    change({ roleDelete: { role: 'app' } });
    expect(auth.rolesOf('alice')).toEqual([]);
  });

  it('lets only root change it', () => {
    users();
    change({ enable: {} });
    expect(change({ roleAdd: { name: 'x' } })).toBe('etcdserver: user name is empty');
    expect(change({ roleAdd: { name: 'x' } }, 'alice')).toBe('etcdserver: permission denied');
    expect(change({ roleAdd: { name: 'x' } }, 'none')).toBe('etcdserver: user name not found');
    expect(change({ roleAdd: { name: 'x' } }, 'root')).toBe('done');
  });
});

describe('an authentication', () => {
  const authenticate = (name: string, authRevision = auth.revision): string => change({ authenticate: { name, simpleToken: 't', authRevision } });

  it('holds only for the state at which the password was checked', () => {
    users();
    expect(authenticate('alice')).toBe('etcdserver: authentication is not enabled');
    change({ enable: {} });
    expect(authenticate('alice')).toBe('done');
    expect(authenticate('none')).toBe('etcdserver: authentication failed, invalid user ID or password');
    const checkedAt = auth.revision;
    change({ userChangePassword: { name: 'alice', password: '', hashedPassword: hash('$2a$new') } }, 'root');
    expect(authenticate('alice', checkedAt)).toBe('etcdserver: revision of auth store is old');
  });
});

describe('what a user may do, decided when the entry is applied', () => {
  beforeEach(() => {
    users();
    grant(permissionType.readWrite, 'rw/', utf8('rw0'));
    grant(permissionType.read, 'r');
    grant(permissionType.write, 'w');
    grant(permissionType.write, 'z', Uint8Array.of(0));
    change({ enable: {} });
  });

  it('puts', () => {
    expect(asAlice({ put: put('rw/1') })).toBe('done');
    expect(asAlice({ put: put('rw0') })).toBe('etcdserver: permission denied');
    expect(asAlice({ put: put('r') })).toBe('etcdserver: permission denied');
    expect(asAlice({ put: put('w') })).toBe('done');
    expect(asAlice({ put: put('w', { prevKv: true }) })).toBe('etcdserver: permission denied');
    expect(asAlice({ put: put('zzz') })).toBe('done');
    expect(asRoot({ put: put('anything') })).toBe('done');
    expect(apply({ put: put('rw/1') })).toBe('etcdserver: user name is empty');
    expect(apply({ put: put('rw/1'), user: 'none', authRevision: auth.revision })).toBe('etcdserver: permission denied');
  });

  it('deletes', () => {
    const remove = (key: string, rangeEnd: Uint8Array, prevKv = false): string => asAlice({ deleteRange: { key: utf8(key), rangeEnd, prevKv } });
    expect(remove('rw/', utf8('rw0'), true)).toBe('done');
    expect(remove('z', Uint8Array.of(0))).toBe('done');
    expect(remove('z', Uint8Array.of(0), true)).toBe('etcdserver: permission denied');
    expect(remove('rw/', Uint8Array.of(0))).toBe('etcdserver: permission denied');
    expect(remove('\0', Uint8Array.of(0))).toBe('etcdserver: permission denied');
  });

  it('an old revision is refused: the permission may be gone', () => {
    const { revision } = auth;
    change({ roleRevokePermission: { role: 'app', key: utf8('w'), rangeEnd: emptyBytes } }, 'root');
    expect(apply({ put: put('rw/1'), user: 'alice', authRevision: revision })).toBe('etcdserver: revision of auth store is old');
    expect(asAlice({ put: put('w') })).toBe('etcdserver: permission denied');
    expect(asAlice({ put: put('rw/1') })).toBe('done');
  });

  it('transactions: comparisons, both branches, and those inside', () => {
    const txn = (over: Partial<TxnRequest>): TxnRequest => ({ compare: [], success: [], failure: [], ...over });
    const compare = (key: string): TxnRequest => txn({ compare: [{ result: 0, target: 0, key: utf8(key), rangeEnd: emptyBytes, version: 0 }] });
    expect(asAlice({ txn: compare('r') })).toBe('done');
    expect(asAlice({ txn: compare('w') })).toBe('etcdserver: permission denied');
    expect(asAlice({ txn: txn({ failure: [{ requestPut: put('no') }] }) })).toBe('etcdserver: permission denied');
    expect(asAlice({ txn: txn({ success: [{ requestRange: rangeOf('w') as never }] }) })).toBe('etcdserver: permission denied');
    expect(asAlice({ txn: txn({ success: [{ requestDeleteRange: { key: utf8('w'), rangeEnd: emptyBytes, prevKv: true } }] }) })).toBe('etcdserver: permission denied');
    expect(asAlice({ txn: txn({ success: [{ requestTxn: txn({ success: [{ requestPut: put('no') }] }) }] }) })).toBe('etcdserver: permission denied');
    expect(asAlice({ txn: txn({ success: [{ requestTxn: txn({ success: [{ requestPut: put('rw/1') }] }) }] }) })).toBe('done');
    expect(asAlice({ txn: txn({ success: [{ requestPut: put('w', { prevKv: true }) }] }) })).toBe('etcdserver: permission denied');
  });

  it('leases: all their keys must be writable, to revoke one and to hang a key on it', () => {
    asRoot({ leaseGrant: { ID: 7n, TTL: 60 } });
    expect(asAlice({ put: put('rw/1', { lease: 7n }) })).toBe('done');
    asRoot({ put: put('other', { lease: 7n }) });
    expect(asAlice({ put: put('rw/2', { lease: 7n }) })).toBe('etcdserver: permission denied');
    expect(asAlice({ txn: { compare: [], success: [{ requestPut: put('rw/2', { lease: 7n }) }], failure: [] } })).toBe('etcdserver: permission denied');
    expect(asAlice({ leaseRevoke: { ID: 7n } })).toBe('etcdserver: permission denied');
    expect(asRoot({ leaseRevoke: { ID: 7n } })).toBe('done');
  });

  it('compaction is root\'s, as in etcd since 3.6.9', () => {
    expect(asAlice({ compaction: { revision: 1, physical: false } })).toBe('etcdserver: permission denied');
  });

  it('nobody is checked while it is disabled', () => {
    change({ disable: {} }, 'root');
    expect(apply({ put: put('anything') })).toBe('done');
    expect(() => { auth.check(nobody, 'read', utf8('x'), emptyBytes); }).not.toThrow();
  });

  it('is the same after a trip through a snapshot', async () => {
    const copy = new State();
    decodeAuth(encodeAuth(auth), copy);
    expect(copy.snapshot()).toEqual(auth.snapshot());
    const restored = await reopened(machine);
    expect(restored.auth.snapshot()).toEqual(auth.snapshot());
    expect(restored.auth.enabled).toBe(true);
    expect(restored.auth.user('alice')).toEqual({ name: 'alice', password: '$2a$alice', noPassword: false, roles: ['app'], credential: auth.user('alice')?.credential });
    expect(restored.apply({ ID: 1n, put: put('w'), user: 'alice', authRevision: auth.revision }).error).toBeUndefined();
    expect(restored.apply({ ID: 1n, put: put('no'), user: 'alice', authRevision: auth.revision }).error?.message).toBe('etcdserver: permission denied');
  });
});
