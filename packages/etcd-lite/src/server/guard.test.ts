import { silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { beforeEach, describe, expect, test } from 'vitest';
import { AuthState } from '../auth/auth-state.ts';
import { JwtTokens } from '../auth/jwt-tokens.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { Guard } from './guard.ts';
import type { Member } from './member.ts';

const tokens = new JwtTokens(createRealHost(silentLogger), { method: 'HS256', ttlMs: 60_000, signKey: utf8('secret'), verifyKey: utf8('secret') });
let auth: AuthState;
let guard: Guard;

beforeEach(() => {
  auth = new AuthState();
  for (const name of ['root', 'alice']) auth.apply({ userAdd: { name, password: '', hashedPassword: '', options: undefined } });
  auth.apply({ userGrantRole: { user: 'root', role: 'root' } });
  auth.apply({ enable: {} });
  guard = new Guard({ applier: { machine: { auth, leases: new LeaseTable() }, index: 9 }, reads: { confirm: async () => undefined }, tokens, config: { clientCertAuth: true } } as unknown as Member);
});

describe('a signed token', () => {
  const call = (user: string): { readonly token: string; readonly peer: { readonly address: string } } => ({ token: tokens.issue(user, '', auth.revision), peer: { address: 'a' } });

  test('lets its user in until something is changed', async () => {
    const [root, alice] = [call('root'), call('alice')];
    expect(await guard.requireRoot(root)).toEqual({ user: 'root', authRevision: auth.revision });
    expect(await guard.requireKnown(alice)).toEqual({ user: 'alice', authRevision: auth.revision });
    await expect(guard.requireRoot(alice)).rejects.toThrow('etcdserver: permission denied');
  });

  test.each([
    ['root\'s password was changed', 'root', () => { auth.apply({ userChangePassword: { name: 'root', password: '', hashedPassword: '' } }); }],
    ['authentication was switched off and on', 'root', () => { auth.apply({ disable: {} }); auth.apply({ enable: {} }); }],
    ['its user was deleted', 'alice', () => { auth.apply({ userDelete: { name: 'alice' } }); }],
  ])('is refused where no key is asked for, too, after %s', async (_what, user, act) => {
    const before = call(user);
    act();
    await expect(guard.requireKnown(before)).rejects.toThrow('etcdserver: revision of auth store is old');
    await expect(guard.requireRoot(before)).rejects.toThrow('etcdserver: revision of auth store is old');
  });
});

test('a certificate without a common name is nobody\'s', async () => {
  const certificate = { commonName: '', organizations: [], fingerprint: '', notAfterMs: 0 };
  await expect(guard.requireKnown({ peer: { address: 'a', certificate } })).rejects.toThrow('etcdserver: user name is empty');
  expect(await guard.requireRoot({ peer: { address: 'a', certificate: { ...certificate, commonName: 'root' } } })).toEqual({ user: 'root', authRevision: auth.revision });
});
