import type { Client } from '@coxswain/client';
import { silentLogger, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { ServiceAccountTokens } from './tokens.ts';

/** Check 16 of docs/security.md: a pod never holds a token that is about to end, and one that was taken from it is soon worth nothing. */
const minuteMs = 60_000;
const startMs = Date.UTC(2026, 0, 1);
const pod = (uid: string): Pod => ({ metadata: { name: 'p', namespace: 'n', uid }, spec: { containers: [], serviceAccountName: 'app' } });

interface Asked { readonly name: string; readonly body: { readonly spec: { readonly audiences: string[]; readonly expirationSeconds: number; readonly boundObjectRef: object } } }

/** A server that gives each token the life that was asked for, or is away. */
function world(lifeSeconds?: number): { readonly tokens: ServiceAccountTokens; readonly asked: Asked[]; readonly at: (minute: number) => void; readonly away: (now: boolean) => void; readonly endOf: (token: string) => number } {
  const asked: Asked[] = [];
  const ends = new Map<string, number>();
  let nowMs = startMs;
  let isAway = false;
  const client = {
    createSubresource: (_type: unknown, { name }: { name: string }, _subresource: string, body: Asked['body']) => {
      if (isAway) return Promise.reject(new Error('connection refused'));
      asked.push({ name, body });
      const token = `token-${asked.length}`;
      ends.set(token, nowMs + (lifeSeconds ?? body.spec.expirationSeconds) * 1000);
      return Promise.resolve({ status: { token, expirationTimestamp: new Date(ends.get(token) ?? 0).toISOString() } });
    },
  };
  const host: Host = { ...createRealHost(silentLogger), clock: { nowMs: () => nowMs, monotonicMs: () => nowMs } };
  return {
    tokens: new ServiceAccountTokens(client as unknown as Client, host), asked,
    at: (minute) => { nowMs = startMs + minute * minuteMs; }, away: (now) => { isAway = now; }, endOf: (token) => ends.get(token) ?? 0,
  };
}

test('16: it is asked for the pod and for nobody else', async () => {
  const { tokens, asked } = world();
  await tokens.token(pod('u'), 'vault', 3607);
  expect(asked).toMatchObject([{ name: 'app', body: { spec: { audiences: ['vault'], expirationSeconds: 3607, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'u' } } } }]);
});

test('16: another comes at four fifths of its life, so that the pod never has less than a fifth left', async () => {
  const { tokens, asked, at, endOf } = world();
  for (let minute = 0; minute <= 600; minute += 1) {
    at(minute);
    const token = await tokens.token(pod('u'), '', 3600);
    expect(endOf(token) - (startMs + minute * minuteMs), `minute ${minute}`).toBeGreaterThan(12 * minuteMs - 1);
  }
  // Every 48 minutes, and at no other time.
  expect(asked.length).toBe(13);
});

test('16: while the server is away the old one is kept, and replaced when it is back', async () => {
  const { tokens, at, away } = world();
  expect(await tokens.token(pod('u'), '', 3600)).toBe('token-1');
  away(true);
  at(50);
  expect(await tokens.token(pod('u'), '', 3600)).toBe('token-1');
  await expect(tokens.token(pod('other'), '', 3600)).rejects.toThrow('connection refused');
  away(false);
  at(51);
  expect(await tokens.token(pod('u'), '', 3600)).toBe('token-2');
});

test('16: however long the server lets it live, it is a day old at most', async () => {
  const { tokens, at } = world(365 * 24 * 3600);
  expect(await tokens.token(pod('u'), '', 3600)).toBe('token-1');
  at(24 * 60 - 1);
  expect(await tokens.token(pod('u'), '', 3600)).toBe('token-1');
  at(24 * 60);
  expect(await tokens.token(pod('u'), '', 3600)).toBe('token-2');
});

test('16: no pod is given the token of another, nor one that it had before it was made anew', async () => {
  const { tokens } = world();
  const given = [await tokens.token(pod('u'), '', 3600), await tokens.token(pod('other'), '', 3600), await tokens.token(pod('u'), 'vault', 3600)];
  tokens.forget('u');
  given.push(await tokens.token(pod('u'), '', 3600));
  expect(new Set(given).size).toBe(4);
  expect(await tokens.token(pod('other'), '', 3600)).toBe(given[1]);
});
